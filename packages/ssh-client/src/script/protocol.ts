import enterScript from "./enter.sh";
import hostScript from "./host.sh";
import loginScript from "./login.sh";
import sessionScript from "./session.sh";
import watchdogScript from "./watchdog.sh";
import { shellQuote } from "../shell-quote.ts";

/** The random words of one run. */
export interface Marks {
  /** Shows that the host runs the first line. It is on a command line, where other users of the host can see it. */
  mark: string;
  /** Marks the begin and the end of the output. It is sent over standard input only. */
  secret: string;
}

/** The script that the host runs after it has printed the mark. */
export interface Job {
  /** A script for `sh`. Its positional parameters are `args`. */
  script: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  sudo: boolean;
  timeoutSeconds: number;
  /** Whether the output goes on until the channel ends, without an end mark. */
  stream: boolean;
}

export async function newMarks(): Promise<Marks> {
  const { randomBytes } = await import("node:crypto");
  const random = () => randomBytes(16).toString("hex");
  return { mark: `nixops4-${random()}`, secret: `nixops4-${random()}` };
}

/** Returns the command for the login shell, which is also the first line of standard input. */
export function loginLine({ mark }: Marks): string {
  return `exec /bin/sh -c 'nixops4_m=${mark}; ${inOneLine(loginScript)}'`;
}

/**
 * Returns the next two lines of standard input: for the shell of the user who logs in, and for the shell that runs the
 * script. `joined` is whether the host sends both outputs as one stream.
 */
export function preamble({ mark, secret }: Marks, job: Job, joined: boolean): string {
  const { script, args, env, sudo, timeoutSeconds, stream } = job;
  const session = assign({
    secret,
    sudo: sudo ? "sudo -n" : "",
    enter: withoutComments(enterScript),
    joined: joined ? "yes" : "",
    stream: stream ? "yes" : "",
    script: withoutComments(sessionScript),
  });
  const host = assign({
    secret,
    root: sudo ? "yes" : "",
    limit: String(Math.min(Math.ceil(timeoutSeconds * 100), LARGEST_INTEGER)),
    watchdog: withoutComments(watchdogScript),
    script: withoutComments(hostScript),
  });
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoteInLine(value)}; `);
  const run = `${exports.join("")}set -- ${args.map(quoteInLine).join(" ")}; eval ${quoteInLine(script)}`;
  return [
    `${mark} ${SET_NEWLINE}${session}eval "$nixops4_script"\n`,
    `${mark} ${SET_NEWLINE}${host}eval "$nixops4_script"; ${run}\n`,
  ].join("");
}

/** The largest number that every shell supports. */
const LARGEST_INTEGER = 2 ** 31 - 1;

const SET_NEWLINE = "nixops4_newline=$(printf '\\nx'); nixops4_newline=${nixops4_newline%x}; ";

function assign(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([name, value]) => `nixops4_${name}=${quoteInLine(value)}; `)
    .join("");
}

function quoteInLine(text: string): string {
  return text
    .split("\n")
    .map((line) => shellQuote([line]))
    .join('"$nixops4_newline"');
}

/** Removes comments to save time, since a shell reads a pipe byte by byte. */
function withoutComments(script: string): string {
  return script.replace(/^ *#.*\n/gm, "");
}

function inOneLine(script: string): string {
  return withoutComments(script).trim().replaceAll("\n", " ");
}
