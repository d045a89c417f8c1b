import { describe, expect, it } from "@jest/globals";
import { entryIn, MAC, PHASES, reportOf, specOf, START, STEPS } from "../../tests/entries.ts";
import { memoryStore, type MemoryStore } from "../../tests/stores.ts";
import { decideDelete } from "./decide-entry.ts";
import { digestOf } from "./digest.ts";
import { Ledger, type Change } from "./ledger.ts";
import type { Event } from "./model.ts";
import { splitSpec } from "./overlay.ts";
import { Refusal } from "./refusal.ts";

const CLAIM = { bootId: "x", address: "", claimedAt: START };

function started(store: MemoryStore, maxRecentEvents = 100) {
  const time = { now: START, uptime: 0 };
  const messages: string[] = [];
  const told: string[] = [];
  const clock = { now: () => time.now, uptime: () => time.uptime };
  const ledger = new Ledger({ store, clock, maxRecentEvents, log: (message) => messages.push(message) });
  ledger.load((event, before, after) =>
    told.push(`${event.kind}: ${before?.phase ?? "none"} -> ${after?.phase ?? "none"}`),
  );
  const pass = (seconds: number) => {
    time.now += seconds * 1000;
    time.uptime += seconds * 1000;
  };
  return { ledger, store, messages, told, time, pass };
}

function putEvent(id = "web", mac = MAC): Event {
  const request = specOf({ id, macs: [mac] });
  return { kind: "put", id, at: START, spec: splitSpec(request).spec, digest: digestOf(request) };
}

async function record({ ledger }: ReturnType<typeof started>, ...events: Event[]) {
  return ledger.commit<Change>(() => ({ events, entry: undefined }));
}

/** Returns "done" or the kind of the refusal. */
async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    if (error instanceof Refusal) return error.kind;
    throw error;
  }
}

describe("a command", () => {
  it("is stored, applied and reported, and returns the resulting entry", async () => {
    const all = started(memoryStore());
    const { entry, events } = await record(all, putEvent());
    expect([entry?.phase, events.length, all.ledger.cursor]).toEqual(["armed", 1, 1]);
    expect(all.store.kept.events).toEqual(events);
    expect(all.told).toEqual(["put: none -> armed"]);
  });

  it("without events does not write to the store, and returns the entry", async () => {
    const all = started(memoryStore({ entries: [entryIn("armed")] }));
    const entry = entryIn("armed");
    expect(await all.ledger.commit(() => ({ events: [], entry }))).toEqual({ events: [], entry });
    expect(all.store.calls).toEqual(["dropOverlays"]);
  });

  it("waits for the one before, and is not stopped by its failure", async () => {
    const all = started(memoryStore({ entries: [entryIn("armed")] }));
    const order: string[] = [];
    const first = all.ledger.commit(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      order.push("first");
      throw new Error("no");
    });
    const second = all.ledger.commit(() => {
      order.push("second");
      return { events: [], entry: undefined };
    });
    await expect(first).rejects.toThrow("no");
    await second;
    expect(order).toEqual(["first", "second"]);
    await all.ledger.idle();
  });

  it("is decided after the events of the passage of time", async () => {
    const all = started(memoryStore({ entries: [entryIn("armed")] }));
    all.pass(3600);
    const { entry } = await all.ledger.commit(() => {
      const entry = all.ledger.registry.entries.get("web");
      return { events: decideDelete(entry, START), entry };
    });
    expect(entry).toBeUndefined();
    expect(all.told).toEqual(["expired: armed -> expired", "deleted: expired -> none"]);
  });
});

