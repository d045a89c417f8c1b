import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import * as fc from "fast-check";
import type { BootCore, CoreEvent } from "../src/core/api.ts";
import { openBootCore, type BootCoreOptions } from "../src/service/open-boot-core.ts";
import type { Clock } from "../src/core/clock.ts";
import type { EntrySpec } from "../src/core/model.ts";
import { Refusal } from "../src/core/refusal.ts";
import { sequences, violationsOf, type System } from "./one-install.ts";

const MAC = "52:54:00:12:34:56";
const FACTS = { address: "10.0.0.9", firmware: "efi", architecture: "x86_64" };
const kernel = Buffer.from("a kernel");
const KERNEL = { sha256: createHash("sha256").update(kernel).digest("hex"), size: kernel.length };
const SECRET = "correct horse battery staple";

let folder: string;
let core: BootCore;
let now: number;

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "boot-core-"));
  now = Date.now();
  core = await open();
});
afterEach(async () => {
  await core.close();
  await fs.rm(folder, { recursive: true });
});

async function open(options: Partial<BootCoreOptions> = {}): Promise<BootCore> {
  return openBootCore({ folder: join(folder, "store"), clock: clockOf(() => now), ...options });
}

/** A clock that only the test moves. */
function clockOf(now: () => number): Clock {
  return { now, uptime: now };
}

async function reopen(options: Partial<BootCoreOptions> = {}): Promise<void> {
  await core.close();
  core = await open(options);
}

async function* chunks(...parts: Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts;
}

function spec(changes: Partial<EntrySpec> = {}): EntrySpec {
  const contents = Buffer.from(SECRET).toString("base64");
  return {
    id: "web",
    macs: [MAC],
    architecture: "x86_64",
    kernel: KERNEL,
    initrds: [],
    cmdline: "console=ttyS0",
    files: [{ path: "/etc/ssh/key", contents, mode: 0o600, secret: true }],
    installGeneration: 1,
    onInterrupted: "hold",
    biosLocalBoot: "sanboot",
    expireSeconds: 86_400,
    silenceSeconds: 600,
    ...changes,
  };
}

async function put(changes: Partial<EntrySpec> = {}) {
  await core.addAsset(KERNEL, chunks(kernel));
  return core.putEntry(spec(changes));
}

/** Boots a machine until its installer runs, and returns the installer's token. */
async function bootInstaller(): Promise<string> {
  const decision = await core.startBoot(MAC, FACTS);
  if (decision.kind !== "install") throw new Error(`no install: ${decision.reason}`);
  return core.overlay(decision.bootId, FACTS.address).token;
}

async function claim(token: string, bootId = "boot-1") {
  return core.claim("web", { token, bootId, address: FACTS.address });
}

/** Returns the files of the store that contain a text, as it is or in base64. */
async function filesWith(text: string): Promise<string[]> {
  const store = join(folder, "store");
  const names = await fs.readdir(store, { recursive: true, withFileTypes: true });
  const files = names.filter((name) => name.isFile()).map((name) => join(name.parentPath, name.name));
  const found = [];
  for (const file of files) {
    const contents = await fs.readFile(file, "latin1");
    const encoded = Buffer.from(text).toString("base64").slice(0, -4);
    if (contents.includes(text) || contents.includes(encoded)) found.push(file.slice(store.length + 1));
  }
  return found;
}

function refusal(kind: Refusal["kind"], message: RegExp) {
  return expect.objectContaining({
    name: "Refusal",
    kind,
    message: expect.stringMatching(message) as unknown,
  });
}

