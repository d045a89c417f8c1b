import { runCommandLine } from "./service/command-line.ts";

// At once: what is still open, such as a connection without an end, is of no more use.
void runCommandLine(process.argv.slice(2)).then((code) => process.exit(code));
