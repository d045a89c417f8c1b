import * as real from "node:fs/promises";

/** What a full disk, a broken one, and a process without descriptors or memory answer. */
export const FAULTS = ["EIO", "ENOSPC", "EMFILE", "EAGAIN"] as const;

type Call = (...args: never[]) => Promise<unknown>;

const PATH_CALLS = ["link", "lstat", "mkdir", "open", "readdir", "rename", "rm", "stat", "unlink"] as const;
const HANDLE_CALLS = [
  "appendFile",
  "chmod",
  "close",
  "read",
  "stat",
  "sync",
  "truncate",
  "writeFile",
] as const;

/**
 * The real `node:fs/promises`, in which one call, or all from one call on, fails. Half of what a failing write was to
 * write is written. For `jest.unstable_mockModule("node:fs/promises", () => failing.module)`.
 */
export class FailingFs {
  readonly module: typeof real;
  /** The calls since `arm`. */
  calls: string[] = [];
  #fault: { code: string; first: number; last: number } | undefined;

  private constructor(handle: object) {
    const functions = PATH_CALLS.map((name) => [name, this.#wrap(name, real[name] as Call)]);
    this.module = { ...real, default: real, ...(Object.fromEntries(functions) as object) } as typeof real;
    const methods = Object.getPrototypeOf(handle) as Record<string, Call>;
    for (const name of HANDLE_CALLS) {
      const method = methods[name]!;
      const wrap = this.#wrap.bind(this);
      methods[name] = function (this: object, ...args: never[]) {
        const halfDone = async () => {
          const [data] = args as unknown[];
          if ((name === "writeFile" || name === "appendFile") && typeof data === "string") {
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

  /** From now on the call with this number fails, the first being 0, and with `persistent` all after it. */
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
      const fault = this.#fault;
      if (fault === undefined) return call(...args);
      const number = this.calls.push(name) - 1;
      if (number < fault.first || number > fault.last) return call(...args);
      // A file is closed even where close(2) answers with an error.
      if (name === "close") await call(...args);
      await halfDone();
      throw Object.assign(new Error(`${fault.code}: injected, ${name}`), { code: fault.code, syscall: name });
    };
  }
}