describe("a store that fails", () => {
  it.each([
    [["append", "rewrite"], "unavailable"],
    [["saveInstalls"], "unavailable"],
    [["dropOverlays"], "done"],
  ] as const)("with %j: %s, is retried, and recovers", async (parts, expected) => {
    const all = started(memoryStore({ entries: [entryIn("booting")] }));
    for (const part of parts) all.store.failing.add(part);
    const claimed: Event = { kind: "claimed", id: "web", at: START, claim: CLAIM };
    expect(await outcomeOf(record(all, claimed))).toBe(expected);
    expect(all.ledger.problem?.includes("(ENOSPC)")).toBe(expected === "unavailable" ? true : undefined);
    expect(all.messages.length).toBe(1);
    await outcomeOf(record(all, claimed));
    expect(all.messages.length).toBe(1);
    all.store.failing.clear();
    await all.ledger.tick();
    expect(all.ledger.problem).toBeUndefined();
    expect(all.messages.length).toBe(expected === "unavailable" ? 2 : 1);
    expect(await outcomeOf(record(all, claimed))).toBe("done");
    expect(started(memoryStore(all.store.kept)).ledger.registry.entries.get("web")?.phase).toBe("installing");
    expect(all.store.kept.keptInstalls.length).toBe(1);
  });

  it("does not report the events of a refused command, and recovers with the next one", async () => {
    const all = started(memoryStore());
    all.store.failing.add("append");
    expect(await outcomeOf(record(all, putEvent()))).toBe("unavailable");
    expect([all.ledger.registry.entries.size, all.told.length]).toEqual([0, 0]);
    expect(all.store.isIntact).toBe(false);
    all.store.failing.clear();
    expect(await outcomeOf(record(all, putEvent("other")))).toBe("done");
    expect(all.store.calls).toContain("rewrite");
    expect(all.store.kept.events.map(({ id }) => id)).toEqual(["other"]);
  });

  it("does not refuse a stored event if only the rewrite of the journal fails", async () => {
    const all = started(memoryStore());
    all.store.failing.add("rewrite");
    all.store.isLong = true;
    expect(await outcomeOf(record(all, putEvent()))).toBe("done");
    expect(all.messages).toEqual([expect.stringContaining("cannot shorten the journal: ENOSPC")]);
    all.store.failing.clear();
    await record(all, putEvent("other", "52:54:00:00:00:01"));
    expect([all.store.kept.cursor, all.store.kept.events.length]).toEqual([2, 0]);
  });

  it("refuses an overlay, which is then removed", async () => {
    const all = started(memoryStore());
    const overlay = { sha256: "ab", size: 2 };
    all.store.failing.add("putOverlay");
    expect(await outcomeOf(all.ledger.storeOverlay(overlay, Buffer.from("ab")))).toBe("unavailable");
    all.store.failing.clear();
    await all.ledger.storeOverlay(overlay, Buffer.from("ab"));
    expect([...all.store.files.keys()]).toEqual(["ab"]);
    const puts = all.store.calls.filter((name) => name === "putOverlay").length;
    await all.ledger.storeOverlay(overlay, Buffer.from("ab"));
    expect(all.store.calls.filter((name) => name === "putOverlay").length).toBe(puts);
    await all.ledger.tick();
    expect(all.store.files.size).toBe(0);
  });
});

describe("overlays", () => {
  it.each<[Event, boolean]>([
    [putEvent("other", "52:54:00:00:00:01"), true],
    [{ kind: "deleted", id: "web", at: START }, true],
    [{ kind: "installed", id: "web", at: START, report: reportOf() }, true],
    [{ kind: "reported", id: "web", at: START, report: reportOf() }, false],
  ])("are looked through after %j: %s", async (event, isDropped) => {
    const all = started(memoryStore({ entries: [entryIn("installing")] }));
    await all.ledger.tick();
    all.store.calls.length = 0;
    await record(all, event);
    expect(all.store.calls.includes("dropOverlays")).toBe(isDropped);
  });
});

