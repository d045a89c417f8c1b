import type { BootCore } from "../core/api.ts";

/** What every route works with. */
export interface GrpcContext {
  core: BootCore;
  /** Where a machine with this MAC address gets its iPXE script. */
  scriptUrl: (mac: string) => string;
  /** Told of what the operator should know. */
  log: (message: string) => void;
  /** Aborted when the server is about to stop. */
  stopping: AbortSignal;
}
