import { ProviderError } from "./errors.ts";
import { runProcess } from "./process.ts";
import type { SecretRef } from "./schema.ts";

/** What an operation may use besides its inputs. */
export interface Context {
  /** The resource type being worked on. */
  readonly type: string;
  /** Whether nixops4 records this resource's outputs. */
  readonly isStateful: boolean;
  /** Aborted by SIGINT and SIGTERM: stop within 2 s, and leave things so that the next run converges. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Starts to report on something that may take long; call `done` on the result. */
  progress(what: string): Progress;
  /** Reads a secret and keeps it out of all logs and errors from then on. */
  secret(ref: SecretRef, what: string): Promise<string>;
}

/** Lines on standard error, which nixops4 shows to the user. Secrets are blotted out. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  /** Shown with NIXOPS4_PROVIDER_DEBUG=1 only. */
  debug(message: string): void;
  /** One line of a program's own output, as it is. */
  output(line: string): void;
}

export interface Progress {
  /** What is happening just now; shown with the next line. */
  update(detail: string): void;
  done(): void;
}

const PROGRESS_INTERVAL_MS = 5_000;

/** Blots secrets out of texts. */
export class Redactor {
  #secrets: string[] = [];

  add(secret: string): void {
    const forms = [secret, secret.trim(), JSON.stringify(secret).slice(1, -1)];
    // A program may print a secret of many lines (a private key) one line at a time.
    if (secret.includes("\n")) forms.push(...secret.split("\n").map((line) => line.trim()));
    for (const form of forms) {
      // Of shorter pieces of a secret nothing can be learned that is worth garbling every message.
      const long = form === secret ? form.length > 0 : form.length >= 8;
      if (long && !this.#secrets.includes(form)) this.#secrets.push(form);
    }
    this.#secrets.sort((a, b) => b.length - a.length);
  }

  redact(text: string): string {
    return this.#secrets.reduce((redacted, secret) => redacted.replaceAll(secret, "[secret]"), text);
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
  const write = (line: string) => process.stderr.write(`${redactor.redact(line)}\n`);
  const prefix = `${provider}.${type}:`;
  const log: Log = {
    info: (message) => write(`${prefix} ${message}`),
    warn: (message) => write(`${prefix} warning: ${message}`),
    debug: (message) => void (debugging && write(`${prefix} debug: ${message}`)),
    output: write,
  };
  return {
    type,
    isStateful,
    signal,
    log,
    progress: (what) => startProgress(what, log),
    async secret(ref, what) {
      const secret = await readSecret(ref, what, signal);
      redactor.add(secret);
      return secret;
    },
  };
}

function startProgress(what: string, log: Log): Progress {
  const start = Date.now();
  let detail = "";
  log.info(what);
  const timer = setInterval(() => {
    const seconds = Math.round((Date.now() - start) / 1000);
    log.info(`${what} (${seconds} s${detail === "" ? "" : `; ${detail}`})`);
  }, PROGRESS_INTERVAL_MS);
  timer.unref();
  return {
    update: (text) => void (detail = text),
    done: () => clearInterval(timer),
  };
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
