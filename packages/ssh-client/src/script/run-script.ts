import type { Duplex, Readable } from "node:stream";
import type { ClientChannel } from "ssh2";
import type { SshConnection } from "../ssh-connection.ts";

export interface Script {
  /**
   * For `sh`, the text of a `.sh` file: `import script from "./do-it.sh"`. It runs in dash and busybox, with the
   * folders of programs of Debian, NixOS and Nix (also of a user) at the end of its PATH. To become a program:
   * `exec "$@"`.
   */
  script: string;
  /** Its positional parameters; other users of the host can see those of a program that it becomes. */
  args?: readonly string[] | undefined;
  /** Environment variables. Their values are on no command line. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Whether it runs as root by `sudo -n`; it is an error when that does not make it root. */
  sudo?: boolean | undefined;
  /** The host ends it, with all in its process group, after this many seconds, and when the connection ends. */
  timeoutSeconds: number;
  /** What it does, for errors: `write the file /etc/motd`. */
  doing: string;
  /** Called with each line of standard error as it comes (with all at the end, where the host joins the outputs). */
  onStderrLine?: ((line: string) => void) | undefined;
}

export interface FiniteScript extends Script {
  /** Its standard input; nothing when not set. */
  stdin?: string | Uint8Array | Readable | undefined;
  /** More than this on standard output is an error. Default: 64 MiB. */
  maxOutputBytes?: number | undefined;
}

export interface ScriptResult {
  /** What the script printed, and nothing that its host, shell or sudo said beside it. */
  stdout: Buffer;
  /** The last lines of standard error. */
  stderrTail: string;
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * Runs a script on a host, whatever the login shell is, and returns what it prints. This is the one way to run
 * something on a host:
 *
 *     import script from "./read-boot-id.sh";
 *     const { stdout } = await runScript(ssh, { script, timeoutSeconds: 10, doing: "read the boot id" });
 *
 * The login shell gets one line that all shells read the same way. The host must say a random mark before anything
 * else is sent; the script comes on standard input, behind that mark, and its standard input behind it. What comes
 * before the script's own output is dropped, and its exit code and the end of its output come with a mark, too. So a
 * host that runs something else is an error and never a success, and what is sent is never run by another shell.
 *
 * Throws a {@link ScriptError} for everything but exit code 0.
 */
export async function runScript(ssh: SshConnection, script: FiniteScript): Promise<ScriptResult> {
  return (await start(ssh, { ...script, stream: false })).result(ssh.signal);
}

/**
 * Starts a script like {@link runScript} and returns its standard input and output as a stream, for as long as it
 * runs; its exit code is not known. The stream ends without an error when the connection is lost.
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
