import type { Duplex, Readable } from "node:stream";
import type { ClientChannel } from "ssh2";
import type { SshConnection } from "../ssh-connection.ts";

export interface Script {
  /**
   * A script for `sh`, from a `.sh` file: `import script from "./do-it.sh"`. It must run in dash and busybox. Its PATH ends
   * with the folders of programs of Debian, NixOS and Nix, also those of the user. `exec "$@"` runs a program.
   */
  script: string;
  /** The positional parameters. When the script runs a program with `exec`, other users of the host can see them. */
  args?: readonly string[] | undefined;
  /** The environment variables. Their values are on no command line. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Whether to run as root by `sudo -n`. It is an error when the user is not root then. */
  sudo?: boolean | undefined;
  /** The seconds after which the host kills the process group of the script. It does so also when the connection ends. */
  timeoutSeconds: number;
  /** The action of the script for errors, such as `write the file /etc/motd`. */
  doing: string;
  /** Is called with each line of standard error as it arrives, or with all lines at the end when the host joins the outputs. */
  onStderrLine?: ((line: string) => void) | undefined;
}

export interface FiniteScript extends Script {
  /** The standard input. Default: empty. */
  stdin?: string | Uint8Array | Readable | undefined;
  /** The most bytes on standard output. More is an error. Default: 64 MiB. */
  maxOutputBytes?: number | undefined;
}

export interface ScriptResult {
  /** The output of the script, without that of the login shell or sudo. */
  stdout: Buffer;
  /** The last lines of standard error. */
  stderrTail: string;
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * Runs a script on a host with any login shell, and returns its output. This is the only way to run something on a
 * host:
 *
 *     import script from "./read-boot-id.sh";
 *     const { stdout } = await runScript(ssh, { script, timeoutSeconds: 10, doing: "read the boot id" });
 *
 * The login shell gets one line, which all shells parse in the same way and which prints a random mark. Only then the
 * script is sent over standard input, followed by its own standard input. Text before the script's output is dropped. The
 * end of the output and the exit code have marks, too. So a host that runs something else is always an error, and no other
 * program gets the script.
 *
 * Throws a {@link ScriptError} for any exit code but 0.
 */
export async function runScript(ssh: SshConnection, script: FiniteScript): Promise<ScriptResult> {
  return (await start(ssh, { ...script, stream: false })).result(ssh.signal);
}

/**
 * Starts a script like {@link runScript} and returns its standard input and output as a stream. The exit code is not
 * known. The stream ends without an error when the connection is lost.
 */
export async function openScript(ssh: SshConnection, script: Script): Promise<Duplex> {
  return (await start(ssh, { ...script, stream: true })).stream(ssh.signal);
}

async function start(ssh: SshConnection, job: FiniteScript & { stream: boolean }) {
  const [{ newMarks, loginLine }, { openSession }, { RemoteScript }, { ScriptError }] = await Promise.all([
    import("./protocol.ts"),
    import("./open-session.ts"),
    import("./remote-script.ts"),
    import("./script-error.ts"),
  ]);
  const { link, signal } = ssh;
  const what = `cannot ${job.doing} on ${ssh.label}`;
  if (signal.aborted) {
    throw new ScriptError(`${what}: it was interrupted`, { reason: "interrupted", cause: signal.reason });
  }
  const marks = await newMarks();
  try {
    const { args = [], env = {}, sudo = false, maxOutputBytes = MAX_OUTPUT_BYTES } = job;
    const whole = { ...job, args, env, sudo, maxOutputBytes };
    const take = (channel: ClientChannel) => new RemoteScript(link, channel, marks, whole);
    return await openSession(link, loginLine(marks), signal, take);
  } catch (cause) {
    throw new ScriptError(what, { reason: "lost", cause });
  }
}