describe("the one-install rule", () => {
  it("holds with a real store that is closed and opened again, on random sequences", async () => {
    let stores = 0;
    const system = async (): Promise<System> => {
      const options = { folder: join(folder, `store-${stores++}`), clock: clockOf(() => time) };
      let time = Date.now();
      let inner = await openBootCore(options);
      const addKernel = async ({ sha256 }: EntrySpec["kernel"]) => {
        await fs.writeFile(join(options.folder, "assets", sha256), "k");
      };
      const granted = async (work: Promise<unknown>) => {
        try {
          await work;
          return true;
        } catch (error) {
          if (error instanceof Refusal) return false;
          throw error;
        }
      };
      return {
        async put(entry) {
          await addKernel(entry.kernel);
          return granted(inner.putEntry(entry));
        },
        remove: async (id) => void (await inner.deleteEntry(id)),
        async boot(mac, address) {
          const decision = await inner.startBoot(mac, { ...FACTS, address });
          return decision.kind === "install" ? inner.overlay(decision.bootId, address).token : undefined;
        },
        claim: async (id, token, bootId) => granted(inner.claim(id, { token, bootId, address: "10.0.0.1" })),
        report: async (id, token, bootId, outcome) =>
          granted(inner.report(id, token, { bootId, stage: "test", outcome })),
        async advance(seconds) {
          time += seconds * 1000;
        },
        async restart() {
          await inner.close();
          inner = await openBootCore(options);
        },
        end: async () => inner.close(),
      };
    };
    await fc.assert(
      fc.asyncProperty(sequences({ retry: true, maxLength: 30 }), async (steps) => {
        const one = await system();
        try {
          expect(await violationsOf(one, steps)).toEqual([]);
        } finally {
          await one.end();
        }
      }),
      { numRuns: 60 },
    );
  }, 120_000);

  it("answers a claim of the same boot again, and none of another", async () => {
    await put();
    const token = await bootInstaller();
    expect(await claim(token)).toEqual({ generation: 1, attempt: 1 });
    await reopen();
    expect(await claim(token)).toEqual({ generation: 1, attempt: 1 });
    await expect(claim(token, "boot-2")).rejects.toEqual(refusal("conflict", /claimed by another boot/));
    await expect(claim("guess")).rejects.toEqual(refusal("denied", /token/));
    await expect(core.claim("other", { token, bootId: "boot-1", address: "" })).rejects.toEqual(
      refusal("denied", /token/),
    );
  });

  it("is not moved by a new kernel or command line, only by a higher generation", async () => {
    await put();
    const token = await bootInstaller();
    await claim(token);
    await core.report("web", token, { bootId: "boot-1", stage: "done", outcome: "installed" });
    expect((await put({ cmdline: "quiet" })).entry.phase).toBe("installed");
    expect(await core.startBoot(MAC, FACTS)).toMatchObject({ kind: "local", reason: "it is installed" });
    await expect(core.openAsset(MAC, "kernel")).rejects.toEqual(refusal("conflict", /installed/));
    await expect(put({ installGeneration: 0 })).rejects.toEqual(refusal("invalid", /installGeneration/));
    expect((await put({ installGeneration: 2 })).entry.phase).toBe("armed");
    await expect(put()).rejects.toEqual(refusal("conflict", /cannot be lowered/));
    expect(await core.startBoot(MAC, FACTS)).toMatchObject({ kind: "install" });
  });

  it("is not forgotten when the entry is deleted, or gets another name", async () => {
    await put();
    const token = await bootInstaller();
    await claim(token);
    await core.report("web", token, { bootId: "boot-1", stage: "done", outcome: "installed" });
    expect(await core.deleteEntry("web")).toBe(true);
    expect(await core.deleteEntry("web")).toBe(false);
    await reopen();
    const { entry } = await put({ id: "renamed" });
    expect(entry).toMatchObject({
      phase: "installed",
      reason: "was installed in this generation as entry web",
    });
    expect(await core.startBoot(MAC, FACTS)).toMatchObject({ kind: "local" });
  });

  it("gives a network card to one entry only", async () => {
    await put();
    await expect(put({ id: "other" })).rejects.toEqual(refusal("conflict", /belongs to the entry web/));
  });
});

