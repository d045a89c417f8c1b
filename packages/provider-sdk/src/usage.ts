import { isatty } from "node:tty";
import manifest from "../package.json" with { type: "json" };
import type { Provider } from "./resource.ts";

/** Answers the arguments of a person; nixops4 gives none. */
export function answerArguments(provider: Provider): void {
  const [argument] = process.argv.slice(2);
  if (argument === "--version") process.stdout.write(`${provider.executable} ${manifest.version}\n`);
  else if (argument === "--help") process.stdout.write(usage(provider));
  else {
    process.stderr.write(usage(provider));
    process.exitCode = 2;
  }
}

/** Says at a terminal that requests are read from standard input. */
export function greetPerson({ executable }: Provider): void {
  if (!isatty(0)) return;
  process.stderr.write(
    `${executable} is run by nixops4 and reads requests from standard input, a JSON value a line; ` +
      "Ctrl-D ends it, and --help says more.\n",
  );
}

function usage({ executable, name, description, resources }: Provider): string {
  const lines = [
    `${executable}: the ${name} resource provider for NixOps4`,
    description,
    "It is run by nixops4, reads requests from standard input and takes no arguments but --help and --version.",
    "Resource types:",
    ...resources.map((resource) => `  ${resource.type}`),
  ];
  return `${lines.join("\n")}\n`;
}
