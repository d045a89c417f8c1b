import type { OpenAsset } from "./api.ts";
import type { AssetRef, Entry, Event, InstallRecord, OverlayRef } from "./model.ts";

export type Install = readonly [mac: string, record: InstallRecord];

/** The entries at one moment. */
export interface Snapshot {
  /** The number of the last event that is included. */
  cursor: number;
  entries: readonly Entry[];
  installs: readonly Install[];
  /** The latest events, for watchers; the last one has the number `cursor`. */
  recent: readonly Event[];
}

/**
 * The persistent state of the core. A call returns after its data is on the disk. If it throws, the data may or may not
 * be stored; see {@link isIntact}.
 */
export interface Store {
  /** The state when the store was opened: a snapshot, the events after it, and the installs, which are stored separately. */
  readonly stored: Snapshot & { events: readonly Event[]; keptInstalls: readonly Install[] };
  /** Whether it is known what is stored. If not, `append` fails until `rewrite` has stored everything again. */
  readonly isIntact: boolean;
  /** Whether the journal is long compared to a snapshot. */
  readonly isLong: boolean;
  append(events: readonly Event[]): Promise<void>;
  /** Replaces the journal by a snapshot. The separate installs stay. */
  rewrite(snapshot: Snapshot): Promise<void>;
  /** Stores the installs that have changed, or `all` of them if it is not known what is stored. */
  saveInstalls(
    changed: ReadonlyMap<string, InstallRecord>,
    all: ReadonlyMap<string, InstallRecord>,
  ): Promise<void>;
  readonly overlays: OverlayStore;
  readonly assets: AssetStore;
  readonly hardware: HardwareStore;
  close(): Promise<void>;
}

/** The overlays of entries, by the SHA-256 of their content. */
export interface OverlayStore {
  has(overlay: OverlayRef): Promise<boolean>;
  put(overlay: OverlayRef, bytes: Uint8Array): Promise<void>;
  /** Returns `undefined` if the overlay does not exist or is damaged. */
  get(overlay: OverlayRef): Promise<Buffer | undefined>;
  /** Removes all other overlays. */
  keepOnly(overlays: ReadonlySet<string>): Promise<void>;
}

export interface AssetStore {
  has(asset: AssetRef): Promise<boolean>;
  /** Restarts the time after which an unused asset is removed. */
  touch(asset: AssetRef): void;
  /** Links a file of the Nix store. Returns whether it has the right content. */
  adopt(asset: AssetRef, storePath: string): Promise<boolean>;
  add(asset: AssetRef, data: AsyncIterable<Uint8Array>): Promise<void>;
  /** Returns `undefined` if the asset does not exist. */
  open(asset: AssetRef): Promise<OpenAsset | undefined>;
  /** Removes the assets that are not needed and were not used recently. Returns their number. */
  collect(needed: ReadonlySet<string>): Promise<number>;
}

export interface HardwareStore {
  put(entryId: string, report: Uint8Array): Promise<void>;
  get(entryId: string): Promise<Buffer | undefined>;
  remove(entryId: string): Promise<void>;
}
