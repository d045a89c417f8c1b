import type { TimedEvent } from "./deployer.ts";
import type { BootEvent } from "./observer.ts";

/** A period with start and end in milliseconds since 1970. */
export interface Stage {
  what: string;
  /** The source of the end time. */
  source: string;
  begin: number;
  end: number;
}

/** The records about one machine whose installation was not interrupted. */
export interface Sources {
  host: string;
  poweredOn: number;
  bootEvents: readonly BootEvent[];
  /** The lines of the boot service's log, in JSON. */
  bootServiceLog: readonly string[];
  /** The events of all deployers, in order. */
  events: readonly TimedEvent[];
}

interface LogLine {
  time: string;
  part: string;
  message: string;
}

const SERVICE = "boot service";
const INSTALLER = "installer";
const DEPLOYER = "deployer";

/** Returns the stages of a machine from power-on to deployed. Throws when it has not reached the end. */
export function stagesOf({ host, poweredOn, bootEvents, bootServiceLog, events }: Sources): Stage[] {
  const log = bootServiceLog.map((line) => JSON.parse(line) as LogLine);
  const times = (part: string, message: RegExp) =>
    log
      .filter((line) => line.part === part && message.test(line.message))
      .map(({ time }) => Date.parse(time));
  const step = (kind: string, stage?: string) =>
    bootEvents.find(
      (event) =>
        event.id === host && event.kind === kind && (stage === undefined || event.report?.stage === stage),
    )?.at;
  const told = (member: string, fits: (event: TimedEvent) => boolean, last = false) => {
    const all = events.filter((event) => event.member === `${host}.${member}` && fits(event));
    return all.at(last ? -1 : 0)?.at;
  };
  const starts = (event: TimedEvent) => event.kind === "started";
  const ends = (event: TimedEvent) => "action" in event;
  const [firstLoad, secondLoad] = times("tftp", /^sent/);
  const scripts = times("http", /\/machines\/.*\/boot\.ipxe$/);

  const first: [what: string, source: string, end: number | undefined][] = [
    ["firmware: DHCP, loads iPXE by TFTP", SERVICE, firstLoad],
    ["iPXE: DHCP, fetches its script", SERVICE, step("booted")],
    ["iPXE: loads the kernel", SERVICE, times("http", /\/kernel$/)[0]],
    ["iPXE: loads the ramdisk", SERVICE, times("http", /\/initrd\/\d+$/)[0]],
    ["iPXE: loads the overlay", SERVICE, step("delivered")],
    ["Linux and the installer start", SERVICE, times("http", /\/healthz$/)[0]],
    ["installer: checks the disk, claims it", SERVICE, step("claimed")],
    ["installer: reports for the first time", INSTALLER, step("reported", "partition")],
    ["installer: `partition`", INSTALLER, step("reported", "copy")],
    ["installer: `copy`", INSTALLER, step("reported", "host-key")],
    ["installer: `host-key`", INSTALLER, step("reported", "install")],
    ["installer: `install`", INSTALLER, step("reported", "finish")],
    ["installer: `finish`", SERVICE, step("installed")],
    ["reboots; firmware: loads iPXE again", SERVICE, secondLoad],
    ["iPXE: gets a script to boot from disk", SERVICE, scripts[1]],
    [
      "boots from disk, until sshd answers",
      DEPLOYER,
      told("ssh_host_public_key", (event) => event.kind === "log" && event.line.includes("a new host key")),
    ],
    ["`ssh_host_public_key`: its own host key", DEPLOYER, told("ssh_host_public_key", ends)],
    ["`nixos`: the system is already deployed", DEPLOYER, told("nixos", ends)],
    ["`runs`: reports the running system", DEPLOYER, told("runs", ends)],
  ];
  const second: typeof first = [
    ["role changed: `nixos` activates it", DEPLOYER, told("nixos", ends, true)],
    ["`runs`: reports the running system", DEPLOYER, told("runs", ends, true)],
  ];
  return [...inOrder(poweredOn, first), ...inOrder(told("nixos", starts, true), second)];
}

/** Makes each stage start at the end of the one before it. */
function inOrder(
  start: number | undefined,
  ends: readonly [what: string, source: string, end: number | undefined][],
): Stage[] {
  let begin = start;
  return ends.map(([what, source, end]) => {
    if (begin === undefined || end === undefined) throw new Error(`it is not known when this ended: ${what}`);
    const stage = { what, source, begin, end };
    begin = end;
    return stage;
  });
}

/** Returns rows of strings, with times in seconds since the start of the first stage. */
export function timelineTable(stages: readonly Stage[]): { header: string[]; rows: string[][] } {
  const start = stages[0]!.begin;
  const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(1);
  return {
    header: ["Stage", "From", "To", "Seconds", "Source"],
    rows: stages.map(({ what, source, begin, end }) => [
      what,
      seconds(begin - start),
      seconds(end - start),
      seconds(end - begin),
      source,
    ]),
  };
}

/** Formats a table like Prettier. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const isNumber = (column: number) => rows.every((row) => /^-?[\d.]+$/.test(row[column]!));
  const widths = header.map((_, column) =>
    Math.max(3, ...[header, ...rows].map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join(" | ")} |`;
  const rule = widths.map((width, column) =>
    isNumber(column) ? `${"-".repeat(width - 1)}:` : "-".repeat(width),
  );
  return [line(header), `| ${rule.join(" | ")} |`, ...rows.map(line), ""].join("\n");
}
