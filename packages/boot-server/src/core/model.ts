/** One file of the assets, named by its content. */
export interface AssetRef {
  /** Lower-case hexadecimal. */
  sha256: string;
  /** In bytes. */
  size: number;
}

/** One file of the overlay: the machine finds it in its initial ramdisk. */
export interface OverlayFileInfo {
  /** Absolute, as the machine sees it. */
  path: string;
  /** Permission bits. */
  mode: number;
  /** Whether the contents must never appear in a log or on the status page. */
  secret: boolean;
}

export interface OverlayFile extends OverlayFileInfo {
  /** Base64. */
  contents: string;
}

/** The stored overlay of an entry, named by its content. */
export type OverlayRef = AssetRef;

export type Architecture = "x86_64" | "aarch64";

/** What to boot, and when: what an operator declares. */
export interface EntrySpec {
  /** Chosen by the client; a put with the same id changes the entry. */
  id: string;
  /** The network cards of the one machine, lower case with colons. */
  macs: string[];
  /** What the kernel was built for; a machine of another one is not offered it. */
  architecture: Architecture;
  kernel: AssetRef;
  /** Loaded in this order; the overlay comes after them. */
  initrds: AssetRef[];
  cmdline: string;
  files: OverlayFile[];
  /** The machine is installed once for each value; only a higher one installs again. At least 1. */
  installGeneration: number;
  /** What a network boot does after an install that failed or was interrupted: boot from disk, or install again. */
  onInterrupted: "hold" | "retry";
  /** How a BIOS machine boots from disk: the first disk by iPXE, or the next in the firmware's boot order. */
  biosLocalBoot: "sanboot" | "exit";
  /** After this many seconds without a claim the entry expires. A put of the same entry restarts the time. */
  expireSeconds: number;
  /** An install that has not reported for this many seconds counts as interrupted. */
  silenceSeconds: number;
  /** Who logs in to the installed machine, and where, such as `root@10.0.0.11`: for people, on the status page. */
  login?: string | undefined;
}

/** An entry as it is kept: what is in its files is stored apart, until the machine is installed. */
export type StoredSpec = Omit<EntrySpec, "files"> & { files: OverlayFileInfo[]; overlay: OverlayRef | null };

/**
 * Where an entry is on its way:
 * armed → booting → installing → installed | failed | interrupted, and expired when nobody came; refused when the
 * installer found out before it claimed that it cannot install.
 */
export type Phase = (typeof PHASES)[number];

export const PHASES = [
  "armed",
  "booting",
  "refused",
  "installing",
  "installed",
  "failed",
  "interrupted",
  "expired",
] as const;

/** One network boot of a machine, from the moment it fetched its script. */
export interface Boot {
  /** Unguessable: part of the overlay's address. */
  id: string;
  /** Goes into the overlay; claims and reports need it. */
  token: string;
  mac: string;
  /** The IP address that fetched the script. */
  address: string;
  /** iPXE's `platform`: `efi` or `pcbios`. */
  firmware: string;
  /** iPXE's `buildarch`. */
  architecture: string;
  startedAt: number;
  /** When the overlay had been delivered whole. */
  deliveredAt: number | undefined;
}

/** The permission to install that a running installer holds. */
export interface Claim {
  /** `/proc/sys/kernel/random/boot_id` of the installer. */
  bootId: string;
  address: string;
  claimedAt: number;
}

/** What the installer has said. */
export interface InstallReport {
  stage: string;
  /** From 0 to 100 within the stage. */
  percent: number | undefined;
  message: string;
  /** The last lines of the installer's log, at most {@link LOG_TAIL_LINES}. */
  log: string[];
  reportedAt: number;
}

/** A declared machine with all that is known of its installs. Times are milliseconds since 1970. */
export interface Entry {
  spec: StoredSpec;
  /** SHA-256 of the spec as it was put. */
  digest: string;
  phase: Phase;
  /** Network boots in this generation. */
  boots: number;
  /** Counts the claims that were granted in this generation: more than one only with `onInterrupted = "retry"`. */
  attempt: number;
  armedAt: number;
  expiresAt: number;
  boot: Boot | undefined;
  claim: Claim | undefined;
  report: InstallReport | undefined;
  /** When it became refused, installed, failed, interrupted or expired. */
  endedAt: number | undefined;
  /** Why it was interrupted. */
  reason: string | undefined;
}

/**
 * The install that a network card's machine has been through, kept when its entry is deleted or renamed: what has
 * been installed stays so, whatever it is called.
 */
export interface InstallRecord {
  entryId: string;
  generation: number;
  phase: Phase;
  endedAt: number | undefined;
}

export const LOG_TAIL_LINES = 50;

/** A step in the life of an entry; these are what is stored. */
export type Event = { at: number; id: string } & (
  | { kind: "put"; spec: StoredSpec; digest: string }
  /** The same entry was put again, unclaimed: it expires later, and waits for the machine if it did not any more. */
  | { kind: "renewed" }
  | { kind: "deleted" }
  | { kind: "booted"; boot: Boot }
  | { kind: "delivered"; boot: string }
  | { kind: "refused"; report: InstallReport }
  | { kind: "claimed"; claim: Claim }
  | { kind: "reported"; report: InstallReport }
  | { kind: "installed"; report: InstallReport }
  | { kind: "failed"; report: InstallReport }
  | { kind: "interrupted"; reason: string }
  | { kind: "expired" }
);
