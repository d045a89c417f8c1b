import * as childProcess from "node:child_process";
import { EventEmitter } from "node:events";
import * as realSync from "node:fs";
import * as real from "node:fs/promises";
import { tmpdir } from "node:os";

/** The errors of a broken disk, a full disk, and a process without descriptors or memory. */
export const FAULTS = ["EIO", "ENOSPC", "EMFILE", "EAGAIN"] as const;

type Call = (...args: never[]) => Promise<unknown>;

const PATH_CALLS = [
  "link",
  "lstat",
  "mkdir",
  "open",
  "readFile",
  "readdir",
  "readlink",
  "realpath",
  "rename",
  "rm",
  "stat",
  "statfs",
  "symlink",
  "unlink",
] as const;
const SYNC_CALLS = ["fstatSync", "mkdirSync", "readSync", "statSync", "writeSync"] as const;
const HANDLE_CALLS = [
  "appendFile",
  "chmod",
  "chown",
  "close",
  "read",
  "stat",
  "sync",
  "truncate",
  "writeFile",
] as const;

/**
 * The real file system and processes, with failing calls: one call, or all calls from one on. A failing write writes
 * half of its data. The modules are for `jest.unstable_mockModule`, such as
 * `jest.unstable_mockModule("node:fs/promises", () => failing.module)`.
 */
export class FailingFs {
  readonly module: typeof real;
  /** `node:fs`, in which the synchronous calls that logs make can fail. */
  readonly syncModule: typeof realSync;
  /** `node:child_process`, in which starting a process can fail. */
  readonly processModule: typeof childProcess;
  /** The calls since `arm`. */
  calls: string[] = [];
  #fault: { code: string; first: number; last: number } | undefined;

  private constructor(handle: object) {
    const functions = PATH_CALLS.map((name) => [name, this.#wrap(name, real[name] as Call)]);
    this.module = { ...real, default: real, ...(Object.fromEntries(functions) as object) } as typeof real;
    const syncFunctions = SYNC_CALLS.map((name) => [name, this.#wrapSync(name)]);
    const sync = Object.fromEntries(syncFunctions) as object;
    this.syncModule = { ...realSync, ...sync, default: realSync } as typeof realSync;
    this.processModule = { ...childProcess, spawn: this.#spawn.bind(this) as typeof childProcess.spawn };
    const methods = Object.getPrototypeOf(handle) as Record<string, Call>;
    for (const name of HANDLE_CALLS) {
      const method = methods[name]!;
      const wrap = this.#wrap.bind(this);
      methods[name] = function (this: object, ...args: never[]) {
        const halfDone = async () => {
          const [data] = args as unknown[];
          if (name !== "writeFile" && name !== "appendFile") return;
          if (typeof data === "string" || data instanceof Uint8Array) {
            await method.apply(this, [data.slice(0, data.length / 2)] as never);
          }
        };
        return wrap(name, method.bind(this), halfDone)(...args);
      };
    }
  }

  static async create(): Promise<FailingFs> {
    const handle = await real.open("/dev/null");
    await handle.close();
    return new FailingFs(handle);
  }

  /** Makes the call with this number fail, counted from 0 from now on; with `persistent`, also all later calls. */
  arm(code: string, call: number, { persistent = false } = {}): void {
    this.calls = [];
    this.#fault = { code, first: call, last: persistent ? Infinity : call };
  }

  /** Returns whether a call has failed. */
  disarm(): boolean {
    const hasFailed = this.#fault !== undefined && this.calls.length > this.#fault.first;
    this.#fault = undefined;
    return hasFailed;
  }

  #wrap(name: string, call: Call, halfDone: () => Promise<void> = async () => {}): Call {
    return async (...args) => {
      const failure = this.#next(name);
      if (failure === undefined) return call(...args);
      // Linux closes a file even when close(2) returns an error.
      if (name === "close") await call(...args);
      await halfDone();
      throw failure;
    };
  }

  #wrapSync(name: (typeof SYNC_CALLS)[number]): (...args: never[]) => unknown {
    const call = realSync[name] as (...args: unknown[]) => unknown;
    return (...args: unknown[]) => {
      const [fd, data] = args;
      // Standard streams never fail: log lines are not part of the test.
      const isStandard = typeof fd === "number" && fd <= 2;
      const failure = isStandard ? undefined : this.#next(name);
      if (failure === undefined) return call(...args);
      if (name === "writeSync" && data instanceof Uint8Array) call(fd, data, 0, data.length >> 1);
      throw failure;
    };
  }

  #spawn(...args: unknown[]): unknown {
    const failure = this.#next("spawn");
    if (failure === undefined) return (childProcess.spawn as (...args: unknown[]) => unknown)(...args);
    const child = new EventEmitter();
    process.nextTick(() => child.emit("error", failure));
    return child;
  }

  /** Counts a call, and returns its error if it has to fail. */
  #next(name: string): NodeJS.ErrnoException | undefined {
    const fault = this.#fault;
    if (fault === undefined) return undefined;
    const number = this.calls.push(name) - 1;
    if (number < fault.first || number > fault.last) return undefined;
    const { code } = fault;
    return Object.assign(new Error(`${code}: injected, ${name}`), { code, syscall: name });
  }
}

/** A folder in memory, for tests with thousands of syncs. */
export const inMemoryFolder = realSync.existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
