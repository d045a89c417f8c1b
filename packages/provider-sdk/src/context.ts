import { ProviderError } from "./errors.ts";
import { printable } from "./printable.ts";
import { runProcess } from "./process.ts";
import type { SecretRef } from "./schema.ts";
import { writeToStandardError } from "./standard-error.ts";

/** What an operation may use besides its inputs. */
export interface Context {
  /** The resource type being worked on. */
  readonly type: string;
  /** Whether nixops4 records this resource's outputs. */
  readonly isStateful: boolean;
  /** Aborted by SIGINT, SIGTERM, SIGHUP and SIGQUIT: stop within 2 s, and leave things so that the next run converges. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Starts to report on something that may take long; call `done` on the result. */
  progress(what: string): Progress;
  /** Reads a secret and keeps it out of all logs and errors from then on. */
  secret(ref: SecretRef, what: string): Promise<string>;
  /** As {@link secret}, for a key or a passphrase: refuses one that is so short that it could be told from the gaps. */
  key(ref: SecretRef, what: string): Promise<string>;
}

/** Lines on standard error, which nixops4 shows to the user. Secrets are blotted out. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  /** Shown with NIXOPS4_PROVIDER_DEBUG=1 only. */
  debug(message: string): void;
  /** One line of a program's own output, with its colours; other control characters are escaped. */
  output(line: string): void;
}

export interface Progress {
  /** What is happening just now; shown with the next line. */
  update(detail: string): void;
  done(): void;
}

const PROGRESS_INTERVAL_MS = 5_000;
const STOP_HINT_SECONDS = 60;
const parent = process.ppid;

/** What has more lines than this is no key or password, but a file: it is blotted out as a whole only. */
const MAX_SECRET_LINES = 1_000;

/** A shorter secret would garble every message, and so be told by what is left out of it. */
const MIN_KEY_LENGTH = 4;

/** Blots secrets out of texts. */
export class Redactor {
  #secrets = new Set<string>();
  /** The longest first; `undefined` when there are new ones. */
  #sorted: string[] | undefined;

  add(secret: string): void {
    if (secret.length >= MIN_KEY_LENGTH) this.#secrets.add(secret);
    // A program may print a secret of many lines (a private key) one line at a time.
    const lines = secret.split("\n", MAX_SECRET_LINES);
    for (const form of [secret, JSON.stringify(secret).slice(1, -1), ...lines]) {
      // Of shorter pieces nothing can be learned that is worth garbling every message.
      if (form.trim().length >= 8) this.#secrets.add(form.trim());
    }
    this.#sorted = undefined;
  }

  redact(text: string): string {
    this.#sorted ??= [...this.#secrets].toSorted((a, b) => b.length - a.length);
    return this.#sorted.reduce((redacted, secret) => redacted.replaceAll(secret, "[secret]"), text);
  }
}

export const debugging = process.env["NIXOPS4_PROVIDER_DEBUG"] === "1";

export function createContext(options: {
  provider: string;
  type: string;
  isStateful: boolean;
  signal: AbortSignal;
  redactor: Redactor;
}): Context {
  const { provider, type, isStateful, signal, redactor } = options;
  const print = (line: string, colours: boolean) =>
    writeToStandardError(Buffer.from(`${printable(redactor.redact(line), { colours })}\n`));
  const write = (line: string) => print(line, false);
  const prefix = `${provider}.${type}:`;
  const log: Log = {
    info: (message) => write(`${prefix} ${message}`),
    warn: (message) => write(`${prefix} warning: ${message}`),
    debug: (message) => void (debugging && write(`${prefix} debug: ${message}`)),
    output: (line) => print(line, true),
  };
  const secret = async (ref: SecretRef, what: string) => {
    const text = await readSecret(ref, what, signal);
    redactor.add(text);
    return text;
  };
  const key = async (ref: SecretRef, what: string) => {
    const text = await secret(ref, what);
    if (text !== "" && text.length < MIN_KEY_LENGTH) {
      throw new ProviderError(`${what} has fewer than ${MIN_KEY_LENGTH} characters`, {
        hint: "Choose a longer one: one so short cannot be kept out of messages.",
      });
    }
    return text;
  };
  return { type, isStateful, signal, log, progress: (what) => startProgress(what, log), secret, key };
}

function startProgress(what: string, log: Log): Progress {
  const start = performance.now();
  let detail = "";
  const hints = new Hints();
  log.info(what);
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - start) / 1000);
    log.info(`${what} (${seconds} s${detail === "" ? "" : `; ${detail}`})`);
    for (const hint of hints.take(seconds)) log.info(hint);
  }, PROGRESS_INTERVAL_MS);
  timer.unref();
  return {
    update: (text) => void (detail = text),
    done: () => clearInterval(timer),
  };
}

/** How to end what takes long, said once. */
class Hints {
  #stop = false;
  #orphan = false;

  take(seconds: number): string[] {
    const hints: string[] = [];
    const end = `\`kill ${process.pid}\` ends it`;
    if (!this.#orphan && process.ppid !== parent) {
      hints.push(`nixops4 has ended; this goes on until it is done (${end})`);
      this.#orphan = this.#stop = true;
    }
    if (!this.#stop && seconds >= STOP_HINT_SECONDS) {
      hints.push(`Ctrl-C ends this only if nixops4 runs with --no-interactive; ${end} in any case`);
      this.#stop = true;
    }
    return hints;
  }
}

async function readSecret(ref: SecretRef, what: string, signal: AbortSignal): Promise<string> {
  if (ref.value !== undefined) return ref.value;
  if (ref.env !== undefined) {
    const value = process.env[ref.env];
    if (value !== undefined) return value;
    throw new ProviderError(`cannot read ${what}: the environment variable ${ref.env} is not set`);
  }
  if (ref.file !== undefined) {
    const { readFile } = await import("node:fs/promises");
    try {
      return dropFinalNewline(await readFile(ref.file, "utf8"));
    } catch (cause) {
      throw new ProviderError(`cannot read ${what} from the file ${ref.file}`, { cause });
    }
  }
  const [executable, ...args] = ref.command ?? [];
  if (executable === undefined) throw new ProviderError(`no source is given for ${what}`);
  try {
    const { stdout } = await runProcess(executable, args, { signal, timeoutSeconds: 60 });
    return dropFinalNewline(stdout.toString("utf8"));
  } catch (cause) {
    throw new ProviderError(`cannot read ${what} from the command ${executable}`, { cause });
  }
}

function dropFinalNewline(text: string): string {
  return text.replace(/\r?\n$/, "");
}