describe("an install that does not come to its end", () => {
  it("is interrupted by silence and by another network boot, holds, and can still be finished by its own boot", async () => {
    await put();
    const token = await bootInstaller();
    await claim(token);
    now += 601_000;
    expect(await core.startBoot(MAC, FACTS)).toMatchObject({ kind: "local" });
    expect(core.getEntry("web")).toMatchObject({
      phase: "interrupted",
      reason: expect.stringContaining("600 s"),
    });
    await core.report("web", token, { bootId: "boot-1", stage: "copy", percent: 50 });
    expect(core.getEntry("web")?.phase).toBe("installing");
    expect(await core.startBoot(MAC, { ...FACTS, address: "10.0.0.66" })).toMatchObject({ kind: "local" });
    expect(core.getEntry("web")?.phase).toBe("installing");
    expect(await core.startBoot(MAC, FACTS)).toMatchObject({ kind: "local" });
    expect(core.getEntry("web")?.phase).toBe("interrupted");
    await core.report("web", token, { bootId: "boot-1", stage: "done", outcome: "installed" });
    expect(core.getEntry("web")?.phase).toBe("installed");
  });

  it("does not count the time in which the server was not there as silence", async () => {
    await put();
    await claim(await bootInstaller());
    now += 3_600_000;
    await reopen();
    await core.startBoot("52:54:00:00:00:99", FACTS);
    expect(core.getEntry("web")?.phase).toBe("installing");
  });

  it.each([2 * 86_400, -7_200, 20_000 * 86_400])(
    "neither expires nor counts as silent when the clock is set by %i s",
    async (seconds) => {
      let [time, uptime] = [now, 0];
      const clock = { now: () => time, uptime: () => uptime };
      const pass = (elapsed: number) => {
        time += elapsed * 1000;
        uptime += elapsed * 1000;
      };
      await reopen({ clock });
      await put();
      await put({ id: "waits", macs: ["52:54:00:12:34:57"], expireSeconds: 1000 });
      await claim(await bootInstaller());
      time += seconds * 1000;
      pass(500);
      await core.deleteEntry("nothing");
      expect([core.getEntry("web")?.phase, core.getEntry("waits")?.phase]).toEqual(["installing", "armed"]);
      await reopen({ clock });
      pass(490);
      await core.deleteEntry("nothing");
      expect([core.getEntry("web")?.phase, core.getEntry("waits")?.phase]).toEqual(["installing", "armed"]);
      pass(120);
      await core.deleteEntry("nothing");
      expect([core.getEntry("web")?.phase, core.getEntry("waits")?.phase]).toEqual([
        "interrupted",
        "expired",
      ]);
    },
  );

  it("begins again from another address, when the entry says so and the installer is silent", async () => {
    await put({ onInterrupted: "retry" });
    await claim(await bootInstaller());
    const other = { ...FACTS, address: "10.0.0.10" };
    now += 29_000;
    expect(await core.startBoot(MAC, other)).toMatchObject({ kind: "wait" });
    expect(core.getEntry("web")?.phase).toBe("installing");
    now += 2_000;
    expect(await core.startBoot(MAC, other)).toMatchObject({ kind: "install" });
  });

  it("begins again when the entry says so, with another token", async () => {
    await put({ onInterrupted: "retry" });
    const first = await bootInstaller();
    await claim(first);
    const second = await bootInstaller();
    expect(second).not.toBe(first);
    await expect(
      core.report("web", first, { bootId: "boot-1", stage: "done", outcome: "installed" }),
    ).rejects.toEqual(refusal("denied", /token/));
    expect(await claim(second, "boot-2")).toEqual({ generation: 1, attempt: 2 });
  });

  it("expires when nobody claims it, and lives again when it is put again", async () => {
    await put();
    now += 86_401_000;
    expect(await core.startBoot(MAC, FACTS)).toMatchObject({
      kind: "local",
      reason: "its entry has expired",
    });
    expect(await put()).toMatchObject({ changed: false, entry: { phase: "armed" } });
    expect(await core.startBoot(MAC, FACTS)).toMatchObject({ kind: "install" });
  });

  it("installs in the same generation after its installer had refused to, without a claim", async () => {
    await put();
    const first = await bootInstaller();
    const refused = { bootId: "boot-1", stage: "check-disk", message: "no disk", outcome: "failed" as const };
    await expect(core.report("web", first, { ...refused, outcome: undefined })).rejects.toEqual(
      refusal("conflict", /not claimed/),
    );
    await core.report("web", first, refused);
    await core.report("web", first, refused);
    await reopen();
    const report = { stage: "check-disk", message: "no disk" };
    expect(core.getEntry("web")).toMatchObject({ phase: "refused", attempt: 0, report });
    expect(core.status().machines[0]?.advice).toEqual([expect.stringContaining("before it wrote to a disk")]);

    expect((await put()).entry).toMatchObject({ phase: "armed", report, boot: undefined });
    const second = await bootInstaller();
    expect(core.getEntry("web")).toMatchObject({ phase: "booting", report: undefined });
    await core.report("web", second, { ...refused, bootId: "boot-2" });
    // The installer was started again by hand after the disk was connected.
    expect(await claim(second, "boot-2")).toEqual({ generation: 1, attempt: 1 });
    await core.report("web", second, { bootId: "boot-2", stage: "done", outcome: "installed" });
    expect(await core.startBoot(MAC, FACTS)).toMatchObject({ kind: "local", reason: "it is installed" });
  });

  it("takes the last report again, and nothing after it", async () => {
    await put();
    const token = await bootInstaller();
    await claim(token);
    const failed = { bootId: "boot-1", stage: "disko", message: "no disk", outcome: "failed" as const };
    await core.report("web", token, failed);
    await core.report("web", token, failed);
    await expect(core.report("web", token, { bootId: "boot-1", stage: "copy" })).rejects.toEqual(
      refusal("conflict", /ended/),
    );
    expect(core.status().machines[0]?.advice).toEqual([expect.stringContaining("installGeneration to 2")]);
  });
});

