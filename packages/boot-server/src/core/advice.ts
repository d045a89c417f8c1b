import type { Machine } from "./machines.ts";
import type { Entry } from "./model.ts";

const NEVER_READ_MS = 60_000;
const NO_SCRIPT_MS = 120_000;
const NO_CLAIM_MS = 600_000;
const MANY_BOOTS = 4;

const OWN_FILES = /^(boot\.ipxe|autoexec\.ipxe|kernel|initrd|overlay)/;

/** What somebody who looks at this machine should do, if anything; a sentence or two each. */
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
  const { problems, downloads, scriptAt, scriptAddresses } = machine;
  const architecture = problems.get("wrong-architecture");
  if (architecture !== undefined) {
    yield `${architecture.text}. Set the entry's architecture, with a kernel and an initrd that were built for it.`;
  }
  const probe = problems.get("size-probe");
  const read = [...downloads.values()].some(
    ({ sent, at }) => sent > 0 && probe !== undefined && at > probe.at,
  );
  if (probe !== undefined && !read && now - probe.at > NEVER_READ_MS) {
    yield "The firmware asked how big the boot program is, but never read it: it may be for another architecture, or too big for it. Offer it another one, such as snponly.efi in place of ipxe.efi.";
  }
  const nbp = [...downloads.values()].findLast(
    ({ name, sent, size }) => !OWN_FILES.test(name) && sent === size,
  );
  if (nbp !== undefined && (scriptAt ?? 0) < nbp.at && now - nbp.at > NO_SCRIPT_MS) {
    const other = nbp.name.startsWith("snponly") ? "ipxe.efi" : "snponly.efi";
    yield `It loaded ${nbp.name}, but never asked for its script: the boot program may hang on this network card (try ${other}), or the DHCP server does not send iPXE to this server's boot.ipxe.`;
  }
  if (scriptAddresses.size > 1) {
    yield `More than one address asked for its script (${[...scriptAddresses].join(", ")}): its lease has changed, or another machine pretends to be this one.`;
  }
}

function* entryAdvice(entry: Entry, missingAssets: boolean, now: number): Iterable<string> {
  const { phase, boot, boots, report, spec } = entry;
  const again = `raise installGeneration to ${spec.installGeneration + 1} and apply`;
  const waits = phase === "armed" || phase === "booting";
  if (waits && missingAssets) yield "Its kernel or an initrd is no longer there: apply the deployment again.";
  if (waits && boots >= MANY_BOOTS) {
    yield `It booted ${boots} times, and its installer has not claimed the install: look at its console for a kernel panic, a missing driver, or an initrd that does not fit into its memory.`;
  }
  if (phase === "booting" && boot?.deliveredAt !== undefined && now - boot.deliveredAt > NO_CLAIM_MS) {
    yield "It has had everything for ten minutes, and its installer has not claimed the install: look at its console, and whether its network card has a driver in the installer.";
  }
  if (phase === "refused") {
    yield `Its installer found at ${JSON.stringify(report?.stage ?? "")} that it cannot install, and has touched no disk: remove the cause, and let it boot from the network again.`;
  }
  if (phase === "failed") {
    yield spec.onInterrupted === "retry"
      ? "The install failed; with the next network boot it begins again."
      : `The install failed at ${JSON.stringify(report?.stage ?? "")}: fix the cause, ${again}.`;
  }
  if (phase === "interrupted") {
    yield spec.onInterrupted === "retry"
      ? "The install was interrupted; with the next network boot it begins again."
      : `The install was interrupted, and its disk may be half written: ${again}.`;
  }
  if (phase === "expired")
    yield "Nobody claimed the install in time: apply the deployment again, then turn the machine on.";
}
