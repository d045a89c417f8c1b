/** What went wrong with a name, a value, a message or an exchange. */
export class DnsError extends Error {
  override readonly name = "DnsError";
  /** Whether the same may succeed a moment later. */
  readonly isTransient: boolean;

  /** What the server answered, when it did. */
  readonly rcode: string | undefined;

  constructor(message: string, options: { cause?: unknown; isTransient?: boolean; rcode?: string } = {}) {
    super(message, { cause: options.cause });
    this.rcode = options.rcode;
    this.isTransient = options.isTransient ?? false;
  }
}

/** Whether the server may answer otherwise a moment later. PowerDNS refuses what it cannot do under load. */
export function mayPass(rcode: string): boolean {
  return rcode === "SERVFAIL" || rcode === "REFUSED";
}
