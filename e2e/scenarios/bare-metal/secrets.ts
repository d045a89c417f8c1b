/** Searches for secrets in texts that other users can read. */
export class SecretSearch {
  readonly #needles = new Map<string, string>();

  /** Adds a token. `what` names it in failures. */
  addToken(what: string, token: string): void {
    if (token.length < 20) throw new Error(`${what} is no secret`);
    this.#needles.set(token, what);
  }

  /** Adds a private key in PEM form: each line, and all lines joined. */
  addPrivateKey(what: string, pem: string): void {
    const lines = pem.split("\n").filter((line) => line.length > 20 && !line.startsWith("-----"));
    if (!pem.includes("PRIVATE KEY-----") || lines.length < 2) throw new Error(`${what} is no private key`);
    for (const line of lines) this.addToken(what, line);
    // To find it with other line breaks or in Base64: a part from the middle of the private half, and the Base64 of the
    // whole.
    const body = lines.join("");
    this.addToken(what, body.slice(-100, -60));
    this.addToken(what, Buffer.from(pem).toString("base64").slice(200, 260));
  }

  get size(): number {
    return this.#needles.size;
  }

  /** Returns the names of the secrets in a text, never the secrets themselves. */
  findIn(text: string): string[] {
    const unbroken = text.replaceAll(/\\[nr]|[\s"',]/g, "");
    const found = [...this.#needles].filter(([needle]) => text.includes(needle) || unbroken.includes(needle));
    const marks = text.includes("PRIVATE KEY-----") ? ["a private key"] : [];
    return [...new Set([...found.map(([, what]) => what), ...marks])];
  }
}
