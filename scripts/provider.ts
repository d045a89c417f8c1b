// `npm run provider -- create …` runs one operation of a provider, with the flags of nixops4-resource-runner.
// `npm run provider -- describe TYPE` prints the reference of a resource type.
import { runCli } from "@nixops4-providers/e2e";
import { describeType } from "./lib/describe.ts";
import { main } from "./lib/main.ts";

main(import.meta.url, async () => {
  const { INVOKED_FROM } = process.env;
  // Relative paths start from the folder of the user, not from that in which npm runs scripts.
  if (INVOKED_FROM !== undefined) process.chdir(INVOKED_FROM);
  const [command, ...args] = process.argv.slice(2);
  if (command === "describe") return describe(args);
  process.exitCode = await runCli(process.argv.slice(2), {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
  });
});

async function describe([type, ...rest]: string[]): Promise<void> {
  if (type === undefined || rest.length > 0) throw new Error("describe takes the name of one resource type");
  process.stdout.write(await describeType(type));
}
