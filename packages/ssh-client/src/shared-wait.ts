import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { describeError, privateFolder, runProcess } from "@nixops4-providers/provider-sdk";
import { formatHostKey } from "./host-key.ts";
import type { Endpoint } from "./endpoint.ts";

/** The news from the process that tries to the processes that wait for it. */
interface News {
  /** The time of the successful login, by the clock of {@link now}. */
  letInAt?: number;
  /** The error of the last try. */
  failure?: string;
}

const MAX_NEWS_BYTES = 4096;

/**
 * Lets one process of a user try to log in to a host, under a lock, while the others wait for it: nixops4 starts a process
 * for each resource, and sshd counts each failed login of an address. Without a folder for the lock, each process tries by
 * itself.
 */
export class SharedWait {
  readonly #file: FileHandle | undefined;
  readonly #since = now();
  #isLocked = false;

  static async start(endpoints: readonly Endpoint[]): Promise<SharedWait> {
    const folder = await privateFolder();
    if (folder === undefined) return new SharedWait(undefined);
    const path = join(folder, `ssh-wait.${identify(endpoints)}`);
    return new SharedWait(await open(path, "a+", 0o600).catch(() => undefined));
  }

  private constructor(file: FileHandle | undefined) {
    this.#file = file;
  }

  /** Waits until this process may try, or another one has logged in. */
  async takeTurn(signal: AbortSignal): Promise<void> {
    if (this.#isLocked || this.#file === undefined) return;
    try {
      await runProcess("flock", ["-x", "3"], { inheritFds: [this.#file.fd], signal });
      this.#isLocked = true;
    } catch (error) {
      if (signal.aborted) throw error;
      return;
    }
    const { letInAt = 0 } = await this.#read();
    if (letInAt >= this.#since) await this.#unlock();
  }

  async tellSuccess(): Promise<void> {
    await this.#tell({ letInAt: now() });
  }

  async tellFailure(error: unknown): Promise<void> {
    await this.#tell({ failure: describeError(error).split("\n")[0]! });
  }

  /** Returns the last error of another process, if it is known. */
  async heard(): Promise<Error | undefined> {
    if (this.#isLocked) return undefined;
    const { failure } = await this.#read();
    return failure === undefined
      ? undefined
      : new Error(`another process is trying; its last error: ${failure}`);
  }

  /** Lets the next process try. */
  async end(): Promise<void> {
    await this.#file?.close().catch(() => {});
  }

  async #unlock(): Promise<void> {
    await runProcess("flock", ["-u", "3"], { inheritFds: [this.#file!.fd] });
    this.#isLocked = false;
  }

  async #read(): Promise<News> {
    try {
      const { buffer, bytesRead } = await this.#file!.read(
        Buffer.alloc(MAX_NEWS_BYTES),
        0,
        MAX_NEWS_BYTES,
        0,
      );
      return JSON.parse(buffer.toString("utf8", 0, bytesRead)) as News;
    } catch {
      // There is no news, or it is being written.
      return {};
    }
  }

  /** Writes the news. Errors are ignored, since it only shortens waits. */
  async #tell(news: News): Promise<void> {
    if (!this.#isLocked) return;
    await this.#file!.truncate(0)
      .then(() => this.#file!.write(JSON.stringify(news)))
      .catch(() => {});
  }
}

/** Returns the monotonic time in nanoseconds, which is the same for all processes. */
function now(): number {
  return Number(process.hrtime.bigint());
}

/** Returns a name that is equal for equal logins to the same host. */
function identify(endpoints: readonly Endpoint[]): string {
  const facts = endpoints.map(({ label, user, pins, login }) => [
    label,
    user,
    pins.map(({ blob }) => formatHostKey(blob)),
    login.keys,
  ]);
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 32);
}
