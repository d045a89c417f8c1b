/**
 * Why the core does not do what it was asked. The edges translate it:
 * `invalid` the request breaks a rule whatever the state, `absent` no such thing, `denied` wrong token or address,
 * `conflict` not in this state, `limit` too much, `unavailable` the store does not work just now.
 */
export type RefusalKind = "invalid" | "absent" | "denied" | "conflict" | "limit" | "unavailable";

export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
