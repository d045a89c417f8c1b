import { setTimeout as sleep } from "node:timers/promises";
import { type Context, describeError } from "@nixops4-providers/provider-sdk";
import {
  connect,
  type ConnectionSettings,
  ScriptError,
  type SshConnection,
  waitForSsh,
} from "@nixops4-providers/ssh-client";

const RETRY_PAUSE_MS = 500;

/** A connection that is made again when it is lost. */
export class PersistentConnection {
  readonly #connection: ConnectionSettings;
  readonly #context: Context;
  #ssh: SshConnection;

  private constructor(connection: ConnectionSettings, context: Context, ssh: SshConnection) {
    this.#connection = connection;
    this.#context = context;
    this.#ssh = ssh;
  }

  static async open(connection: ConnectionSettings, context: Context): Promise<PersistentConnection> {
    return new PersistentConnection(connection, context, await connect(connection, context));
  }

  get ssh(): SshConnection {
    return this.#ssh;
  }

  /** Goes on over another connection to the same host. */
  replace(ssh: SshConnection): void {
    this.#ssh.end();
    this.#ssh = ssh;
  }

  /**
   * Does something that can be repeated, over a new connection where the one in use does not work any more. Fails
   * when the host did not let us in for so many seconds, or when a command on it fails.
   */
  async persist<T>(seconds: number, work: (ssh: SshConnection) => Promise<T>): Promise<T> {
    const { signal, log } = this.#context;
    const giveUpAt = performance.now() + seconds * 1000;
    for (;;) {
      try {
        return await work(this.#ssh);
      } catch (error) {
        const left = (giveUpAt - performance.now()) / 1000;
        if (isFinal(error) || signal.aborted || left <= 0) throw error;
        log.warn(describeError(error).split("\n")[0]!);
        await sleep(RETRY_PAUSE_MS);
        // Where it crashed, it reboots.
        const options = { timeoutSeconds: left, reboots: true };
        this.replace(await waitForSsh(this.#connection, this.#context, options));
      }
    }
  }

  end(): void {
    this.#ssh.end();
  }
}

/** The host has answered: another connection would get the same answer. */
function isFinal(error: unknown): boolean {
  return error instanceof ScriptError && error.reason !== "lost" && error.reason !== "timeout";
}
