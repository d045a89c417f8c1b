import { status, type ServiceError } from "@grpc/grpc-js";
import { ProviderError } from "@nixops4-providers/provider-sdk";

export type StatusName = keyof typeof status;

/** Why a call of the boot service failed. */
export class BootServiceError extends ProviderError {
  /** The gRPC status, as `OUT_OF_RANGE`. */
  readonly code: StatusName;

  constructor(code: StatusName, message: string, hint?: string) {
    super(message, hint === undefined ? {} : { hint });
    this.code = code;
  }
}

/** `doing` as "put the boot entry x", `server` as the user named it. */
export function callError(error: ServiceError, doing: string, server: string): BootServiceError {
  // What the caller cancels does not come here: it was the service, when it stopped.
  const cutOff = error.code === status.CANCELLED;
  const code = cutOff ? "UNAVAILABLE" : (status[error.code] as StatusName);
  const reason = cutOff ? "the service cut the call off" : withoutWrapping(error.details) || code;
  return new BootServiceError(
    code,
    `cannot ${doing} at the boot service ${server}: ${reason}`,
    hint(code, reason),
  );
}

function hint(code: StatusName, reason: string): string | undefined {
  return code === "UNAVAILABLE" ? unavailableHint(reason) : hints[code];
}

const hints: Partial<Record<StatusName, string>> = {
  DEADLINE_EXCEEDED: "The service did not answer in time. Is it overloaded, or is the network slow?",
  UNIMPLEMENTED: "The service is older or newer than this provider: use the same version of both.",
  INTERNAL: "The log of the service says more: `journalctl -u nixops4-boot-server`.",
};

function unavailableHint(reason: string): string {
  if (/EACCES|EPERM/.test(reason)) {
    return "The socket's file mode says who may use it: add the user to the socket's group.";
  }
  if (/ENOENT|ECONNREFUSED/.test(reason)) {
    return "Is the service running, and is this where it listens? `systemctl status nixops4-boot-server` tells.";
  }
  if (/self.signed|unable to (get|verify)|altnames|expired|not yet valid/i.test(reason)) {
    return "The server's certificate is not accepted: check `caCertificate`, the name in `address`, and the clocks.";
  }
  if (/Failed to connect|alert|EPROTO|ECONNRESET|closed|hang up/i.test(reason)) {
    return "The server closed the connection: over TCP because it wants a client certificate from its own CA.";
  }
  return "Is the service running, and can it be reached from here?";
}

/** grpc-js tells of a failed connection in more words than help. */
function withoutWrapping(details: string): string {
  return details
    .replace(/^No connection established\. Last error: (Error: )?/, "")
    .replace(/\. Resolution note: $/, "")
    .replace(/ \(\d{4}-[-0-9:.TZ]+\)$/, "");
}
