import { shellQuote } from "@nixops4-providers/ssh-client";

/** A command for `exec` of a connection, and what its standard input must begin with. */
export interface RemoteCommand {
  command: string;
  preamble: string;
}

/**
 * Runs a program with environment variables whose values no command line shows: the shell on the host reads one
 * line that sets them and becomes the program, which then reads the rest of the input. (POSIX has `read` take no
 * byte beyond the line.)
 */
export function remoteCommand(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RemoteCommand {
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoteInLine(value)}; `);
  return {
    command: 'IFS= read -r nixops4_line && eval "$nixops4_line"',
    preamble: `${SET_NEWLINE}${exports.join("")}exec ${argv.map(quoteInLine).join(" ")}\n`,
  };
}

const SET_NEWLINE = "nixops4_newline=$(printf '\\nx'); nixops4_newline=${nixops4_newline%x}; ";

function quoteInLine(text: string): string {
  return text
    .split("\n")
    .map((line) => shellQuote([line]))
    .join('"$nixops4_newline"');
}