describe("secrets", () => {
  it("go to the address that began the boot, once", async () => {
    await put();
    const decision = await core.startBoot(MAC, FACTS);
    if (decision.kind !== "install") throw new Error(decision.reason);
    const overlay = core.overlay(decision.bootId, FACTS.address);
    expect((await overlay.files())[0]!.contents.toString()).toBe(SECRET);
    expect(() => core.overlay(decision.bootId, "10.0.0.66")).toThrow(/a different address/);
    expect(() => core.overlay("guess", FACTS.address)).toThrow(/there is no boot with this id/);
    core.overlay(decision.bootId, FACTS.address);
    await overlay.delivered();
    expect(() => core.overlay(decision.bootId, FACTS.address)).toThrow(/was already delivered/);
    await reopen();
    expect(() => core.overlay(decision.bootId, FACTS.address)).toThrow(/was already delivered/);
    expect(await core.startBoot(MAC, FACTS)).toMatchObject({ kind: "install" });
    expect(() => core.overlay(decision.bootId, FACTS.address)).toThrow(/there is no boot with this id/);
  });

  it("are in no report and on no status page, and leave the disk when the machine is installed", async () => {
    await put();
    const token = await bootInstaller();
    await claim(token);
    const log = [`token ${token}`, `key ${SECRET}`];
    await core.report("web", token, { bootId: "boot-1", stage: "copy", message: `used ${SECRET}`, log });
    const shown = JSON.stringify([core.status(), core.getEntry("web")!.report]);
    expect(shown).toContain("key [secret]");
    expect(shown).not.toContain(token);
    expect(shown).not.toContain(SECRET);
    expect(await filesWith(SECRET)).toEqual([expect.stringMatching(/^overlays\/[0-9a-f]{64}$/)]);
    await core.report("web", token, { bootId: "boot-1", stage: "done", outcome: "installed" });
    expect(await filesWith(SECRET)).toEqual([]);
    expect(await put()).toMatchObject({ changed: false });
    await put({ cmdline: "quiet" });
    await reopen();
    expect(core.getEntry("web")?.spec.overlay).toBeNull();
    expect(await filesWith(SECRET)).toEqual([]);
  });

  it.each([
    ["deleted", async () => core.deleteEntry("web")],
    ["changed", async () => put({ files: [] })],
  ])("leave the disk when their entry is %s, also after a crash", async (_what, change) => {
    await put();
    await fs.copyFile(join(folder, "store", (await filesWith(SECRET))[0]!), join(folder, "left"));
    await change();
    expect(await filesWith(SECRET)).toEqual([]);
    await core.close();
    await fs.copyFile(join(folder, "left"), join(folder, "store", "overlays", "0".repeat(64)));
    core = await open();
    await put({ id: "other", macs: ["52:54:00:12:34:57"], files: [] });
    expect(await filesWith(SECRET)).toEqual([]);
  });

  it("are in no report when they were encoded, wrapped or cut", async () => {
    const key =
      randomBytes(300)
        .toString("latin1")
        .replaceAll(/[^ -~]/g, "~") + randomBytes(100).toString("hex");
    const contents = Buffer.from(key).toString("base64");
    await put({ files: [{ path: "/key", contents, mode: 0o600, secret: true }] });
    const token = await bootInstaller();
    await claim(token);
    const wrapped = [0, 1, 2].flatMap((before) =>
      Buffer.from("x".repeat(before) + key + "more")
        .toString("base64")
        .match(/.{1,76}/g)!,
    );
    const hex = Buffer.from(key)
      .toString("hex")
      .match(/.{1,60}/g)!;
    const cut = [`ends: ${key.slice(0, 12)}`, `${key.slice(-12)} begins`, encodeURIComponent(key)];
    for (const log of [wrapped.slice(0, 40), hex, cut, [token.slice(0, 20)]]) {
      await core.report("web", token, { bootId: "boot-1", stage: "copy", log });
      const shown = core.getEntry("web")!.report!.log.slice(-log.length);
      for (const [i, line] of shown.entries()) {
        for (let at = 0; at + 12 <= log[i]!.length; at++) {
          const piece = log[i]!.slice(at, at + 12);
          if (/^(ends|.*begins)/.test(piece) || i === log.length - 1) continue;
          expect(line).not.toContain(piece);
        }
      }
      expect(shown.join("")).toContain("[secret]");
    }
  });

  it("are in files that nobody else can read", async () => {
    await put();
    for (const name of [
      "",
      "journal.json",
      "installs.json",
      "lock",
      "overlays",
      "assets",
      `assets/${KERNEL.sha256}`,
    ]) {
      const { mode } = await fs.stat(join(folder, "store", name));
      expect([name, mode & 0o077]).toEqual([name, 0]);
    }
  });
});

