// `npm run demo`: a first deployment on this machine, applied three times.
import { mkdtemp, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createDisplay } from "../e2e/scenarios/first-deployment/display.ts";
import { checkRequirements, runFirstDeployment } from "../e2e/scenarios/first-deployment/run.ts";
import { build } from "./build.ts";
import { main } from "./lib/main.ts";

const usage = `Usage: npm run demo -- [--keep] [--no-build]

Deploys, in a temporary folder: key pairs, files, and a real sshd on loopback that is
reached with them. Applies it three times and checks what each apply changes.

  --keep      leave the folder there
  --no-build  use the providers in dist/bin as they are
`;

main(import.meta.url, async () => {
  const { values } = parseArgs({
    options: {
      keep: { type: "boolean", default: false },
      "no-build": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  checkRequirements();
  await demo({ keep: values.keep, rebuild: !values["no-build"] });
});

async function demo({ keep, rebuild }: { keep: boolean; rebuild: boolean }): Promise<void> {
  const start = performance.now();
  const signal = abortOnInterrupt();
  const display = createDisplay(process.stdout);
  if (rebuild) {
    display.line("Building the providers …");
    await build();
  }
  signal.throwIfAborted();
  const folder = await mkdtemp(join(tmpdir(), "nixops4-demo-"));
  display.line(`A first deployment, in ${folder}`);
  try {
    await runFirstDeployment(folder, display, signal);
    display.line(`Done in ${((performance.now() - start) / 1000).toFixed(1)} s; all checks passed.`);
  } finally {
    if (keep) display.line(`Its files are in ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

/** So that sshd and the folder are gone when the user, or the reader of the output, is. */
function abortOnInterrupt(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      controller.abort(new Error(`interrupted by ${name}; everything it started is stopped`));
      process.on("exit", () => (process.exitCode = 128 + constants.signals[name]));
    });
  }
  process.stdout.on("error", (error) => controller.abort(error));
  return controller.signal;
}
