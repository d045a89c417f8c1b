/**
 * The reason of a refusal. The HTTP and gRPC servers translate it to their status codes.
 *
 * - `invalid`: the request is not valid in any state.
 * - `absent`: the named object does not exist.
 * - `denied`: wrong token or address.
 * - `conflict`: not possible in the current state.
 * - `limit`: a limit is exceeded.
 * - `unavailable`: the store does not work at the moment.
 */
export type RefusalKind = "invalid" | "absent" | "denied" | "conflict" | "limit" | "unavailable";

/** A request that the core has refused. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