describe("assets", () => {
  it("are asked for once, checked, and needed before an entry", async () => {
    await expect(core.putEntry(spec())).rejects.toEqual(
      refusal("conflict", /kernel: the asset .* not uploaded/),
    );
    expect(await core.findMissingAssets([{ asset: KERNEL, storePath: "" }])).toEqual([KERNEL]);
    await expect(core.addAsset(KERNEL, chunks(kernel, kernel))).rejects.toEqual(
      refusal("invalid", /at least 16/),
    );
    await expect(core.addAsset(KERNEL, chunks(Buffer.from("A kernel")))).rejects.toEqual(
      refusal("invalid", /SHA-256/),
    );
    await expect(core.addAsset({ ...KERNEL, sha256: "../../../etc/passwd" }, chunks(kernel))).rejects.toEqual(
      refusal("invalid", /SHA-256/),
    );
    expect(await fs.readdir(join(folder, "store", "assets"))).toEqual([]);
    await core.addAsset(KERNEL, chunks(kernel.subarray(0, 3), kernel.subarray(3)));
    expect(await core.findMissingAssets([{ asset: KERNEL, storePath: "" }])).toEqual([]);
  });

  it("are served from the Nix store, and only from there", async () => {
    const nixStore = join(folder, "nix-store");
    await fs.mkdir(nixStore);
    await fs.writeFile(join(nixStore, "kernel"), kernel);
    await fs.writeFile(join(folder, "outside"), kernel);
    await fs.symlink(join(folder, "outside"), join(nixStore, "link"));
    await reopen({ nixStore });
    for (const storePath of [
      join(folder, "outside"),
      join(nixStore, "link"),
      join(nixStore, "../outside"),
      nixStore,
    ]) {
      expect(await core.findMissingAssets([{ asset: KERNEL, storePath }])).toEqual([KERNEL]);
    }
    const storePath = join(nixStore, "kernel");
    const wrong = { ...KERNEL, sha256: "0".repeat(64) };
    expect(await core.findMissingAssets([{ asset: wrong, storePath }])).toEqual([wrong]);
    expect(await core.findMissingAssets([{ asset: KERNEL, storePath }])).toEqual([]);
    await core.putEntry(spec());
    await reopen({ nixStore });
    const open = await core.openAsset(MAC, "kernel");
    const bytes = Buffer.alloc(100);
    expect(await open.read(bytes, 2)).toBe(6);
    expect(bytes.toString("utf8", 0, 6)).toBe("kernel");
    await open.close();
    await fs.rm(storePath);
    await expect(core.openAsset(MAC, "kernel")).rejects.toEqual(
      refusal("absent", /apply the deployment again/),
    );
    expect(core.status().machines[0]?.advice).toEqual([
      expect.stringContaining("apply the deployment again"),
    ]);
  });

  it("go when no entry needs them any more, after a while", async () => {
    const bytes = randomBytes(100);
    const other = { sha256: createHash("sha256").update(bytes).digest("hex"), size: 100 };
    await core.addAsset(other, chunks(bytes));
    await put();
    await fs.writeFile(join(folder, "store", "assets", ".upload-cut-off"), "x");
    await reopen();
    expect((await fs.readdir(join(folder, "store", "assets"))).length).toBe(2);
    await reopen({ limits: { assetGraceSeconds: 0 } });
    await put({ cmdline: "quiet" });
    expect(await fs.readdir(join(folder, "store", "assets"))).toEqual([KERNEL.sha256]);
  });

  it("are limited in size and number, and by the room on the disk", async () => {
    await reopen({ limits: { maxAssetBytes: 7 } });
    await expect(core.addAsset(KERNEL, chunks(kernel))).rejects.toEqual(refusal("limit", /7 bytes/));
    await reopen({ limits: { maxAssets: 0 } });
    await expect(core.addAsset(KERNEL, chunks(kernel))).rejects.toEqual(refusal("limit", /0 assets/));
    await reopen({ limits: { minFreeBytes: Number.MAX_SAFE_INTEGER } });
    await expect(core.addAsset(KERNEL, chunks(kernel))).rejects.toEqual(refusal("limit", /no room/));
    await reopen({ limits: { maxEntries: 0 } });
    await core.addAsset(KERNEL, chunks(kernel));
    await expect(core.putEntry(spec())).rejects.toEqual(refusal("limit", /0 entries/));
  });
});

