import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { FailingFs, FAULTS, inMemoryFolder } from "@nixops4-providers/test-servers";
import type { BootCore } from "../src/core/api.ts";
import type { EntrySpec } from "../src/core/model.ts";

const failing = await FailingFs.create();
jest.unstable_mockModule("node:fs/promises", () => failing.module);
jest.unstable_mockModule("node:fs", () => failing.syncModule);
jest.unstable_mockModule("node:child_process", () => failing.processModule);
const { openBootCore } = await import("../src/service/open-boot-core.ts");

const MAC = "52:54:00:12:34:56";
const FACTS = { address: "10.0.0.9", firmware: "efi", architecture: "x86_64" };
const KERNEL = Buffer.from("a kernel");
const INITRD = Buffer.from("an initrd");
const refOf = (bytes: Buffer) => ({
  sha256: createHash("sha256").update(bytes).digest("hex"),
  size: bytes.length,
});
const ASSET = refOf(KERNEL);

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(join(inMemoryFolder, "store-faults-"));
});
afterEach(() => fs.rm(folder, { recursive: true }));

const open = async (name: string) => openBootCore({ folder: join(folder, name), log: () => {} });

async function prepared(name: string): Promise<BootCore> {
  const core = await open(name);
  await core.addAsset(ASSET, chunks(KERNEL));
  await core.putEntry(spec(1));
  await core.putEntry(spec(1, "old", "52:54:00:12:34:57"));
  return core;
}

/** Opens a copy of the store from {@link prepared}. With `isLong`, the next command rewrites the journal. */
async function copyOfPrepared(name: string, isLong: boolean): Promise<BootCore> {
  const original = join(folder, "original");
  await fs.access(original).catch(async () => (await prepared("original")).close());
  await fs.cp(original, join(folder, name), { recursive: true });
  if (isLong) await fs.appendFile(join(folder, name, "journal.json"), Buffer.alloc(5 * 1024 * 1024, "\n"));
  return open(name);
}

describe.each(FAULTS)("%s", (code) => {
  const runs = [
    { isLong: false, persistent: false },
    { isLong: false, persistent: true },
    ...(code === "EIO" ? [{ isLong: true, persistent: false }] : []),
  ];
  it.each(runs)(
    "at each call of an install, %p, loses nothing that was acknowledged",
    async ({ isLong, persistent }) => {
      let hasFailed = true;
      let failures = 0;
      for (let call = 0; hasFailed; call++) {
        const name = `store-${call}`;
        let core = await copyOfPrepared(name, isLong);
        failing.arm(code, call, { persistent });
        const done = await install(core, "boot-a");
        hasFailed = failing.disarm();
        if (Object.values(done).includes(false)) failures++;

        // Like a kill: the next core reads only the disk.
        const copy = `${name}-killed`;
        await fs.cp(join(folder, name), join(folder, copy), { recursive: true });
        const killed = await open(copy);
        expect({ call, problem: await lost(killed, done, copy) }).toEqual({ call, problem: "" });
        if (done.claim)
          expect({ call, second: await claimAgain(killed) }).toEqual({ call, second: "refused" });
        await killed.close();

        // The core continues, and is closed normally.
        await core.deleteEntry("nothing");
        const after = { call, problem: await lost(core, done, name), trouble: core.problem };
        expect(after).toEqual({ call, problem: "" });
        expect({ call, left: await overlaysLeft(core, name) }).toEqual({ call, left: [] });
        await core.close();
        core = await open(name);
        expect({ call, problem: await lost(core, done, name) }).toEqual({ call, problem: "" });
        if (done.claim) expect({ call, second: await claimAgain(core) }).toEqual({ call, second: "refused" });
        await core.close();
        expect({ call, open: await openFiles() }).toEqual({ call, open: [] });
        for (const one of [name, copy]) await fs.rm(join(folder, one), { recursive: true });
        expect(call).toBeLessThan(400);
      }
      expect(failures).toBeGreaterThan(5);
    },
    300_000,
  );

  it("while it starts, with nothing to write, is not even noticed by writes", async () => {
    await (await prepared("store")).close();
    failing.arm(code, Infinity);
    const core = await open("store");
    failing.disarm();
    const writes = failing.calls.filter((name) => /write|append|truncate|rename|link$/i.test(name));
    expect(writes).toEqual([]);
    await core.close();
  });
});

