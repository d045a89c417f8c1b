import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createLog, openLog } from "@nixops4-providers/durable-log";
import { describeError } from "@nixops4-providers/provider-sdk";
import { entryIn, MAC, specOf, START } from "../../tests/entries.ts";
import { NOTHING } from "../../tests/stores.ts";
import { DEFAULT_LIMITS } from "../core/limits.ts";
import type { Event, InstallRecord } from "../core/model.ts";
import { splitSpec } from "../core/overlay.ts";
import type { Store } from "../core/store.ts";
import { openFileStore } from "./file-store.ts";

const MIB = 2 ** 20;
const INSTALL: InstallRecord = { generation: 3 } as InstallRecord;
const EVENT: Event = { kind: "expired", id: "web", at: START };

let folder: string;
let messages: string[];
const stores: Store[] = [];

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "file-store-"));
  messages = [];
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  await fs.rm(folder, { recursive: true });
});

async function open(limits: Partial<typeof DEFAULT_LIMITS> = {}): Promise<Store> {
  const store = await openFileStore({
    folder,
    nixStore: "/nix/store",
    limits: { ...DEFAULT_LIMITS, minFreeBytes: 0, ...limits },
    log: (message) => messages.push(message),
  });
  stores.push(store);
  return store;
}

async function reopen(): Promise<Store> {
  for (const store of stores.splice(0)) await store.close();
  return open();
}

const errorOf = async () => describeError(await open().catch((error: unknown) => error));
const pathOf = (name: string) => join(folder, name);
const sizeOf = async (name: string) => (await fs.stat(pathOf(name))).size;

async function closed(): Promise<void> {
  for (const store of stores.splice(0)) await store.close();
}

describe("a store", () => {
  it("is empty at first", async () => {
    const store = await open();
    expect(store.stored).toEqual(NOTHING);
    expect([store.isIntact, store.isLong]).toEqual([true, false]);
  });

  it("has what was written, when it is opened again", async () => {
    const store = await open();
    const entry = JSON.parse(JSON.stringify(entryIn("armed"))) as ReturnType<typeof entryIn>;
    await store.rewrite({
      cursor: 7,
      entries: [entry],
      installs: [[MAC, INSTALL]],
      recent: [EVENT],
    });
    await store.append([EVENT]);
    await store.append([EVENT, EVENT]);
    await store.saveInstalls(new Map([[MAC, INSTALL]]), new Map());
    expect((await reopen()).stored).toEqual({
      cursor: 7,
      entries: [entry],
      installs: [[MAC, INSTALL]],
      recent: [EVENT],
      events: [EVENT, EVENT, EVENT],
      keptInstalls: [[MAC, INSTALL]],
    });
    expect(messages).toEqual([]);
  });

  it("is used by one server at a time", async () => {
    await open();
    expect(await errorOf()).toBe(
      `cannot use the store ${folder}: another boot server is using it\n` +
        "Stop the other boot server, or set `store` to another folder.",
    );
  });

  it("is not opened when its lock is no file", async () => {
    await fs.mkdir(pathOf("lock"));
    expect(await errorOf()).toMatch(/EISDIR/);
  });

  it("is long when the journal has grown, until it is rewritten", async () => {
    const store = await open();
    const long: Event = { ...EVENT, id: "x".repeat(MIB) };
    while ((await sizeOf("journal.json")) < 3 * MIB) await store.append([long]);
    expect(store.isLong).toBe(false);
    while ((await sizeOf("journal.json")) <= 4 * MIB) await store.append([long]);
    expect(store.isLong).toBe(true);
    await store.rewrite({ cursor: 0, entries: [], installs: [], recent: [] });
    expect(store.isLong).toBe(false);
    expect(await sizeOf("journal.json")).toBeLessThan(1000);
  });

  it("is not long when a rewrite would not make it much shorter", async () => {
    const store = await open();
    const long: Event = { ...EVENT, id: "x".repeat(2 * MIB) };
    await store.rewrite({ cursor: 0, entries: [], installs: [], recent: [long] });
    while ((await sizeOf("journal.json")) < 7 * MIB) await store.append([long]);
    expect(store.isLong).toBe(false);
  });

  it("rewrites the installs when their file has become long", async () => {
    const store = await open();
    const record = { ...INSTALL, padding: "x".repeat(2 * MIB) };
    const changed = new Map([[MAC, record]]);
    await store.saveInstalls(changed, new Map());
    await store.saveInstalls(changed, new Map());
    expect(await sizeOf("installs.json")).toBeGreaterThan(4 * MIB);
    await store.saveInstalls(changed, new Map([["all", INSTALL]]));
    expect(await sizeOf("installs.json")).toBeLessThan(1000);
    expect((await reopen()).stored.keptInstalls).toEqual([["all", INSTALL]]);
  });
});

