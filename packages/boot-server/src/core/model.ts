/** An asset, identified by its content. */
export interface AssetRef {
  /** Lower-case hexadecimal. */
  sha256: string;
  /** In bytes. */
  size: number;
}

/** A file of the overlay, which the machine has in its initial ramdisk. */
export interface OverlayFileInfo {
  /** The absolute path in the initial ramdisk. */
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

/** The stored overlay of an entry, identified by its content. */
export type OverlayRef = AssetRef;

export type Architecture = "x86_64" | "aarch64";

/** The declaration of an entry by an operator: what a machine boots, and when. */
export interface EntrySpec {
  /** Chosen by the client. A put with an existing id changes the entry. */
  id: string;
  /** The MAC addresses of the machine's network cards, in lower case with colons. */
  macs: string[];
  /** The architecture of the kernel. It is not offered to a machine of another architecture. */
  architecture: Architecture;
  kernel: AssetRef;
  /** Loaded in this order; the overlay comes after them. */
  initrds: AssetRef[];
  cmdline: string;
  files: OverlayFile[];
  /** The machine is installed once for each value. Only a higher value installs it again. At least 1. */
  installGeneration: number;
  /** Whether a network boot after a failed or interrupted install boots from disk or installs again. */
  onInterrupted: "hold" | "retry";
  /** How a BIOS machine boots from disk: iPXE starts the first disk, or the firmware continues its boot order. */
  biosLocalBoot: "sanboot" | "exit";
  /** The entry expires after this many seconds without a claim. A put of the same entry restarts the time. */
  expireSeconds: number;
  /** An install that has not reported for this many seconds counts as interrupted. */
  silenceSeconds: number;
  /** The user and the host to log in to after the install, such as `root@10.0.0.11`. Shown on the status page. */
  login?: string | undefined;
}

/** A stored entry. The contents of its files are stored separately, until the machine is installed. */
export type StoredSpec = Omit<EntrySpec, "files"> & { files: OverlayFileInfo[]; overlay: OverlayRef | null };

/**
 * The phase of an entry:
 * armed → booting → installing → installed | failed | interrupted. It becomes expired if no installer claims it in time,
 * and refused if the installer reports before its claim that it cannot install.
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

/** A network boot of a machine. It begins when the machine fetches its script. */
export interface Boot {
  /** Unguessable, because the URL of the overlay contains it. */
  id: string;
  /** Authenticates claims and reports. The machine gets it in the overlay. */
  token: string;
  mac: string;
  /** The IP address that fetched the script. */
  address: string;
  /** iPXE's `platform`: `efi` or `pcbios`. */
  firmware: string;
  /** iPXE's `buildarch`. */
  architecture: string;
  startedAt: number;
  /** When the overlay was delivered completely. */
  deliveredAt: number | undefined;
}

/** The permission to install that a running installer holds. */
export interface Claim {
  /** The content of `/proc/sys/kernel/random/boot_id` in the installer. */
  bootId: string;
  address: string;
  claimedAt: number;
}

/** A report of the installer. */
export interface InstallReport {
  stage: string;
  /** From 0 to 100 within the stage. */
  percent: number | undefined;
  message: string;
  /** The last lines of the installer's log, at most {@link LOG_TAIL_LINES}. */
  log: string[];
  reportedAt: number;
}

/** A declared machine and the state of its install. Times are milliseconds since 1970. */
export interface Entry {
  spec: StoredSpec;
  /** The SHA-256 of the spec as it was put. */
  digest: string;
  phase: Phase;
  /** The number of network boots in this generation. */
  boots: number;
  /** The number of claims granted in this generation. More than one only with `onInterrupted = "retry"`. */
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
 * The last install of the machine with a network card. It is kept when the entry is deleted or renamed, so that the
 * machine is not installed again under another name.
 */
export interface InstallRecord {
  entryId: string;
  generation: number;
  phase: Phase;
  endedAt: number | undefined;
}

export const LOG_TAIL_LINES = 50;

/** A change of an entry, as it is stored. */
export type Event = { at: number; id: string } & (
  | { kind: "put"; spec: StoredSpec; digest: string }
  /** The same entry was put again before a claim: it expires later, and is armed again if it was expired or refused. */
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