it("says so while nothing can be stored, takes no command, and takes them again", async () => {
  const messages: string[] = [];
  await (await prepared("store")).close();
  const core = await openBootCore({ folder: join(folder, "store"), log: (text) => messages.push(text) });
  failing.arm("ENOSPC", 0, { persistent: true });
  const unavailable = expect.objectContaining({ kind: "unavailable" }) as unknown;
  await expect(core.deleteEntry("web")).rejects.toEqual(unavailable);
  expect(core.problem).toContain("ENOSPC");
  expect(core.status().problem).toContain("ENOSPC");
  await expect(core.startBoot(MAC, FACTS)).rejects.toEqual(unavailable);
  failing.disarm();
  expect(await core.startBoot(MAC, FACTS)).toMatchObject({ kind: "install" });
  expect(core.problem).toBeUndefined();
  expect(messages).toContainEqual(
    expect.stringMatching(/^cannot write to the store, so commands are refused: ENOSPC.*journal.json/),
  );
  expect(messages.at(-1)).toBe("the store works again: commands are accepted");
  await core.close();
});

interface Done {
  asset: boolean;
  put: boolean;
  other: boolean;
  deleted: boolean;
  claim: boolean;
  installed: boolean;
}

/** Runs the steps until one fails. Returns the acknowledged ones. */
async function install(core: BootCore, bootId: string): Promise<Done> {
  const done: Done = {
    asset: false,
    put: false,
    other: false,
    deleted: false,
    claim: false,
    installed: false,
  };
  const step = async (work: () => Promise<unknown>) =>
    work().then(
      () => true,
      () => false,
    );
  done.asset = await step(() => core.addAsset(refOf(INITRD), chunks(INITRD)));
  done.put = await step(() => core.putEntry(spec(2)));
  done.other = await step(() => core.putEntry(spec(1, "new", "52:54:00:12:34:58")));
  done.deleted = await step(() => core.deleteEntry("old"));
  const decision = await core.startBoot(MAC, FACTS).catch(() => undefined);
  if (decision?.kind !== "install") return done;
  const { token } = core.overlay(decision.bootId, FACTS.address);
  done.claim = await step(() => core.claim("web", { token, bootId, address: FACTS.address }));
  await step(() => core.reportHardware("web", token, Buffer.from("{}")));
  if (!done.claim) return done;
  done.installed = await step(() =>
    core.report("web", token, { bootId, stage: "done", outcome: "installed" }),
  );
  return done;
}

async function lost(core: BootCore, done: Done, name: string): Promise<string> {
  const entry = core.getEntry("web");
  const generation = entry?.spec.installGeneration ?? 0;
  if (generation < (done.put ? 2 : 1)) return `the entry is of generation ${generation}`;
  const isClaimed = ["installing", "installed", "interrupted"].includes(entry!.phase);
  if (done.claim && !isClaimed) return `was claimed, and is ${entry!.phase}`;
  if (done.installed && entry!.phase !== "installed") return `was installed, and is ${entry!.phase}`;
  if (done.other && core.getEntry("new") === undefined) return "the other entry is gone";
  if (done.deleted && core.getEntry("old") !== undefined) return "the deleted entry is there";
  const missing = await core.findMissingAssets([{ asset: refOf(INITRD), storePath: "" }]);
  if (done.asset && missing.length > 0) return "the uploaded asset is gone";
  const stored = await fs.readdir(join(folder, name, "overlays"));
  const hasAll = neededOverlays(core).every((sha256) => stored.includes(sha256));
  return hasAll ? "" : "an overlay is gone";
}

/** Returns the overlays that no entry uses. */
async function overlaysLeft(core: BootCore, name: string): Promise<string[]> {
  const stored = await fs.readdir(join(folder, name, "overlays"));
  return stored.filter((file) => !neededOverlays(core).includes(file));
}

function neededOverlays(core: BootCore): string[] {
  return core.listEntries().flatMap(({ spec }) => spec.overlay?.sha256 ?? []);
}

/** Returns the open files of this process in the folder. */
async function openFiles(): Promise<string[]> {
  const numbers = await fs.readdir("/proc/self/fd");
  const files = numbers.map((number) => fs.readlink(`/proc/self/fd/${number}`).catch(() => ""));
  return (await Promise.all(files)).filter((file) => file.startsWith(folder));
}

/** Boots the machine again, and claims the install with another boot id. */
async function claimAgain(core: BootCore): Promise<string> {
  const decision = await core.startBoot(MAC, FACTS);
  if (decision.kind !== "install") return "refused";
  const { token } = core.overlay(decision.bootId, FACTS.address);
  return core.claim("web", { token, bootId: "boot-b", address: FACTS.address }).then(
    () => "granted",
    () => "refused",
  );
}

function spec(installGeneration: number, id = "web", mac = MAC): EntrySpec {
  const contents = Buffer.from(`a secret of ${id} ${installGeneration}`).toString("base64");
  return {
    id,
    macs: [mac],
    architecture: "x86_64",
    kernel: ASSET,
    initrds: [],
    cmdline: "",
    files: [{ path: "/key", contents, mode: 0o600, secret: true }],
    installGeneration,
    onInterrupted: "hold",
    biosLocalBoot: "sanboot",
    expireSeconds: 3600,
    silenceSeconds: 3600,
  };
}

async function* chunks(bytes: Buffer) {
  yield bytes;
}
