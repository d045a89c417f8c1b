import type { Readable } from "node:stream";
import { LineTail, ProviderError } from "@nixops4-providers/provider-sdk";
import type { ClientChannel } from "ssh2";
import { withDeadline } from "./deadline.ts";
import type { Link } from "./link.ts";
import { shellQuote } from "./shell-quote.ts";

export interface ExecOptions {
  /** Written to the command's standard input, which is then closed; without it standard input is empty. */
  stdin?: string | Uint8Array | Readable | undefined;
  /** Runs the command as root by `sudo -n`. */
  sudo?: boolean | undefined;
  /** The command is ended after this many seconds, which is an error; without it, never. */
  timeoutSeconds?: number | undefined;
  /** Ends the command as the timeout does. By default the signal of the context that connected. */
  signal?: AbortSignal | undefined;
  /** Called with each line of standard error as it comes. */
  onStderrLine?: ((line: string) => void) | undefined;
  /** More than this on standard output ends the command, which is an error; without it, anything goes. */
  maxOutputBytes?: number | undefined;
}

export interface ExecResult {
  exitCode: number;
  stdout: Buffer;
  /** The last lines of standard error. */
  stderrTail: string;
}

/** A command on a host did not end with exit code 0. */
export class RemoteCommandError extends ProviderError {
  readonly exitCode: number;
  readonly stderrTail: string;

  constructor(label: string, { exitCode, stderrTail }: ExecResult) {
    const message = `the command on ${label} failed with exit code: ${exitCode}`;
    super(
      stderrTail === "" ? message : `${message}\nIts last lines on standard error:\n${indent(stderrTail)}`,
    );
    this.exitCode = exitCode;
    this.stderrTail = stderrTail;
  }
}

/** How long a command has to end after SIGTERM, and how much later nobody waits for it any more. */
const KILL_AFTER_SECONDS = 1;
const GIVE_UP_AFTER_MS = 1_500;

/** Lines by which the shell on the host tells its process group, and that sudo let the command through. */
const GROUP_MARK = "nixops4-process-group:";
const SUDO_MARK = "nixops4-sudo-works";

export async function execute(link: Link, command: string, options: ExecOptions): Promise<ExecResult> {
  const { label } = link.endpoint;
  if (options.signal?.aborted === true) throw interrupted(label, options.signal);
  return (await start(link, command, options)).result();
}

/**
 * SSH's own request to signal a command does not work for root (OpenSSH: "session signalling requires privilege
 * separation"), so the shell says what to kill: sshd makes it the leader of a process group.
 */
function wrap(command: string, sudo: boolean): string {
  const inner = sudo ? `exec sudo -n sh -c ${shellQuote([`echo ${SUDO_MARK} >&2; ${command}`])}` : command;
  // Through sh, because the login shell may be any other.
  return `exec sh -c ${shellQuote([`echo ${GROUP_MARK}$$ >&2; ${inner}`])}`;
}

/** Not to be interrupted: what was started must be ended too. */
async function start(link: Link, command: string, options: ExecOptions): Promise<RemoteProcess> {
  const { label, timeoutSeconds } = link.endpoint;
  const started = new Promise<RemoteProcess>((resolve, reject) => {
    link.client.exec(wrap(command, options.sudo === true), (error, channel) => {
      // At once: the exit code may have come in the same packet, and is announced only once.
      if (error) reject(error);
      else resolve(new RemoteProcess(link, channel, options));
    });
  });
  try {
    return await withDeadline(started, timeoutSeconds, "no answer");
  } catch (cause) {
    throw new ProviderError(`cannot start a command on ${label}`, { cause: link.lost ?? cause });
  }
}

/** A command that runs on the host, until its channel is closed. */
class RemoteProcess {
  readonly #link: Link;
  readonly #channel: ClientChannel;
  readonly #options: ExecOptions;
  readonly #closed: Promise<void>;
  readonly #stdout: Buffer[] = [];
  readonly #tail = new LineTail((line) => this.#takeLine(line));
  #exitCode: number | undefined;
  #exitSignal: string | undefined;
  /** The process group on the host. */
  #group: number | undefined;
  #sudoWorks = false;
  /** Why the command is not to go on. */
  #stopped: Error | undefined;
  #timers: NodeJS.Timeout[] = [];
  #giveUp: () => void = () => {};