describe("a store with a damaged file", () => {
  const JOURNAL_HINT =
    "Nothing was changed. Restore the file from a backup. Or move it away to start without entries, and apply the " +
    "deployment again: installs.json still records which machines were installed.";

  const BEGINNING = { version: 2, cursor: 0, entries: 0 };

  it.each([
    [
      "another version",
      [{ ...BEGINNING, version: 1 }],
      "cannot be read: its format has version 1, and this program reads version 2",
    ],
    ["no version", [{ events: [] }], "cannot be read: it is not a journal"],
    [
      "fewer entries than announced",
      [{ ...BEGINNING, entries: 2 }],
      "is damaged: it contains 0 of 2 entries",
    ],
    [
      "more entries than announced",
      [BEGINNING, { entry: entryIn("armed") }],
      "is damaged: it contains 1 of 0 entries",
    ],
    ["an unknown record", [BEGINNING, { x: 1 }], "cannot be read: it contains an unknown kind of record"],
  ])("that has %s is refused", async (_what, [first, ...records], problem) => {
    await open();
    await closed();
    const path = pathOf("journal.json");
    await fs.rm(path);
    await createLog(path, first!);
    const log = await openLog(path, "held", { timeoutSeconds: 0 });
    for (const record of records) await log.append(record);
    await log.close();
    const before = await fs.readFile(path);
    expect(await errorOf()).toBe(`${path} ${problem}\n${JOURNAL_HINT}`);
    expect(await fs.readFile(path)).toEqual(before);
  });

  it("that is empty is refused", async () => {
    await open();
    await closed();
    await fs.truncate(pathOf("journal.json"));
    expect(await errorOf()).toBe(`${pathOf("journal.json")} cannot be read: it is empty\n${JOURNAL_HINT}`);
  });

  it("that has no complete record is refused", async () => {
    await open();
    await closed();
    await fs.truncate(pathOf("installs.json"), 10);
    expect(await errorOf()).toMatch(/installs\.json .*it contains no complete record/s);
  });

  it("whose last write was incomplete goes on without it, and says so", async () => {
    const store = await open();
    await store.append([EVENT]);
    await closed();
    await fs.appendFile(pathOf("journal.json"), '{"events":[{"kind":"exp');
    expect((await open()).stored.events).toEqual([EVENT]);
    expect(messages.join()).toMatch(
      /^the last write to .*journal\.json was incomplete: its 24 bytes were moved to /,
    );
  });

  it.each([
    ["a journal", async () => {}],
    [
      "assets only",
      async () => {
        await fs.rm(pathOf("journal.json"));
        await fs.writeFile(join(pathOf("assets"), "x"), "");
      },
    ],
  ])("without the installs, with %s, is refused", async (_what, change) => {
    await open();
    await closed();
    await change();
    await fs.rm(pathOf("installs.json"));
    expect(await errorOf()).toMatch(
      new RegExp(`^installs\\.json is missing in the store ${folder}: nothing was changed\\n`),
    );
    expect(await fs.readdir(folder)).not.toContain("installs.json");
  });

  it("without the journal begins without entries, and keeps the installs", async () => {
    const store = await open();
    await store.saveInstalls(new Map([[MAC, INSTALL]]), new Map());
    await closed();
    await fs.rm(pathOf("journal.json"));
    expect((await open()).stored).toMatchObject({ entries: [], keptInstalls: [[MAC, INSTALL]] });
  });

  it("leaves no file open and no lock held", async () => {
    await open();
    await closed();
    await fs.truncate(pathOf("journal.json"));
    await errorOf();
    const numbers = await fs.readdir("/proc/self/fd");
    const files = await Promise.all(
      numbers.map(async (number) => fs.readlink(`/proc/self/fd/${number}`).catch(() => "")),
    );
    expect(files.filter((file) => file.startsWith(folder))).toEqual([]);
  });
});

