import type { BootCore } from "../core/api.ts";
import { createBootCore } from "../core/boot-core.ts";
import type { Clock } from "../core/clock.ts";
import { DEFAULT_LIMITS, type Limits } from "../core/limits.ts";
import { openFileStore } from "../store/file-store.ts";

export interface BootCoreOptions {
  /** The folder of the store. It is created if necessary, and locked. */
  folder: string;
  /** The Nix store whose files are served directly. Default `/nix/store`. */
  nixStore?: string | undefined;
  limits?: Partial<Limits> | undefined;
  /** Receives messages for the operator. */
  log?: ((message: string) => void) | undefined;
  /** For tests. */
  clock?: Clock | undefined;
}

const systemClock: Clock = { now: () => Date.now(), uptime: () => performance.now() };

/** Opens the store in a folder, and starts the core with it. */
export async function openBootCore(options: BootCoreOptions): Promise<BootCore> {
  const { folder, nixStore = "/nix/store", log = () => {}, clock = systemClock } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const store = await openFileStore({ folder, nixStore, limits, log });
  return createBootCore({ store, limits, log, clock });
}