describe("the store", () => {
  it("belongs to one server", async () => {
    await expect(open()).rejects.toThrow(/another boot server is using it/);
  });

  it("is refused, unchanged, when it is damaged, of another version, or has lost its journal", async () => {
    await put();
    await core.close();
    const path = join(folder, "store", "journal.json");
    const good = await fs.readFile(path, "utf8");
    for (const [bad, message] of [
      [good.replace('"version": 2', '"version": 9'), /has version 9/],
      [good.replace('"entries"', "entries"), /is damaged/],
      [good.slice(0, 10), /journal.json cannot be read/],
      ["", /cannot be read/],
    ] as const) {
      await fs.writeFile(path, bad);
      expect(await open().catch(describeError)).toMatch(message);
      expect(await fs.readFile(path, "utf8")).toBe(bad);
    }
    await fs.writeFile(path, good);
    const installs = join(folder, "store", "installs.json");
    await fs.rename(installs, `${installs}.away`);
    await expect(open()).rejects.toThrow(/installs.json is missing/);
    await fs.rename(`${installs}.away`, installs);
    core = await open();
    expect(core.getEntry("web")?.phase).toBe("armed");
  });

  it("knows what was installed when its journal was moved away, or is an old one", async () => {
    await put();
    const path = join(folder, "store", "journal.json");
    const old = await fs.readFile(path);
    const token = await bootInstaller();
    await claim(token);
    await core.report("web", token, { bootId: "boot-1", stage: "done", outcome: "installed" });
    for (const remedy of [async () => fs.rm(path), async () => fs.writeFile(path, old)]) {
      await core.close();
      await remedy();
      core = await open();
      await put({ cmdline: "again" });
      expect(core.getEntry("web")?.phase).toBe("installed");
      expect(await core.startBoot(MAC, FACTS)).toMatchObject({ kind: "local", reason: "it is installed" });
    }
  });

  it("goes on after a write that was cut off, and says where the rest is", async () => {
    await put();
    await core.close();
    const path = join(folder, "store", "journal.json");
    await fs.appendFile(path, '{ "events": [ { "kind": "deleted", "id": "we');
    const messages: string[] = [];
    core = await open({ log: (message) => messages.push(message) });
    expect(messages).toEqual([expect.stringContaining("was incomplete")]);
    expect(core.getEntry("web")?.phase).toBe("armed");
  });

  it("becomes short again, and is the same then", async () => {
    await put();
    const token = await bootInstaller();
    await claim(token);
    const log = Array.from({ length: 50 }, (_, i) => `line ${i} ${"x".repeat(400)}`);
    for (let i = 0; i < 300; i++) await core.report("web", token, { bootId: "boot-1", stage: `s${i}`, log });
    const before = [core.listEntries(), core.cursor];
    expect((await fs.stat(join(folder, "store", "journal.json"))).size).toBeLessThan(12_000_000);
    await reopen();
    expect(JSON.stringify([core.listEntries(), core.cursor])).toBe(JSON.stringify(before));
  });
});

