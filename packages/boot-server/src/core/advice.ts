import type { Machine } from "./machines.ts";
import type { Entry } from "./model.ts";

/** Firmware that has requested the size of a boot program reads it within this time. */
const NEVER_READ_MS = 60_000;
/** A boot program that works requests its script within this time. */
const NO_SCRIPT_MS = 120_000;
/** An installer that runs claims the install within this time. */
const NO_CLAIM_MS = 600_000;
const MANY_BOOTS = 4;

/** The downloads that are not boot programs. */
const OWN_FILES = /^(boot\.ipxe|autoexec\.ipxe|kernel|initrd|overlay)/;

/** Returns recommended actions for a machine, one or two sentences each. Empty if nothing looks wrong. */
export function adviceFor(
  machine: Machine,
  entry: Entry | undefined,
  { missingAssets, now }: { missingAssets: boolean; now: number },
): string[] {
  return [
    ...firmwareAdvice(machine, now),
    ...(entry === undefined ? [] : entryAdvice(entry, missingAssets, now)),
  ];
}

function* firmwareAdvice(machine: Machine, now: number): Iterable<string> {
  const { problems, scriptAddresses } = machine;
  const architecture = problems.get("wrong-architecture");
  if (architecture !== undefined) {
    yield `${architecture.text}. Set the entry's architecture, with a kernel and an initrd that were built for it.`;
  }
  const probe = problems.get("size-probe");
  if (probe !== undefined && now - probe.at > NEVER_READ_MS && !hasReadSince(machine, probe.at)) {
    yield "The firmware asked for the size of the boot program, but never read it: the program may be for another architecture, or too large. Offer another one, such as snponly.efi instead of ipxe.efi.";
  }
  const program = hangingProgram(machine, now);
  if (program !== undefined) {
    const other = program.startsWith("snponly") ? "ipxe.efi" : "snponly.efi";
    yield `It loaded ${program}, but never asked for its script: either the boot program hangs on this network card (try ${other}), or the DHCP server does not send iPXE to this server's boot.ipxe.`;
  }
  if (scriptAddresses.size > 1) {
    yield `More than one address asked for its script (${[...scriptAddresses].join(", ")}): either its lease has changed, or another machine uses its MAC address.`;
  }
}

function hasReadSince({ downloads }: Machine, time: number): boolean {
  return [...downloads.values()].some(({ sent, at }) => sent > 0 && at > time);
}

/** Returns the boot program that was loaded last, if the machine has done nothing since. */
function hangingProgram({ downloads, scriptAt = 0 }: Machine, now: number): string | undefined {
  const program = [...downloads.values()].findLast(
    ({ name, sent, size }) => !OWN_FILES.test(name) && sent === size,
  );
  if (program === undefined || scriptAt >= program.at || now - program.at <= NO_SCRIPT_MS) return undefined;
  return program.name;
}

function* entryAdvice(entry: Entry, missingAssets: boolean, now: number): Iterable<string> {
  const { phase, boot, boots, report, spec } = entry;
  const again = `raise installGeneration to ${spec.installGeneration + 1} and apply`;
  const waits = phase === "armed" || phase === "booting";
  if (waits && missingAssets)
    yield "Its kernel or an initrd is missing in the boot server's store: apply the deployment again.";
  if (waits && boots >= MANY_BOOTS) {
    yield `It booted ${boots} times, but its installer has not claimed the install: check its console for a kernel panic, a missing driver, or an initrd that does not fit into its memory.`;
  }
  if (phase === "booting" && boot?.deliveredAt !== undefined && now - boot.deliveredAt > NO_CLAIM_MS) {
    yield "It received everything ten minutes ago, but its installer has not claimed the install: check its console, and whether the installer has a driver for its network card.";
  }
  if (phase === "refused") {
    yield `Its installer stopped at ${JSON.stringify(report?.stage ?? "")}, before it wrote to a disk: fix the cause, and boot the machine from the network again.`;
  }
  if (phase === "failed") {
    yield spec.onInterrupted === "retry"
      ? "The install failed; the next network boot starts it again."
      : `The install failed at ${JSON.stringify(report?.stage ?? "")}: fix the cause, ${again}.`;
  }
  if (phase === "interrupted") {
    yield spec.onInterrupted === "retry"
      ? "The install was interrupted; the next network boot starts it again."
      : `The install was interrupted, and its disk may be half written: ${again}.`;
  }
  if (phase === "expired")
    yield "The entry expired before an installer claimed the install: apply the deployment again, then turn the machine on.";
}