describe("a ledger that starts again", () => {
  it.each(PHASES)("has an entry that is %s, its install and the events", async (phase) => {
    const events = STEPS[phase].map((step) => ({ ...step, id: "web", at: START }));
    const first = started(memoryStore());
    await record(first, putEvent(), ...events);
    const again = started(memoryStore(first.store.kept));
    expect(again.ledger.registry).toEqual(first.ledger.registry);
    expect(again.ledger.cursor).toBe(1 + events.length);
    expect(again.ledger.recent).toEqual(first.ledger.recent);
    expect(again.told.length).toBe(1 + events.length);
  });

  it.each([
    [1, [1]],
    [2, [1, 2]],
    [3, [2, 3]],
    [5, [4, 5]],
  ])("keeps the latest 2 of %i events", async (count, kept) => {
    const all = started(memoryStore({ entries: [entryIn("armed")] }), 2);
    const events = Array.from({ length: count }, (_, i): Event => ({
      kind: "renewed",
      id: "web",
      at: START + i + 1,
    }));
    for (const event of events) await record(all, event);
    expect([all.ledger.cursor, all.ledger.recent.map(({ at }) => at - START)]).toEqual([count, kept]);
  });

  it("reports the recent events of a snapshot, and continues to count after its cursor", async () => {
    const recent = [1, 2, 3].map((at): Event => ({ kind: "renewed", id: "web", at }));
    const all = started(memoryStore({ entries: [entryIn("armed")], recent, cursor: 7 }), 3);
    expect(all.told).toEqual(Array.from({ length: 3 }, () => "renewed: none -> armed"));
    await record(all, { kind: "renewed", id: "web", at: 4 });
    expect([all.ledger.cursor, all.ledger.recent.map(({ at }) => at)]).toEqual([8, [2, 3, 4]]);
  });
});

describe("time", () => {
  it("interrupts a silent installer, counted from its last report or this start", async () => {
    const all = started(memoryStore({ entries: [entryIn("installing")] }));
    all.pass(599);
    await all.ledger.tick();
    expect(all.ledger.quietMs("web")).toBe(599_000);
    await record(all, { kind: "reported", id: "web", at: START, report: reportOf() });
    expect(all.ledger.quietMs("web")).toBe(0);
    all.pass(599);
    await all.ledger.tick();
    expect(all.told).toEqual(["reported: installing -> installing"]);
    all.pass(1);
    await all.ledger.tick();
    expect(all.told.at(-1)).toBe("interrupted: installing -> interrupted");
  });

  it("counts from a claim, and forgets a deleted entry", async () => {
    const all = started(memoryStore({ entries: [entryIn("booting")] }));
    all.pass(5);
    await record(all, { kind: "claimed", id: "web", at: START, claim: CLAIM });
    expect(all.ledger.quietMs("web")).toBe(0);
    await record(all, { kind: "deleted", id: "web", at: START });
    expect(all.ledger.quietMs("web")).toBe(5_000);
  });

  it.each([
    [1_999, 0, ""],
    [2_000, 2_000, "2 s: entries expire that much later"],
    [-1_999, 0, ""],
    [-7_200_000, -7_200_000, "-7200 s: entries expire that much earlier"],
  ])("that was set by %i ms moves the deadlines by %i ms, for good", async (step, moved, message) => {
    const all = started(memoryStore({ entries: [entryIn("armed")] }));
    const { expiresAt } = all.ledger.registry.entries.get("web")!;
    all.time.now += step;
    await all.ledger.tick();
    await all.ledger.tick();
    expect(all.ledger.registry.entries.get("web")!.expiresAt - expiresAt).toBe(moved);
    expect(all.messages.join()).toBe(message && `the clock was set by ${message}`);
    expect(all.store.calls.filter((name) => name === "rewrite").length).toBe(moved === 0 ? 0 : 1);
    all.time.now += step;
    await record(all);
    expect(all.ledger.registry.entries.get("web")!.expiresAt - expiresAt).toBe(
      Math.abs(2 * step) < 2_000 ? 0 : moved === 0 ? 2 * step : 2 * moved,
    );
  });

  it("leaves the store alone while nothing happens", async () => {
    const all = started(memoryStore({ entries: [entryIn("installed")] }));
    for (let i = 0; i < 3; i++) {
      await all.ledger.tick();
      all.pass(1000);
    }
    expect(all.store.calls).toEqual(["saveInstalls", "dropOverlays"]);
  });
});
