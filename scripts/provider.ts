// `npm run provider -- create …`: one operation of a provider, with the flags of nixops4-resource-runner.
import { runCli } from "@nixops4-providers/e2e";
import { main } from "./lib/main.ts";

main(import.meta.url, async () => {
  const { INVOKED_FROM } = process.env;
  // Relative paths are meant from where the user is, not from where npm runs scripts.
  if (INVOKED_FROM !== undefined) process.chdir(INVOKED_FROM);
  process.exitCode = await runCli(process.argv.slice(2), {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
  });
});
