import type { BootOffer } from "./decide.ts";
import type { AssetRef, Entry, EntrySpec, Event, InstallReport } from "./model.ts";
import type { OverlayContent } from "./overlay.ts";

/** What the machine's firmware and iPXE say of themselves with the request for the script. */
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
  /** Of the content, lower-case hexadecimal. */
  sha256: string;
  /** Fills the buffer with what stands at `position`, and returns how many bytes that were; 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/** What goes into the overlay of one boot. */
export interface OverlayContents {
  entryId: string;
  /** Of the machine whose boot it is. */
  mac: string;
  token: string;
  generation: number;
  /** Refused when they are lost. */
  files: () => Promise<OverlayContent[]>;
  /** To be called once all of it has left: there is no second delivery in this boot. */
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

/** Something a machine did that is shown but not stored. */
export interface Sighting {
  /** Either is enough: the core looks the other one up where it can. */
  mac?: string | undefined;
  address?: string | undefined;
  /** One line for the timeline, without secrets. */
  text: string;
  /** A download: `sent` of `size` bytes of `name`. Repeated sightings of one download replace each other. */
  download?: { name: string; sent: number; size: number } | undefined;
  /** Looked at for advice. */
  problem?: "size-probe" | "wrong-architecture" | undefined;
}

export interface TimelineItem {
  at: number;
  text: string;
}

export interface MachineStatus {
  mac: string;
  /** Not there for a machine that nobody declared. */
  entry: EntryStatus | undefined;
  address: string | undefined;
  facts: Omit<MachineFacts, "address"> | undefined;
  lastSeenAt: number | undefined;
  downloads: { name: string; sent: number; size: number; at: number }[];
  /** The latest last. */
  timeline: TimelineItem[];
  /** What to do when something looks wrong, a sentence each. */
  advice: string[];
}

/** An entry without anything secret. */
export interface EntryStatus {
  id: string;
  phase: Entry["phase"];
  generation: number;
  attempt: number;
  architecture: EntrySpec["architecture"];
  /** Who logs in to the installed machine, and where. */
  login?: string | undefined;
  armedAt: number;
  expiresAt: number;
  bootedAt: number | undefined;
  claimedAt: number | undefined;
  endedAt: number | undefined;
  reason: string | undefined;
  report: InstallReport | undefined;
}

export interface ServiceStatus {
  at: number;
  startedAt: number;
  /** Of the last stored event. */
  cursor: number;
  /** Why nothing can be stored just now, and so no command is taken. */
  problem: string | undefined;
  machines: MachineStatus[];
}

/** What watchers see, in order. `entry` is as it is when the watcher is told, without what is secret being removed. */
export type CoreEvent =
  | { cursor: number; id: string; at: number; kind: "step"; event: Event; entry: Entry | undefined }
  | { cursor: number; id: string; at: number; kind: "download"; name: string; sent: number; size: number };

/**
 * The boot service without its edges. Every method that changes something has it on the disk when it returns, and
 * throws a `Refusal` when it does not.
 */
export interface BootCore {
  putEntry(spec: EntrySpec): Promise<{ entry: Entry; changed: boolean }>;
  getEntry(id: string): Entry | undefined;
  listEntries(): Entry[];
  deleteEntry(id: string): Promise<boolean>;

  findMissingAssets(assets: { asset: AssetRef; storePath: string }[]): Promise<AssetRef[]>;
  /** Refused when the bytes have another hash or size, or there is no room. */
  addAsset(asset: AssetRef, data: AsyncIterable<Uint8Array>): Promise<void>;

  /** A machine asks for its script. */
  startBoot(mac: string, facts: MachineFacts): Promise<BootDecision>;
  /** The kernel or an initrd, for a machine that may install. */
  openAsset(mac: string, which: "kernel" | { initrd: number }): Promise<OpenAsset>;
  /** The overlay of one boot, for the address that began it. */
  overlay(boot: string, address: string): OverlayContents;
  claim(
    entryId: string,
    request: { token: string; bootId: string; address: string },
  ): Promise<{ generation: number; attempt: number }>;
  report(entryId: string, token: string, report: ReportRequest): Promise<void>;
  /** Keeps what the installer has found in the machine, compressed by gzip, until the next report or the entry's end. */
  reportHardware(entryId: string, token: string, report: Uint8Array): Promise<void>;
  /** As it came; `undefined` when there is none. */
  hardwareReport(entryId: string): Promise<Buffer | undefined>;

  sighted(sighting: Sighting): void;
  status(): ServiceStatus;
  /** Of the last stored event. */
  readonly cursor: number;
  /** Why nothing can be stored just now, and so no command is taken. */
  readonly problem: string | undefined;
  /**
   * Calls back for everything after a cursor, what is stored first; without one, from now on. Returns what ends it.
   * Throws a `Refusal` of kind `absent` when the cursor is too old.
   */
  watch(afterCursor: number | undefined, onEvent: (event: CoreEvent) => void): () => void;
  /** Called after anything that `status` shows has changed, at most a few times a second. Returns what ends it. */
  onStatus(callback: () => void): () => void;
  close(): Promise<void>;
}
