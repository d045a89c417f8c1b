/** Looks for secrets in what others can read. */
export class SecretSearch {
  readonly #needles = new Map<string, string>();

  /** `what` says in a failure which one it was. */
  addToken(what: string, token: string): void {
    if (token.length < 20) throw new Error(`${what} is no secret`);
    this.#needles.set(token, what);
  }

  /** A private key in PEM form, each line of which is to be found, and the whole of it on one line. */
  addPrivateKey(what: string, pem: string): void {
    const lines = pem.split("\n").filter((line) => line.length > 20 && !line.startsWith("-----"));
    if (!pem.includes("PRIVATE KEY-----") || lines.length < 2) throw new Error(`${what} is no private key`);
    for (const line of lines) this.addToken(what, line);
    // However the lines are broken: what stands in the middle of the private half; and the whole in Base64 once more.
    const body = lines.join("");
    this.addToken(what, body.slice(-100, -60));
    this.addToken(what, Buffer.from(pem).toString("base64").slice(200, 260));
  }

  get size(): number {
    return this.#needles.size;
  }

  /** Returns the names of the secrets in a text, never the secrets. */
  findIn(text: string): string[] {
    const unbroken = text.replaceAll(/\\[nr]|[\s"',]/g, "");
    const found = [...this.#needles].filter(([needle]) => text.includes(needle) || unbroken.includes(needle));
    const marks = text.includes("PRIVATE KEY-----") ? ["a private key"] : [];
    return [...new Set([...found.map(([, what]) => what), ...marks])];
  }
}
