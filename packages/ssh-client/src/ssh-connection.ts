import type { Duplex } from "node:stream";
import { execute, type ExecOptions, type ExecResult, RemoteCommandError } from "./exec.ts";
import type { Link } from "./link.ts";
import { openRawChannel, type RawChannelOptions } from "./raw-channel.ts";
import { endLinks } from "./route.ts";

/** A connection to a host, from {@link connect} or {@link waitForSsh}. */
export class SshConnection {
  /** The key that the host presented: a line for `hostPublicKeys`. */
  readonly hostPublicKey: string;
  /** For messages: `web1:22`. */
  readonly label: string;
  readonly user: string;
  readonly #links: readonly Link[];
  readonly #signal: AbortSignal;

  constructor(links: readonly Link[], signal: AbortSignal) {
    const { hostPublicKey, endpoint } = links.at(-1)!;
    this.hostPublicKey = hostPublicKey;
    this.label = endpoint.label;
    this.user = endpoint.user;
    this.#links = links;
    this.#signal = signal;
  }

  /**
   * Runs a command in `sh` on the host. Returns its exit code; throws a `ProviderError` when it was killed, took
   * too long, could not be started, or when the connection was lost before it ended.
   */
  exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    return execute(this.#links.at(-1)!, command, { signal: this.#signal, ...options });
  }

  /** As `exec`, and any exit code but 0 is a {@link RemoteCommandError}. */
  async run(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    const result = await this.exec(command, options);
    if (result.exitCode !== 0) throw new RemoteCommandError(this.label, result);
    return result;
  }

  /**
   * Runs a program with its arguments, which the user's login shell interprets, in place of that shell, and returns its
   * standard input and output as a stream. The stream ends with it, and without an error when the connection is lost.
   */
  openChannel(command: string, options: RawChannelOptions = {}): Promise<Duplex> {
    return openRawChannel(this.#links.at(-1)!, command, options);
  }

  /** Ends the connection and those to the jump hosts. */
  end(): void {
    endLinks(this.#links);
  }
}
