import { type Context, describeError, retryUntil } from "@nixops4-providers/provider-sdk";
import {
  connect,
  ConnectError,
  type ConnectionSettings,
  ScriptError,
  type SshConnection,
  waitForSsh,
} from "@nixops4-providers/ssh-client";

const RETRY_PAUSE_SECONDS = 0.5;

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
    const deadline = performance.now() + seconds * 1000;
    let isLost = false;
    const attempt = async () => {
      if (isLost) await this.#reconnect((deadline - performance.now()) / 1000);
      return work(this.#ssh);
    };
    return retryUntil(attempt, {
      deadline,
      pause: RETRY_PAUSE_SECONDS,
      signal,
      mayPass: (error) => !isFinal(error),
      onFailure: (error) => {
        isLost = true;
        log.warn(describeError(error).split("\n")[0]!);
      },
    });
  }

  /** After a crash, the host reboots. */
  async #reconnect(timeoutSeconds: number): Promise<void> {
    this.replace(await waitForSsh(this.#connection, this.#context, { timeoutSeconds, reboots: true }));
  }

  end(): void {
    this.#ssh.end();
  }
}

/** Whether the host has answered, so that another connection would get the same answer, or was waited for in vain. */
function isFinal(error: unknown): boolean {
  if (error instanceof ConnectError) return true;
  return error instanceof ScriptError && error.reason !== "lost" && error.reason !== "timeout";
}