describe("watching", () => {
  const steps = (events: CoreEvent[]) =>
    events.map((event) => [event.cursor, event.kind === "step" ? event.event.kind : event.kind]);

  it("tells of everything after a cursor, once, also after a restart", async () => {
    await put();
    const seen: CoreEvent[] = [];
    const stop = core.watch(0, (event) => seen.push(event));
    const token = await bootInstaller();
    await claim(token);
    stop();
    await core.report("web", token, { bootId: "boot-1", stage: "copy" });
    expect(steps(seen)).toEqual([
      [1, "put"],
      [2, "booted"],
      [3, "claimed"],
    ]);
    await reopen();
    const later: CoreEvent[] = [];
    core.watch(3, (event) => later.push(event));
    core.sighted({ mac: MAC, text: "kernel", download: { name: "kernel", sent: 1, size: 2 } });
    expect(steps(later)).toEqual([
      [4, "reported"],
      [4, "download"],
    ]);
  });

  it("says when a cursor is too old or not there yet", async () => {
    await reopen({ limits: { maxRecentEvents: 2 } });
    await put();
    for (let i = 0; i < 3; i++) await put();
    expect(() => core.watch(1, () => {})).toThrow(/the server has those after 2/);
    expect(() => core.watch(99, () => {})).toThrow(/up to 4/);
    core.watch(2, () => {});
  });
});

describe("machines that nobody declared", () => {
  const mac = (i: number) => `52:54:00:aa:${hex(i >> 8)}:${hex(i & 255)}`;
  const ask = async (i: number, address: string) => core.startBoot(mac(i), { ...FACTS, address });
  const shown = () => core.status().machines.map((machine) => machine.mac);

  it("are shown, the newest of them, however many there were", async () => {
    await put();
    for (let i = 0; i < 300; i++) await ask(i, `10.0.${i >> 8}.${i & 255}`);
    await ask(44, "10.0.0.44");
    await ask(300, "10.0.1.44");
    const newest = [44, ...Array.from({ length: 255 }, (_, i) => i + 46)].map(mac);
    expect(shown().toSorted()).toEqual([MAC, ...newest].toSorted());
  });

  it("do not push each other out from one address", async () => {
    await ask(1000, "10.0.0.1");
    for (let i = 0; i < 300; i++) await ask(i, "10.0.0.2");
    await ask(1001, "10.0.0.3");
    expect(shown()).toEqual(expect.arrayContaining([mac(1000), mac(299), mac(1001)]));
    expect(shown()).toHaveLength(2 + 32);
  });
});

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

describe("bad entries", () => {
  it("are refused when they are too long with the names of all initrds", async () => {
    const initrds = Array.from({ length: 32 }, () => KERNEL);
    const names = [...initrds.map((_, i) => `initrd=initrd${i}`), "initrd=overlay", "initrd=initrd.magic"];
    const most = 2047 - `kernel ${names.join(" ")} `.length;
    await put({ initrds, cmdline: "a".repeat(most) });
    await expect(put({ initrds, cmdline: "a".repeat(most + 1) })).rejects.toEqual(
      refusal("invalid", /^cmdline: is too long: .* it has 2048 characters, and the limit is 2047$/m),
    );
  });

  it("are refused with everything that is wrong with them", async () => {
    const bad = spec({
      id: "../x",
      macs: ["52-54-00-12-34-56", "01:00:5e:00:00:01", MAC, MAC],
      kernel: { sha256: "xyz", size: 0 },
      cmdline: "a ${net0/mac} b",
      files: [
        { path: "etc/x", contents: "", mode: 0o644, secret: false },
        { path: "/etc/../x", contents: "", mode: 0o10000, secret: false },
        { path: "/nixops4/token", contents: "", mode: 0o644, secret: false },
        { path: "/a", contents: "", mode: 0o644, secret: false },
        { path: "/a/b", contents: "", mode: 0o644, secret: false },
      ],
      installGeneration: 1.5,
      expireSeconds: 1,
      silenceSeconds: 1,
      login: "-oProxyCommand=x@y",
    });
    const error = await core.putEntry(bad).catch((cause: unknown) => cause as Refusal);
    const paths = (error as Refusal).message
      .split("\n")
      .slice(1)
      .map((line) => line.split(": ")[0]);
    expect(paths).toEqual([
      "id",
      "macs.0",
      "macs.1",
      "macs.3",
      "kernel.sha256",
      "kernel.size",
      "cmdline",
      "installGeneration",
      "expireSeconds",
      "silenceSeconds",
      "login",
      'files."etc/x"',
      'files."/etc/../x"',
      'files."/etc/../x".mode',
      'files."/nixops4/token"',
      'files."/a"',
    ]);
  });
});
