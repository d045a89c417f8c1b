import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { netbootLabAvailable, type VirtualMachine } from "@nixops4-providers/test-servers";
import type { Display } from "../first-deployment/display.ts";
import type { DeployerProcess } from "./deployer-process.ts";
import { deployKeyFile } from "./deployment.ts";
import { BareMetal, HOST1 } from "./scenario.ts";
import { markdownTable, stagesOf, timelineTable } from "./timeline.ts";

export const TIMELINE_PAGE = join(
  import.meta.dirname,
  "../../../docs/explanation/from-power-on-to-deployed.md",
);
const TIMELINE = /(<!-- timeline: .*? -->\n)[^]*(\n<!-- end of the timeline -->)/;
const CONSOLE_PERIOD_MS = 200;

/** Throws an error when machines cannot run on this host. */
export function checkMachineRequirements(): void {
  const reason = netbootLabAvailable();
  if (reason === undefined) return;
  throw new Error(
    `no machine can be run here: ${reason}. It takes root on Debian 12 (x86_64) with network namespaces.`,
  );
}

export interface MachineDemoOptions {
  /** Whether the machine keeps running at the end, also after a failure, until the signal. */
  keep: boolean;
  /** Whether to show the machine's serial output. */
  showConsole: boolean;
  /** Whether to write the timeline into {@link TIMELINE_PAGE}. */
  record: boolean;
}

/** Deploys a machine from power-on, with output for a person who watches it, then changes its system. */
export async function runMachineDemo(
  display: Display,
  { keep, showConsole, record }: MachineDemoOptions,
  signal: AbortSignal,
): Promise<void> {
  display.line("Starting the landscaper: dnsmasq, the boot service, and a binary cache …");
  const run = await BareMetal.start();
  const done = new AbortController();
  let watching: Promise<void> | undefined;
  try {
    signal.throwIfAborted();
    display.line(`The boot service's status page: ${run.landscaper.url}`);

    display.heading("Apply 1: a machine that nobody has turned on yet");
    const first = apply(run, display, signal);
    await first.event(
      "waits for the machine",
      (event) => event.kind === "log" && event.line.includes("to boot from the network"),
      120,
    );
    const machine = await run.powerOn("host1", "bios");
    display.note("host1", `is turned on: ${HOST1.mac}, BIOS, network first`);
    if (showConsole) watching = watchConsole(machine, display, done.signal);
    showRuns(run, display, await first.done());

    display.heading("Apply 2: what the machine is to run has changed");
    run.network = { ...run.network, text: "version 2" };
    showRuns(run, display, await apply(run, display, signal).done());

    run.observer.stop();
    const { header, rows } = timelineTable(
      stagesOf({
        host: "host1",
        poweredOn: run.poweredOn.get("host1")!,
        bootEvents: run.observer.bootEvents,
        bootServiceLog: run.landscaper.bootService.log,
        events: run.deployers.flatMap(({ events }) => events),
      }),
    );
    display.heading("The way of host1, in seconds since it was turned on");
    display.table(
      header,
      rows.map((row) => row.map((cell) => cell.replaceAll("`", ""))),
    );
    if (record) await recordTimeline(header, rows);
    if (keep) await showUntil(signal, run, display);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const reason = reasonOf(error, run);
    if (!keep) throw reason;
    display.line(`error: ${reason.message}`);
    await showUntil(signal, run, display);
    throw reason;
  } finally {
    done.abort();
    await watching;
    await run.stop();
  }
}

/** Returns the failure of the last apply, if that is the cause. The events before it have been shown. */
function reasonOf(error: unknown, { deployers }: BareMetal): Error {
  const failed = deployers.at(-1)?.events.flatMap((event) => (event.kind === "failed" ? [event] : [])) ?? [];
  if (failed.length === 0) return error instanceof Error ? error : new Error(String(error));
  return new Error(failed.map((event) => `${event.member}: ${event.error}`).join("\n"), { cause: error });
}

/** Prints how to reach the running services, and waits for the signal. */
async function showUntil(signal: AbortSignal, run: BareMetal, display: Display): Promise<void> {
  const { lab, url } = run.landscaper;
  const { folder } = run.network;
  // The command without setpriv, which would end the shell together with this process.
  const enter = lab.enter().slice(lab.enter().indexOf("nsenter")).join(" ");
  display.heading("Everything is left running, until Ctrl-C");
  display.line(`The boot service's status page: ${url}`);
  display.line(`The state and the keys: ${folder}`);
  display.line(`A shell in the landscaper's network:\n  ${enter} bash`);
  const hostPublicKey = run.outputsOf("host1.ssh_host_public_key")?.["hostPublicKey"];
  if (typeof hostPublicKey === "string") {
    await writeFile(join(folder, "known_hosts"), `${HOST1.ip} ${hostPublicKey}\n`);
    const [key, hosts] = [deployKeyFile(run.network), join(folder, "known_hosts")];
    const ssh = [enter, `ssh -F none -i ${key}`, `-o UserKnownHostsFile=${hosts}`, `root@${HOST1.ip}`];
    display.line(`A shell on host1:\n  ${ssh.join(" \\\n    ")}`);
  }
  if (!signal.aborted) await once(signal, "abort");
}

function apply(run: BareMetal, display: Display, signal: AbortSignal): DeployerProcess {
  const deployer = run.apply((event) => display.event(event));
  signal.addEventListener("abort", () => void deployer.interrupt(), { once: true });
  return deployer;
}

function showRuns(
  { network }: BareMetal,
  display: Display,
  results: Awaited<ReturnType<DeployerProcess["done"]>>,
): void {
  const runs = String(results.get("host1.runs")!.outputs["stdout"]);
  if (!runs.endsWith(`\n${network.text}`)) throw new Error(`host1 does not run what it should: ${runs}`);
  display.line(`host1 says: ${runs.replaceAll("\n", ", ")}`);
}

async function watchConsole(machine: VirtualMachine, display: Display, signal: AbortSignal): Promise<void> {
  // eslint-disable-next-line no-control-regex
  const withoutCodes = (text: string) => text.replaceAll(/\u001B(\[[\d;?]*[A-Za-z]|c)|[^\n\P{Cc}]/gu, "");
  for (let seen = 0; !signal.aborted; await sleep(CONSOLE_PERIOD_MS)) {
    const text = machine.console();
    const end = text.lastIndexOf("\n") + 1;
    for (const line of withoutCodes(text.slice(seen, end)).split("\n")) {
      if (line.trim() !== "") display.note("console", line.trimEnd());
    }
    seen = end;
  }
}

async function recordTimeline(header: string[], rows: string[][]): Promise<void> {
  const page = await readFile(TIMELINE_PAGE, "utf8");
  const where = `Recorded on ${new Date().toISOString().slice(0, 10)}, with ${availableParallelism()} cores and a machine in software emulation.`;
  const table = `\n${where}\n\n${markdownTable(header, rows)}`;
  if (!TIMELINE.test(page)) throw new Error(`${TIMELINE_PAGE} has no place for the timeline`);
  await writeFile(
    TIMELINE_PAGE,
    page.replace(TIMELINE, (_, begin: string, end: string) => `${begin}${table}${end}`),
  );
}
