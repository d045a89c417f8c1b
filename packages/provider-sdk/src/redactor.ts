/** The most lines of a secret that are replaced one by one. A longer one is a file: only its whole text is replaced. */
const MAX_SECRET_LINES = 1_000;

/** The shortest secret that is replaced. A shorter one occurs by chance in other text, and the gaps would reveal it. */
export const MIN_KEY_LENGTH = 4;

/** Replaces secrets in texts by `[secret]`. */
export class Redactor {
  #secrets = new Set<string>();
  /** Matches the secrets, the longest first; `undefined` after one was added. */
  #sorted: string[] | undefined;

  add(secret: string): void {
    if (secret.length >= MIN_KEY_LENGTH) this.#secrets.add(secret);
    // A program may print a secret of many lines (a private key) one line at a time.
    const lines = secret.split("\n", MAX_SECRET_LINES);
    for (const form of [secret, JSON.stringify(secret).slice(1, -1), ...lines]) {
      // Shorter lines reveal little, and occur by chance in other texts.
      if (form.trim().length >= 8) this.#secrets.add(form.trim());
    }
    this.#sorted = undefined;
  }

  redact(text: string): string {
    this.#sorted ??= [...this.#secrets].toSorted((a, b) => b.length - a.length);
    return this.#sorted.reduce((redacted, secret) => redacted.replaceAll(secret, "[secret]"), text);
  }
}
