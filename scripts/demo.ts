// `npm run demo` applies a first deployment on this machine three times. With --machine, it deploys a virtual machine
// from power-on.
import { mkdtemp, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkMachineRequirements, runMachineDemo } from "../e2e/scenarios/bare-metal/demo.ts";
import { createDisplay, type Display } from "../e2e/scenarios/first-deployment/display.ts";
import { runFirstDeployment } from "../e2e/scenarios/first-deployment/run.ts";
import { build } from "./build.ts";
import { installDebianPackages, MACHINE_DEMO } from "./lib/debian.ts";
import { main } from "./lib/main.ts";
import { buildWithoutBuildUsers } from "./lib/nix-build-users.ts";

const usage = `Usage: npm run demo -- [--keep] [--no-build]
       npm run demo -- --machine [--keep] [--console] [--record] [--no-build]

Deploys, in a temporary folder: key pairs, files, and an SSH server on loopback
that is reached with them. The server is OpenSSH's where that is installed, else
one in this process. Applies it three times and checks what each apply changes.

  --keep      leave the folder there
  --no-build  use the providers in dist/bin as they are

With --machine, as root on Debian 12: turns on a virtual machine with an empty
disk, which boots from the network by the real boot service, installs itself,
and is deployed, as in docs/explanation/from-power-on-to-deployed.md. Installs
the Debian packages that this takes, says which, and enables none of their
services. Prints where the boot service's status page can be seen meanwhile.
Takes a few minutes.

  --keep      leave the machine running at the end, until Ctrl-C
  --console   show what the machine writes to its serial port
  --record    put the timeline of this run into that page
`;

/** The width of the longest names, such as "host1.installation_host_key". */
const MACHINE_NAME_WIDTH = 27;

main(import.meta.url, async () => {
  const { values } = parseArgs({
    options: {
      keep: { type: "boolean", default: isSetByNpm("keep") },
      machine: { type: "boolean", default: isSetByNpm("machine") },
      console: { type: "boolean", default: isSetByNpm("console") },
      record: { type: "boolean", default: isSetByNpm("record") },
      "no-build": { type: "boolean", default: isSetByNpm("build", "") },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  const rebuild = !values["no-build"];
  if (values.machine) {
    const missing = installDebianPackages(MACHINE_DEMO);
    if (missing.length > 0) throw new Error(`these Debian packages are missing: ${missing.join(", ")}`);
    checkMachineRequirements();
    buildWithoutBuildUsers();
    const display = createDisplay(process.stdout, process.env["NO_COLOR"], MACHINE_NAME_WIDTH);
    const options = { keep: values.keep, showConsole: values.console, record: values.record };
    await demo(display, rebuild, async (signal) => runMachineDemo(display, options, signal));
  } else {
    const display = createDisplay(process.stdout);
    await demo(display, rebuild, async (signal) => demoFirstDeployment(display, values.keep, signal));
  }
});

/** Returns whether npm took the option: without `--` before it, `npm run demo --machine` sets it in the environment. */
function isSetByNpm(name: string, value = "true"): boolean {
  return process.env[`npm_config_${name}`] === value;
}

async function demo(
  display: Display,
  rebuild: boolean,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const start = performance.now();
  const signal = abortOnInterrupt();
  if (rebuild) {
    display.line("Building the providers …");
    await build();
  }
  signal.throwIfAborted();
  await run(signal);
  display.line(`Done in ${((performance.now() - start) / 1000).toFixed(1)} s; all checks passed.`);
}

async function demoFirstDeployment(display: Display, keep: boolean, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "nixops4-demo-"));
  display.line(`A first deployment, in ${folder}`);
  try {
    await runFirstDeployment(folder, display, signal);
  } finally {
    if (keep) display.line(`Its files are in ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Returns a signal that is aborted when the user interrupts the demo or its output is closed, so that sshd is stopped
 * and the folder removed.
 */
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
