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

/** A connection to a host that is replaced when it is lost. */
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

  /** Ends the current connection and uses another one to the same host. */
  replace(ssh: SshConnection): void {
    this.#ssh.end();
    this.#ssh = ssh;
  }

  /**
   * Runs repeatable work, and runs it again over a new connection when the current one is lost. Fails when no new
   * connection can be made within `seconds`, or when a command on the host fails.
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
        // After a crash, the host reboots.
        const options = { timeoutSeconds: left, reboots: true };
        this.replace(await waitForSsh(this.#connection, this.#context, options));
      }
    }
  }

  end(): void {
    this.#ssh.end();
  }
}

/** Whether the host has answered, so that another connection would get the same answer. */
function isFinal(error: unknown): boolean {
  return error instanceof ScriptError && error.reason !== "lost" && error.reason !== "timeout";
}
