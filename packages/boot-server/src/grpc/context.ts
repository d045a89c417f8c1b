import type { BootCore } from "../core/api.ts";

/** The objects that all methods use. */
export interface GrpcContext {
  core: BootCore;
  /** Returns the URL of the iPXE script for a MAC address. */
  scriptUrl: (mac: string) => string;
  /** Receives messages for the operator. */
  log: (message: string) => void;
  /** Aborted when the server begins to stop. */
  stopping: AbortSignal;
}
