import { printable } from "./printable.ts";
import type { Redactor } from "./redactor.ts";
import { writeToStandardError } from "./standard-error.ts";

/** Writes lines to standard error, which nixops4 shows to the user. Secrets are replaced by `[secret]`. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  /** Shown with NIXOPS4_PROVIDER_DEBUG=1 only. */
  debug(message: string): void;
  /** Writes one line of a program's output without a prefix. Colours stay; other control characters are escaped. */
  output(line: string): void;
}

/** Whether the user asked for debug messages. */
export const debugging = process.env["NIXOPS4_PROVIDER_DEBUG"] === "1";

/** Creates a log that prefixes each line with `name`, except for the output of programs. */
export function createLog(name: string, redactor: Redactor): Log {
  const print = (line: string, colours: boolean) =>
    writeToStandardError(Buffer.from(`${printable(redactor.redact(line), { colours })}\n`));
  const write = (line: string) => print(line, false);
  const prefix = `${name}:`;
  return {
    info: (message) => write(`${prefix} ${message}`),
    warn: (message) => write(`${prefix} warning: ${message}`),
    debug: (message) => void (debugging && write(`${prefix} debug: ${message}`)),
    output: (line) => print(line, true),
  };
}
