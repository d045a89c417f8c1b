import { ProviderError } from "@nixops4-providers/provider-sdk";

/**
 * - `unreachable`: the host could not be reached or sent no SSH banner in time
 * - `dropped`: it closed the connection before it sent an SSH banner, as sshd does when it has too many
 * - `host-key`: it presented a key that is not pinned; nothing was sent to it
 * - `authentication`: it refused the user or all of the keys
 * - `protocol`: it does not speak the SSH that we do
 */
export type ConnectFailure = "unreachable" | "dropped" | "host-key" | "authentication" | "protocol";

/** No connection was made. */
export class ConnectError extends ProviderError {
  override readonly name = "ConnectError";
  readonly reason: ConnectFailure;

  constructor(reason: ConnectFailure, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options);
    this.reason = reason;
  }
}
