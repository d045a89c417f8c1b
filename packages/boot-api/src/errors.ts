import { status, type ServiceError } from "@grpc/grpc-js";
import { ProviderError } from "@nixops4-providers/provider-sdk";

export type StatusName = keyof typeof status;

/** The error of a failed call to the boot service. */
export class BootServiceError extends ProviderError {
  override readonly name = "BootServiceError";
  /** The gRPC status, such as `OUT_OF_RANGE`. */
  readonly code: StatusName;
  /** Whether a retry may succeed, for example after the service has restarted. */
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

/**
 * Converts a gRPC error.
 *
 * @param doing what was being done, such as "put the boot entry x"
 * @param server the server as in the inputs
 */
export function callError(
  error: Pick<ServiceError, "code" | "details">,
  doing: string,
  server: string,
): BootServiceError {
  // Cancellations by the caller are handled before. This one is from the service, which has stopped.
  const cutOff = error.code === status.CANCELLED;
  const code = cutOff ? "UNAVAILABLE" : (status[error.code] as StatusName);
  const reason = cutOff ? "the service canceled the call" : withoutWrapping(error.details) || code;
  return new BootServiceError(
    code,
    `cannot ${doing} at the boot service ${server}: ${reason}`,
    code === "UNAVAILABLE" ? explainUnavailable(reason) : { hint: hints[code], isPassing: false },
  );
}

const hints: Partial<Record<StatusName, string>> = {
  DEADLINE_EXCEEDED: "The service did not answer in time. Check its load and the network.",
  UNIMPLEMENTED: "The service is older or newer than this provider: use the same version of both.",
  INTERNAL: "See the log of the service: `journalctl -u nixops4-boot-server`.",
};

function explainUnavailable(reason: string): { hint: string; isPassing: boolean } {
  if (/EACCES|EPERM/.test(reason)) {
    return {
      hint: "This user may not write to the socket: add the user to the socket's group.",
      isPassing: false,
    };
  }
  if (/self.signed|unable to (get|verify)|altnames|expired|not yet valid/i.test(reason)) {
    return {
      hint: "The server's certificate was not accepted: check `caCertificate`, the host in `address`, and the clocks.",
      isPassing: false,
    };
  }
  if (/ENOENT|ECONNREFUSED/.test(reason)) {
    return {
      hint: "Check with `systemctl status nixops4-boot-server` that the service is running, and that it listens at this address.",
      isPassing: true,
    };
  }
  if (/Failed to connect|alert|EPROTO|ECONNRESET|closed|hang up/i.test(reason)) {
    return {
      hint: "The server closed the connection. Over TCP, it requires a client certificate from its own CA.",
      isPassing: true,
    };
  }
  return { hint: "Check that the service is running, and that this machine can reach it.", isPassing: true };
}

/** Removes text that grpc-js adds to connection errors. */
function withoutWrapping(details: string): string {
  return details
    .replace(/^No connection established\. Last error: (Error: )?/, "")
    .replace(/\. Resolution note: $/, "")
    .replace(/ \(\d{4}-[-0-9:.TZ]+\)$/, "");
}
