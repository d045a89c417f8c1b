import type { AssetRef, Event, InstallRecord } from "../src/core/model.ts";
import type { Snapshot, Store } from "../src/core/store.ts";

/** A store in memory, which tests can inspect and make fail. */
export interface MemoryStore extends Store {
  /** The state that a store opened afterwards would have. */
  readonly kept: Store["stored"];
  /** The operations that fail with ENOSPC. As in the real store, `append` fails after that until `rewrite`. */
  readonly failing: Set<"append" | "rewrite" | "saveInstalls" | "putOverlay" | "dropOverlays" | "assets">;
  readonly calls: string[];
  isLong: boolean;
  readonly files: Map<string, Buffer>;
  readonly assetsOf: Map<string, AssetRef>;
}

/** The state of a store in which nothing has happened. */
export const NOTHING: Store["stored"] = {
  cursor: 0,
  entries: [],
  installs: [],
  recent: [],
  events: [],
  keptInstalls: [],
};

/** Creates a store with the given state, by default empty. It has all assets except those in `lacking`. */
export function memoryStore(
  stored: Partial<Store["stored"]> = {},
  { lacking = [] as string[], failing = [] as Parameters<MemoryStore["failing"]["add"]>[0][] } = {},
): MemoryStore {
  let snapshot: Snapshot = { ...NOTHING, ...stored };
  let events: Event[] = [...(stored.events ?? [])];
  const installs = new Map<string, InstallRecord>(stored.keptInstalls ?? []);
  let isIntact = true;
  const store: MemoryStore = {
    stored: { ...NOTHING, ...stored },
    get kept() {
      return { ...snapshot, events, keptInstalls: [...installs] };
    },
    failing: new Set(failing),
    calls: [],
    files: new Map(),
    assetsOf: new Map(),
    get isIntact() {
      return isIntact;
    },
    isLong: false,
    async append(added) {
      if (!isIntact) throw new Error("what is stored is uncertain");
      isIntact = false;
      call("append");
      isIntact = true;
      events = [...events, ...added];
    },
    async rewrite(whole) {
      call("rewrite");
      // Copied, because the caller may change it later.
      snapshot = structuredClone<Snapshot>(whole);
      events = [];
      isIntact = true;
      store.isLong = false;
    },
    async saveInstalls(changed) {
      call("saveInstalls");
      for (const [mac, record] of changed) installs.set(mac, record);
    },
    overlays: {
      has: async ({ sha256 }) => store.files.has(sha256),
      get: async ({ sha256 }) => store.files.get(sha256),
      async put({ sha256 }, bytes) {
        call("putOverlay");
        store.files.set(sha256, Buffer.from(bytes));
      },
      async keepOnly(needed) {
        call("dropOverlays");
        for (const name of store.files.keys()) if (!needed.has(name)) store.files.delete(name);
      },
    },
    assets: {
      has: async ({ sha256 }) => !lacking.includes(sha256),
      touch: () => {},
      adopt: async () => false,
      add: async (asset) => void store.assetsOf.set(asset.sha256, asset),
      async open({ sha256, size }) {
        if (lacking.includes(sha256)) return undefined;
        return { sha256, size, read: async () => 0, close: async () => {} };
      },
      async collect() {
        call("assets");
        return 0;
      },
    },
    hardware: { put: async () => {}, get: async () => undefined, remove: async () => {} },
    close: async () => {},
  };
  const call = (name: Parameters<MemoryStore["failing"]["add"]>[0]): void => {
    store.calls.push(name);
    if (store.failing.has(name)) throw Object.assign(new Error(`ENOSPC: ${name}`), { code: "ENOSPC" });
  };
  return store;
}
