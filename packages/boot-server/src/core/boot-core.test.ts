import { afterEach, describe, expect, it } from "@jest/globals";
import { ADDRESS, entryIn, MAC, PHASES, specOf, START, TOKEN } from "../../tests/entries.ts";
import { memoryStore, type MemoryStore } from "../../tests/stores.ts";
import type { BootCore } from "./api.ts";
import { createBootCore } from "./boot-core.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { splitSpec } from "./overlay.ts";
import { Refusal } from "./refusal.ts";

const FACTS = { address: ADDRESS, firmware: "efi", architecture: "x86_64" };
const cores: BootCore[] = [];
afterEach(async () => {
  for (const core of cores.splice(0)) await core.close();
});

function coreOver(store: MemoryStore): BootCore {
  const clock = { now: () => START + 1, uptime: () => 1 };
  const core = createBootCore({ store, limits: DEFAULT_LIMITS, clock, log: () => {} });
  cores.push(core);
  return core;
}

/** Returns "done" or the kind of the refusal. */
async function outcomeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "done";
  } catch (error) {
    if (error instanceof Refusal) return error.kind;
    throw error;
  }
}

/** All commands that change an entry that is booting. */
const COMMANDS: [string, (core: BootCore) => Promise<unknown>][] = [
  ["put", async (core) => core.putEntry(specOf({ cmdline: "quiet" }))],
  ["delete", async (core) => core.deleteEntry("web")],
  ["boot", async (core) => core.startBoot(MAC, FACTS)],
  ["claim", async (core) => core.claim("web", { token: TOKEN, bootId: "x", address: ADDRESS })],
  ["report", async (core) => core.report("web", TOKEN, { bootId: "x", stage: "s", outcome: "failed" })],
  ["delivered", async (core) => core.overlay("boot", ADDRESS).delivered()],
];

describe.each(COMMANDS)("%s", (_name, command) => {
  it("is done over a store that works, and is stored", async () => {
    const store = memoryStore({ entries: [entryIn("booting")] });
    expect(await outcomeOf(async () => command(coreOver(store)))).toBe("done");
    expect(store.kept.events.length).toBe(1);
  });

  it("is refused over a store that fails, and changes nothing", async () => {
    const store = memoryStore({ entries: [entryIn("booting")] }, { failing: ["append"] });
    const core = coreOver(store);
    expect(await outcomeOf(async () => command(core))).toBe("unavailable");
    expect(core.getEntry("web")).toEqual(entryIn("booting"));
    expect(core.problem).toContain("ENOSPC");
    expect(core.status().problem).toBe(core.problem);
  });
});

describe("over an empty store", () => {
  it("no machine and no installer gets anything", async () => {
    const core = coreOver(memoryStore());
    expect(await core.startBoot(MAC, FACTS)).toMatchObject({ kind: "local", isWrongMachine: false });
    const work: [string, () => Promise<unknown>][] = [
      ["absent", async () => core.openAsset(MAC, "kernel")],
      ["absent", async () => core.overlay("boot", ADDRESS)],
      ["denied", async () => core.claim("web", { token: TOKEN, bootId: "x", address: ADDRESS })],
      ["denied", async () => core.report("web", TOKEN, { bootId: "x", stage: "s" })],
      ["denied", async () => core.reportHardware("web", TOKEN, Buffer.from(""))],
    ];
    for (const [kind, command] of work) expect(await outcomeOf(command)).toBe(kind);
    expect([await core.deleteEntry("web"), core.listEntries(), core.cursor]).toEqual([false, [], 0]);
  });
});

describe("over a store without the files", () => {
  it("a put, an asset and an overlay are refused, and the status says what to do", async () => {
    const { kernel } = specOf();
    const store = memoryStore({ entries: [entryIn("booting")] }, { lacking: [kernel.sha256] });
    const core = coreOver(store);
    expect(await outcomeOf(async () => core.putEntry(specOf()))).toBe("conflict");
    expect(await outcomeOf(async () => core.openAsset(MAC, "kernel"))).toBe("absent");
    expect(await outcomeOf(async () => core.openAsset(MAC, { initrd: 0 }))).toBe("done");
    expect(await outcomeOf(core.overlay("boot", ADDRESS).files)).toBe("absent");
    expect(core.status().machines[0]?.advice).toEqual([expect.stringContaining("is missing")]);
  });

  it("gets a lost overlay again with the next put that changes something", async () => {
    const store = memoryStore({ entries: [entryIn("armed")] });
    const core = coreOver(store);
    expect((await core.putEntry(specOf())).changed).toBe(false);
    const { spec, bytes } = splitSpec(specOf());
    expect([...store.files]).toEqual([[spec.overlay.sha256, bytes]]);
  });
});

describe("the entry that a command returns", () => {
  it.each(PHASES)("is as it is after the command, for one that was %s", async (phase) => {
    const core = coreOver(memoryStore({ entries: [entryIn(phase)] }));
    const { entry } = await core.putEntry(specOf({ silenceSeconds: 700 }));
    expect(entry).toBe(core.getEntry("web"));
    expect(entry.spec.silenceSeconds).toBe(700);
    const { entry: same, changed } = await core.putEntry(specOf({ silenceSeconds: 700 }));
    expect([same, changed]).toEqual([core.getEntry("web"), false]);
  });

  it("is that of the boot, with its number", async () => {
    const core = coreOver(memoryStore({ entries: [entryIn("armed")] }));
    const decision = await core.startBoot(MAC, FACTS);
    expect(decision).toMatchObject({ kind: "install", entry: { phase: "booting" } });
    const { boot } = core.getEntry("web")!;
    expect(decision.kind === "install" && decision.bootId).toBe(boot?.id);
    const claim = { token: boot!.token, bootId: "x", address: ADDRESS };
    expect(await core.claim("web", claim)).toEqual({ generation: 3, attempt: 1 });
    expect(await core.claim("web", claim)).toEqual({ generation: 3, attempt: 1 });
  });
});
