import { ProviderError } from "@nixops4-providers/provider-sdk";

/** An error status in an answer of Proxmox VE. */
export class PveError extends ProviderError {
  override readonly name = "PveError";
  readonly status: number;
  /** The text on the status line. */
  readonly reason: string;

  constructor(what: string, status: number, reason: string, errors: Record<string, unknown> = {}) {
    const fields = Object.entries(errors).map(([name, message]) => `${name}: ${String(message).trim()}`);
    super(`${what}: ${status} ${[reason, ...fields].join("; ")}`, hintFor(status, reason));
    this.status = status;
    this.reason = [reason, ...fields].join("; ");
  }

  /** Proxmox VE reports what does not exist with status 500. */
  get isNotFound(): boolean {
    return (
      this.status === 404 ||
      (this.status === 500 && /does not exist|no such (resource|pool)/.test(this.reason))
    );
  }

  get isTaken(): boolean {
    return this.status === 500 && /already (exists|defined)|config file already exists/.test(this.reason);
  }

  get isChangedMeanwhile(): boolean {
    return this.status === 500 && this.reason.includes("checksum mismatch (file change");
  }

  /** A task may be unknown for a moment after its start. */
  get isUnknownTask(): boolean {
    return this.status === 400 && this.reason.includes("no such task");
  }

  get isLocked(): boolean {
    return isLockMessage(this.reason);
  }

  /** The request did not reach the node. */
  get isUnreached(): boolean {
    return this.status === 595;
  }

  /** The node does not exist, or the request did not reach it. */
  get isUnreachable(): boolean {
    return this.isUnreached || (this.status === 500 && this.reason.includes("hostname lookup"));
  }

  /** The node did not answer, and may have carried out the request. */
  get isUnanswered(): boolean {
    return [596, 597, 599].includes(this.status);
  }
}

function hintFor(status: number, reason: string): { hint?: string } {
  if (status === 401) return { hint: "Check connection.tokenId and connection.tokenSecret." };
  if (status === 403) return { hint: `Give the token this privilege, or a role that has it: ${reason}` };
  return {};
}

/** A lock passes, unless the operation that holds it died. */
function isLockMessage(text: string): boolean {
  return /\b(VM|CT) is locked|can't lock file|got timeout.*lock|lock.*got timeout/.test(text);
}

/** The answer was lost: the request may have been carried out. */
export class LostAnswerError extends ProviderError {
  override readonly name = "LostAnswerError";
  constructor(what: string, cause: unknown) {
    super(`${what}: no answer received`, {
      cause,
      hint: "The request may have been carried out. Apply again: the next run checks.",
    });
  }
}

/** The connection failed before anything was sent. */
export class ConnectError extends ProviderError {
  override readonly name = "ConnectError";
  readonly mayPass: boolean;

  constructor(endpoint: string, cause: unknown) {
    super(`cannot connect to ${endpoint}`, { cause });
    const { code = "" } = (cause ?? {}) as { code?: string };
    this.mayPass = ["ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH", "EPIPE"].includes(code);
  }
}

/** A task that ended with an error. */
export class TaskError extends ProviderError {
  override readonly name = "TaskError";
  readonly exitStatus: string;

  constructor(what: string, exitStatus: string, log: readonly string[]) {
    const lines = log.map((line) => `\n  ${line}`).join("");
    super(`${what} failed: ${exitStatus}${lines}`);
    this.exitStatus = exitStatus;
  }

  get isLocked(): boolean {
    return isLockMessage(this.exitStatus);
  }
}
