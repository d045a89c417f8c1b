import type { BootOffer } from "./decide.ts";
import type { AssetRef, Entry, EntrySpec, Event, InstallReport } from "./model.ts";
import type { OverlayContent } from "./overlay.ts";

/** The properties of a machine that iPXE sends with its request for the script. */
export interface MachineFacts {
  address: string;
  /** iPXE's `platform`: `efi` or `pcbios`. */
  firmware: string;
  /** iPXE's `buildarch`. */
  architecture: string;
  manufacturer?: string | undefined;
  product?: string | undefined;
  serial?: string | undefined;
}

/** The answer to a machine that asks for its script. */
export type BootDecision =
  Exclude<BootOffer, { kind: "install" }> | { kind: "install"; entry: Entry; bootId: string };

/** An asset ready to be sent. */
export interface OpenAsset {
  size: number;
  /** The SHA-256 of the content, in lower-case hexadecimal. */
  sha256: string;
  /** Reads from `position` into the buffer. Returns the number of bytes read, 0 at the end of the file. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/** The contents of the overlay of one boot. */
export interface OverlayContents {
  entryId: string;
  /** The MAC address of the machine that is booting. */
  mac: string;
  token: string;
  generation: number;
  /** Returns the files. Refused if the store has lost them. */
  files: () => Promise<OverlayContent[]>;
  /** Records that the overlay was sent completely: it is not delivered a second time in this boot. */
  delivered(): Promise<void>;
}

export interface ReportRequest {
  bootId: string;
  stage: string;
  percent?: number | undefined;
  message?: string | undefined;
  log?: string[] | undefined;
  outcome?: "installed" | "failed" | undefined;
}

/** An observation of a machine, which is shown but not stored. */
export interface Sighting {
  /** Give `mac` or `address`; the core looks up the other one if it can. */
  mac?: string | undefined;
  address?: string | undefined;
  /** One line for the timeline, without secrets. */
  text: string;
  /** A download: `sent` of `size` bytes of `name`. A later sighting of the same download replaces the earlier one. */
  download?: { name: string; sent: number; size: number } | undefined;
  /** A symptom that the advice is based on. */
  problem?: "size-probe" | "wrong-architecture" | undefined;
}

export interface TimelineItem {
  at: number;
  text: string;
}

export interface MachineStatus {
  mac: string;
  /** `undefined` for a machine that is not declared. */
  entry: EntryStatus | undefined;
  address: string | undefined;
  facts: Omit<MachineFacts, "address"> | undefined;
  lastSeenAt: number | undefined;
  downloads: { name: string; sent: number; size: number; at: number }[];
  /** In chronological order. */
  timeline: TimelineItem[];
  /** Recommended actions, one sentence or two each. Empty if nothing looks wrong. */
  advice: string[];
}

/** The public part of an entry. */
export interface EntryStatus {
  id: string;
  phase: Entry["phase"];
  generation: number;
  attempt: number;
  architecture: EntrySpec["architecture"];
  /** The user and the host to log in to after the install. */
  login?: string | undefined;
  armedAt: number;
  expiresAt: number;
  bootedAt: number | undefined;
  claimedAt: number | undefined;
  endedAt: number | undefined;
  reason: string | undefined;
  report: InstallReport | undefined;
}

/** The state of the service and of the machines that it knows. */
export interface ServiceStatus {
  at: number;
  startedAt: number;
  /** The number of the last stored event. */
  cursor: number;
  /** Why commands are refused: nothing can be stored. `undefined` if the store works. */
  problem: string | undefined;
  machines: MachineStatus[];
}

/** An event for watchers, in order. `entry` is its state when the watcher is called, secrets included. */
export type CoreEvent =
  | { cursor: number; id: string; at: number; kind: "step"; event: Event; entry: Entry | undefined }
  | { cursor: number; id: string; at: number; kind: "download"; name: string; sent: number; size: number };

/**
 * The boot service without its TFTP, HTTP and gRPC servers. A method that changes something returns after the change is
 * on the disk, and throws a `Refusal` if it was refused.
 */
export interface BootCore {
  putEntry(spec: EntrySpec): Promise<{ entry: Entry; changed: boolean }>;
  getEntry(id: string): Entry | undefined;
  listEntries(): Entry[];
  deleteEntry(id: string): Promise<boolean>;

  findMissingAssets(assets: { asset: AssetRef; storePath: string }[]): Promise<AssetRef[]>;
  /** Stores an upload. Refused if the bytes have a different hash or size, or if the disk has no room. */
  addAsset(asset: AssetRef, data: AsyncIterable<Uint8Array>): Promise<void>;

  /** Decides what a machine boots that requests its script. */
  startBoot(mac: string, facts: MachineFacts): Promise<BootDecision>;
  /** Opens the kernel or an initrd of a machine that may install. */
  openAsset(mac: string, which: "kernel" | { initrd: number }): Promise<OpenAsset>;
  /** Returns the overlay of one boot. Refused unless `address` is the one that began the boot. */
  overlay(boot: string, address: string): OverlayContents;
  claim(
    entryId: string,
    request: { token: string; bootId: string; address: string },
  ): Promise<{ generation: number; attempt: number }>;
  report(entryId: string, token: string, report: ReportRequest): Promise<void>;
  /** Stores the installer's hardware report, which is compressed by gzip, until the next report or until the entry is deleted. */
  reportHardware(entryId: string, token: string, report: Uint8Array): Promise<void>;
  /** Returns the hardware report as it was received, `undefined` if there is none. */
  hardwareReport(entryId: string): Promise<Buffer | undefined>;

  sighted(sighting: Sighting): void;
  status(): ServiceStatus;
  /** The number of the last stored event. */
  readonly cursor: number;
  /** Why commands are refused: nothing can be stored. `undefined` if the store works. */
  readonly problem: string | undefined;
  /**
   * Calls back for each event after a cursor: first the stored ones, then each new one. Without a cursor, only new
   * events. Returns a function that ends it. Throws a `Refusal` of kind `absent` if the cursor is too old.
   */
  watch(afterCursor: number | undefined, onEvent: (event: CoreEvent) => void): () => void;
  /** Calls back after the status has changed, at most every 250 ms. Returns a function that ends it. */
  onStatus(callback: () => void): () => void;
  close(): Promise<void>;
}
