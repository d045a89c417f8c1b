import { status, type StatusObject } from "@grpc/grpc-js";
import { Refusal, type RefusalKind } from "../core/refusal.ts";

const codes: Record<RefusalKind, status> = {
  invalid: status.INVALID_ARGUMENT,
  absent: status.NOT_FOUND,
  denied: status.PERMISSION_DENIED,
  conflict: status.FAILED_PRECONDITION,
  limit: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
};

/** Details are sent in a header of at most 64 KiB, where percent-encoding takes up to nine bytes for one. */
const MAX_DETAIL_BYTES = 6 * 1024;

/** Converts an error to a gRPC status. Logs an unexpected error, whose message the client does not get. */
export function toStatus(error: unknown, log: (message: string) => void): Partial<StatusObject> {
  if (error instanceof Refusal) return { code: codes[error.kind], details: shortened(error.message) };
  if ((error as NodeJS.ErrnoException).code === "ERR_STREAM_PREMATURE_CLOSE") {
    return { code: status.CANCELLED, details: "the client closed the connection" };
  }
  log(`gRPC: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return { code: status.INTERNAL, details: "internal error, see the log of the service" };
}

function shortened(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_DETAIL_BYTES) return text;
  return `${bytes.subarray(0, MAX_DETAIL_BYTES).toString()} … and more`;
}