  constructor(link: Link, channel: ClientChannel, options: ExecOptions) {
    this.#link = link;
    this.#channel = channel;
    this.#options = options;
    let length = 0;
    channel.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= (options.maxOutputBytes ?? Infinity)) this.#stdout.push(chunk);
      else
        this.#stop(`the command on ${link.endpoint.label} printed more than ${options.maxOutputBytes} bytes`);
    });
    channel.stderr.on("data", (chunk: Buffer) => this.#tail.push(chunk));
    channel.on("exit", (code: number | null, signal?: string) => {
      if (code === null) this.#exitSignal = signal ?? "a signal";
      else this.#exitCode = code;
    });
    this.#closed = new Promise((resolve) => {
      this.#giveUp = resolve;
      channel.on("close", () => resolve());
    });
  }

  async result(): Promise<ExecResult> {
    const { signal, timeoutSeconds, stdin } = this.#options;
    const { label } = this.#link.endpoint;
    const onAbort = () => this.#stop(interrupted(label, signal!));
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    if (timeoutSeconds !== undefined) {
      const message = `the command on ${label} did not finish within ${timeoutSeconds} s and was ended`;
      this.#timers.push(setTimeout(() => this.#stop(message), timeoutSeconds * 1000));
    }
    this.#feed();
    await this.#closed;
    signal?.removeEventListener("abort", onAbort);
    for (const timer of this.#timers) clearTimeout(timer);
    if (isStream(stdin)) stdin.destroy();
    return this.#conclude();
  }

  #conclude(): ExecResult {
    const { label } = this.#link.endpoint;
    const stderrTail = this.#tail.end();
    if (this.#stopped !== undefined) throw this.#stopped;
    if (this.#exitSignal !== undefined) {
      throw new ProviderError(`the command on ${label} was killed by ${this.#exitSignal}`);
    }
    if (this.#exitCode === undefined) throw this.#lost();
    if (this.#exitCode !== 0) this.#requireStarted(this.#exitCode, stderrTail);
    return { exitCode: this.#exitCode, stdout: Buffer.concat(this.#stdout), stderrTail };
  }

  #feed(): void {
    const { stdin } = this.#options;
    if (!isStream(stdin)) {
      this.#channel.end(stdin);
      return;
    }
    stdin.on("error", (cause) => this.#stop(new ProviderError("cannot read what was to be sent", { cause })));
    stdin.pipe(this.#channel);
  }

  #takeLine(line: string): boolean {
    const group = this.#group === undefined ? new RegExp(`${GROUP_MARK}(\\d+)$`).exec(line) : null;
    if (group !== null) {
      this.#group = Number(group[1]);
      if (this.#stopped !== undefined) this.#kill(this.#group);
      return false;
    }
    if (!this.#sudoWorks && line.endsWith(SUDO_MARK)) {
      this.#sudoWorks = true;
      return false;
    }
    this.#options.onStderrLine?.(line);
    return true;
  }

  #stop(reason: Error | string): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = typeof reason === "string" ? new ProviderError(reason) : reason;
    if (this.#group !== undefined) this.#kill(this.#group);
    this.#timers.push(setTimeout(this.#giveUp, GIVE_UP_AFTER_MS));
  }

  /** In a channel of its own, and to the end even if this connection is closed meanwhile. */
  #kill(group: number): void {
    const sudo = this.#options.sudo === true ? "sudo -n " : "";
    const kill = (signal: string) => `${sudo}kill -s ${signal} -- -${group}`;
    try {
      this.#link.client.exec(
        `exec sh -c '${kill("TERM")}; sleep ${KILL_AFTER_SECONDS}; ${kill("KILL")}' >/dev/null 2>&1 </dev/null`,
        (_error, channel) => channel?.resume(),
      );
    } catch {
      // The connection is lost, and the command with it.
    }
  }

  #requireStarted(exitCode: number, stderrTail: string): void {
    const { label, user } = this.#link.endpoint;
    const said = stderrTail === "" ? `exit code ${exitCode}` : stderrTail;
    if (this.#group === undefined) {
      throw new ProviderError(`${user} cannot run commands on ${label}: ${said}`, {
        hint: "The login shell or sshd's configuration (ForceCommand) does not allow it.",
      });
    }
    if (this.#options.sudo === true && !this.#sudoWorks) {
      throw new ProviderError(`sudo did not run the command of ${user} on ${label}: ${said}`, {
        hint: `It must not ask for a password (sudoers: \`${user} ALL=(ALL) NOPASSWD: ALL\`); or log in as root without \`sudo\`.`,
      });
    }
  }

  #lost(): ProviderError {
    const { label } = this.#link.endpoint;
    const cause = this.#link.lost ?? new Error("the host ended it without an exit code");
    return new ProviderError(`the connection to ${label} was lost while a command ran`, {
      cause,
      hint: "Whether the command finished is not known.",
    });
  }
}

function isStream(stdin: ExecOptions["stdin"]): stdin is Readable {
  return typeof stdin === "object" && "pipe" in stdin;
}

function interrupted(label: string, signal: AbortSignal): ProviderError {
  return new ProviderError(`the command on ${label} was interrupted`, { cause: signal.reason });
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
