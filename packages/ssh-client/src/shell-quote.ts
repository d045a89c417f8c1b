/** Returns a command line for a POSIX shell that runs exactly these arguments. */
export function shellQuote(argv: readonly string[]): string {
  return argv.map(quote).join(" ");
}

function quote(argument: string): string {
  if (/^[A-Za-z0-9_@%+:,./-]+$/.test(argument)) return argument;
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}
