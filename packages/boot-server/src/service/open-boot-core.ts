import type { BootCore } from "../core/api.ts";
import { createBootCore } from "../core/boot-core.ts";
import type { Clock } from "../core/clock.ts";
import { DEFAULT_LIMITS, type Limits } from "../core/limits.ts";
import { openFileStore } from "../store/file-store.ts";

export interface BootCoreOptions {
  /** Where everything is stored; made when it is not there. One server has it to itself. */
  folder: string;
  /** Files of this Nix store are served in place. Default `/nix/store`. */
  nixStore?: string | undefined;
  limits?: Partial<Limits> | undefined;
  /** Told of what the operator should know. */
  log?: ((message: string) => void) | undefined;
  /** For tests. */
  clock?: Clock | undefined;
}

const systemClock: Clock = { now: () => Date.now(), uptime: () => performance.now() };

/** Opens the store in a folder, and the service's memory over it. */
export async function openBootCore(options: BootCoreOptions): Promise<BootCore> {
  const { folder, nixStore = "/nix/store", log = () => {}, clock = systemClock } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const store = await openFileStore({ folder, nixStore, limits, log });
  return createBootCore({ store, limits, log, clock });
}
