import { pathToFileURL } from "node:url";

/** Runs a script when it was called and not imported. A failure is printed in one line, with exit code 1. */
export function main(moduleUrl: string, work: () => Promise<void>): void {
  if (moduleUrl !== pathToFileURL(process.argv[1] ?? "").href) return;
  work().catch((error: unknown) => {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });
}
