import type { OpenAsset } from "./api.ts";
import type { AssetRef, Entry, Event, InstallRecord, OverlayRef } from "./model.ts";

export type Install = readonly [mac: string, record: InstallRecord];

/** The entries at one moment. */
export interface Snapshot {
  /** Of the last event in it. */
  cursor: number;
  entries: readonly Entry[];
  installs: readonly Install[];
  /** The latest events, for watchers; the last one has the number `cursor`. */
  recent: readonly Event[];
}

/**
 * What the core keeps beyond its own life. All that a call was to store is on the disk when it returns; when it throws,
 * anything may be, and {@link isIntact} says whether that is certain.
 */
export interface Store {
  /** What was stored last time: a snapshot, the events after it, and the installs, which are kept apart. */
  readonly stored: Snapshot & { events: readonly Event[]; keptInstalls: readonly Install[] };
  /** Whether what is stored is certain. Otherwise `append` refuses until `rewrite` has stored everything again. */
  readonly isIntact: boolean;
  /** Whether what is stored has become long compared to a snapshot. */
  readonly isLong: boolean;
  append(events: readonly Event[]): Promise<void>;
  /** Puts a snapshot in the place of everything but the installs that are kept apart. */
  rewrite(snapshot: Snapshot): Promise<void>;
  /** Stores the installs that have changed; `all` are for a store that is not certain of what it has. */
  saveInstalls(
    changed: ReadonlyMap<string, InstallRecord>,
    all: ReadonlyMap<string, InstallRecord>,
  ): Promise<void>;
  readonly overlays: OverlayStore;
  readonly assets: AssetStore;
  readonly hardware: HardwareStore;
  close(): Promise<void>;
}

/** The files that entries add to the ramdisk, by content. */
export interface OverlayStore {
  has(overlay: OverlayRef): Promise<boolean>;
  put(overlay: OverlayRef, bytes: Uint8Array): Promise<void>;
  /** `undefined` when it is not there, or damaged. */
  get(overlay: OverlayRef): Promise<Buffer | undefined>;
  /** Removes all others. */
  keepOnly(overlays: ReadonlySet<string>): Promise<void>;
}

export interface AssetStore {
  has(asset: AssetRef): Promise<boolean>;
  /** Puts off its removal. */
  touch(asset: AssetRef): void;
  adopt(asset: AssetRef, storePath: string): Promise<boolean>;
  add(asset: AssetRef, data: AsyncIterable<Uint8Array>): Promise<void>;
  /** `undefined` when it is not there. */
  open(asset: AssetRef): Promise<OpenAsset | undefined>;
  collect(needed: ReadonlySet<string>): Promise<number>;
}

export interface HardwareStore {
  put(entryId: string, report: Uint8Array): Promise<void>;
  get(entryId: string): Promise<Buffer | undefined>;
  remove(entryId: string): Promise<void>;
}
