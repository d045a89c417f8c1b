import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { FailingFs, FAULTS } from "@nixops4-providers/test-servers";
import type { BootCore } from "../src/core/api.ts";
import type { EntrySpec } from "../src/core/model.ts";

const failing = await FailingFs.create();
jest.unstable_mockModule("node:fs/promises", () => failing.module);
const { openBootCore } = await import("../src/service/open-boot-core.ts");

const MAC = "52:54:00:12:34:56";
const FACTS = { address: "10.0.0.9", firmware: "efi", architecture: "x86_64" };
const KERNEL = Buffer.from("a kernel");
const ASSET = { sha256: createHash("sha256").update(KERNEL).digest("hex"), size: KERNEL.length };

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "store-faults-"));
});
afterEach(() => fs.rm(folder, { recursive: true }));

const open = async (name: string) => openBootCore({ folder: join(folder, name), log: () => {} });

async function prepared(name: string): Promise<BootCore> {
  const core = await open(name);
  await core.addAsset(ASSET, chunks());
  await core.putEntry(spec(1));
  return core;
}

describe.each(FAULTS)("%s", (code) => {
  it.each([false, true])(
    "at each call of an install (and at all after it: %s) loses nothing that was acknowledged",
    async (persistent) => {
      let hasFailed = true;
      let failures = 0;
      for (let call = 0; hasFailed; call++) {
        const name = `store-${call}`;
        let core = await prepared(name);
        failing.arm(code, call, { persistent });
        const done = await install(core, "boot-a");
        hasFailed = failing.disarm();
        if (Object.values(done).includes(false)) failures++;

        // Killed: what is on the disk is all that the next one knows.
        const copy = `${name}-killed`;
        await fs.cp(join(folder, name), join(folder, copy), { recursive: true });
        const killed = await open(copy);
        expect({ call, problem: lost(killed, done) }).toEqual({ call, problem: "" });
        await killed.close();

        // Goes on, and is stopped in order.
        await core.deleteEntry("nothing");
        expect({ call, problem: lost(core, done), trouble: core.problem }).toEqual({ call, problem: "" });
        await core.close();
        core = await open(name);
        expect({ call, problem: lost(core, done) }).toEqual({ call, problem: "" });
        if (done.claim) expect(await claimAgain(core)).toBe("refused");
        await core.close();
        for (const one of [name, copy]) await fs.rm(join(folder, one), { recursive: true });
        expect(call).toBeLessThan(300);
      }
      expect(failures).toBeGreaterThan(5);
    },
    120_000,
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
    expect.stringMatching(/^no command is taken: cannot store it: ENOSPC.*journal.json/),
  );
  expect(messages.at(-1)).toBe("commands are taken again: storing works");
  await core.close();
});

interface Done {
  put: boolean;
  claim: boolean;
  installed: boolean;
}

/** Goes as far as it comes, and tells what was acknowledged. */
async function install(core: BootCore, bootId: string): Promise<Done> {
  const done: Done = { put: false, claim: false, installed: false };
  const step = async (work: () => Promise<unknown>) =>
    work().then(
      () => true,
      () => false,
    );
  done.put = await step(() => core.putEntry(spec(2)));
  const decision = await core.startBoot(MAC, FACTS).catch(() => undefined);
  if (decision?.kind !== "install") return done;
  const { token } = core.overlay(decision.bootId, FACTS.address);
  done.claim = await step(() => core.claim("web", { token, bootId, address: FACTS.address }));
  if (!done.claim) return done;
  done.installed = await step(() =>
    core.report("web", token, { bootId, stage: "done", outcome: "installed" }),
  );
  return done;
}

function lost(core: BootCore, done: Done): string {
  const entry = core.getEntry("web");
  const generation = entry?.spec.installGeneration ?? 0;
  if (generation < (done.put ? 2 : 1)) return `the entry is of generation ${generation}`;
  const isClaimed = ["installing", "installed", "interrupted"].includes(entry!.phase);
  if (done.claim && !isClaimed) return `was claimed, and is ${entry!.phase}`;
  if (done.installed && entry!.phase !== "installed") return `was installed, and is ${entry!.phase}`;
  return "";
}

/** The machine boots again, and its installer asks for the disk as another boot. */
async function claimAgain(core: BootCore): Promise<string> {
  const decision = await core.startBoot(MAC, FACTS);
  if (decision.kind !== "install") return "refused";
  const { token } = core.overlay(decision.bootId, FACTS.address);
  return core.claim("web", { token, bootId: "boot-b", address: FACTS.address }).then(
    () => "granted",
    () => "refused",
  );
}

function spec(installGeneration: number): EntrySpec {
  const contents = Buffer.from("a secret of some length").toString("base64");
  return {
    id: "web",
    macs: [MAC],
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

async function* chunks() {
  yield KERNEL;
}