describe("overlays", () => {
  it("are kept by their content, and only as long as they are needed", async () => {
    const { overlays } = await open();
    const { spec, bytes } = splitSpec(specOf());
    const ref = spec.overlay;
    expect([await overlays.has(ref), await overlays.get(ref)]).toEqual([false, undefined]);
    await overlays.put(ref, bytes);
    expect([await overlays.has(ref), await overlays.get(ref)]).toEqual([true, bytes]);
    expect((await fs.stat(join(folder, "overlays", ref.sha256))).mode & 0o777).toBe(0o600);
    await overlays.keepOnly(new Set([ref.sha256]));
    expect(await overlays.has(ref)).toBe(true);
    await overlays.keepOnly(new Set());
    expect(await fs.readdir(join(folder, "overlays"))).toEqual([]);
  });

  it.each([
    ["other bytes of the same size", (bytes: Buffer) => Buffer.alloc(bytes.length)],
    ["a part of it", (bytes: Buffer) => bytes.subarray(1)],
  ])("are missing when the file has %s", async (_what, change) => {
    const { overlays } = await open();
    const { spec, bytes } = splitSpec(specOf());
    await overlays.put(spec.overlay, change(bytes));
    expect(await overlays.get(spec.overlay)).toBeUndefined();
  });

  it("are missing when the size is not that of the reference", async () => {
    const { overlays } = await open();
    const { spec, bytes } = splitSpec(specOf());
    await overlays.put(spec.overlay, bytes);
    expect(await overlays.get({ ...spec.overlay, size: bytes.length + 1 })).toBeUndefined();
  });

  it("that cannot be read are an error, not missing", async () => {
    const { overlays } = await open();
    const { spec } = splitSpec(specOf());
    await fs.mkdir(join(folder, "overlays", spec.overlay.sha256));
    await expect(overlays.get(spec.overlay)).rejects.toThrow("EISDIR");
  });
});

describe("hardware reports", () => {
  const REPORT = Buffer.from("a report");

  it("are kept by entry, the last one", async () => {
    const { hardware } = await open();
    const id = "x".repeat(500);
    expect(await hardware.get(id)).toBeUndefined();
    await hardware.put(id, Buffer.from("the first"));
    await hardware.put(id, REPORT);
    expect(await hardware.get(id)).toEqual(REPORT);
    expect(await hardware.get("y")).toBeUndefined();
    await hardware.remove(id);
    await hardware.remove(id);
    expect(await hardware.get(id)).toBeUndefined();
  });

  it("are refused when the disk has no room", async () => {
    const { hardware } = await open({ minFreeBytes: 2 ** 60 });
    const refusal = { kind: "limit", message: "the server's disk has no room for 8 bytes" };
    await expect(hardware.put("web", REPORT)).rejects.toMatchObject(refusal);
    expect(await fs.readdir(join(folder, "hardware"))).toEqual([]);
  });

  it("that cannot be read are an error, not missing", async () => {
    const { hardware } = await open();
    await hardware.put("web", REPORT);
    const [name] = await fs.readdir(join(folder, "hardware"));
    await fs.rm(join(folder, "hardware", name!));
    await fs.mkdir(join(folder, "hardware", name!));
    await expect(hardware.get("web")).rejects.toThrow("EISDIR");
  });
});
