import { status, type ServiceError } from "@grpc/grpc-js";
import { ProviderError } from "@nixops4-providers/provider-sdk";

export type StatusName = keyof typeof status;

/** Why a call of the boot service failed. */
export class BootServiceError extends ProviderError {
  override readonly name = "BootServiceError";
  /** The gRPC status, such as `OUT_OF_RANGE`. */
  readonly code: StatusName;
  /** Whether the same call may succeed a little later, as while the service restarts. */
  readonly isPassing: boolean;

  constructor(
    code: StatusName,
    message: string,
    { hint, isPassing }: { hint: string | undefined; isPassing: boolean },
  ) {
    super(message, hint === undefined ? {} : { hint });
    this.code = code;
    this.isPassing = isPassing;
  }
}

/** `doing` as "put the boot entry x", `server` as the user named it. */
export function callError(
  error: Pick<ServiceError, "code" | "details">,
  doing: string,
  server: string,
): BootServiceError {
  // What the caller cancels does not come here: it was the service, when it stopped.
  const cutOff = error.code === status.CANCELLED;
  const code = cutOff ? "UNAVAILABLE" : (status[error.code] as StatusName);
  const reason = cutOff ? "the service cut the call off" : withoutWrapping(error.details) || code;
  return new BootServiceError(
    code,
    `cannot ${doing} at the boot service ${server}: ${reason}`,
    code === "UNAVAILABLE" ? explainUnavailable(reason) : { hint: hints[code], isPassing: false },
  );
}

const hints: Partial<Record<StatusName, string>> = {
  DEADLINE_EXCEEDED: "The service did not answer in time. Is it overloaded, or is the network slow?",
  UNIMPLEMENTED: "The service is older or newer than this provider: use the same version of both.",
  INTERNAL: "The log of the service says more: `journalctl -u nixops4-boot-server`.",
};

function explainUnavailable(reason: string): { hint: string; isPassing: boolean } {
  if (/EACCES|EPERM/.test(reason)) {
    return {
      hint: "The socket's file mode says who may use it: add the user to the socket's group.",
      isPassing: false,
    };
  }
  if (/self.signed|unable to (get|verify)|altnames|expired|not yet valid/i.test(reason)) {
    return {
      hint: "The server's certificate is not accepted: check `caCertificate`, the name in `address`, and the clocks.",
      isPassing: false,
    };
  }
  if (/ENOENT|ECONNREFUSED/.test(reason)) {
    return {
      hint: "Is the service running, and is this where it listens? `systemctl status nixops4-boot-server` tells.",
      isPassing: true,
    };
  }
  if (/Failed to connect|alert|EPROTO|ECONNRESET|closed|hang up/i.test(reason)) {
    return {
      hint: "The server closed the connection: over TCP because it wants a client certificate from its own CA.",
      isPassing: true,
    };
  }
  return { hint: "Is the service running, and can it be reached from here?", isPassing: true };
}

/** grpc-js tells of a failed connection in more words than help. */
function withoutWrapping(details: string): string {
  return details
    .replace(/^No connection established\. Last error: (Error: )?/, "")
    .replace(/\. Resolution note: $/, "")
    .replace(/ \(\d{4}-[-0-9:.TZ]+\)$/, "");
}
