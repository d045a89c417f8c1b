import { describe, expect, it } from "@jest/globals";
import { bootOf, entryIn, MAC, registryAfter, reportOf, specOf, START, STEPS } from "../../tests/entries.ts";
import { digestOf } from "./digest.ts";
import type { Entry, EntrySpec, Event, Phase } from "./model.ts";
import { splitSpec } from "./overlay.ts";
import { apply, createRegistry, entryOfBoot, entryOfMac, keepInstalls, type Registry } from "./registry.ts";

const AT = START + 5;
const OTHER_MAC = "52:54:00:00:00:01";

function put(registry: Registry, changes: Partial<EntrySpec> = {}): Entry {
  const request = specOf(changes);
  const event = { spec: splitSpec(request).spec, digest: digestOf(request), id: request.id, at: AT };
  return apply(registry, { kind: "put", ...event })!;
}

describe("what a put makes of an entry", () => {
  it.each<[Phase, same: Phase, kernel: Phase, quiet: Phase, raised: Phase, renewed: Phase]>([
    ["armed", "armed", "armed", "armed", "armed", "armed"],
    ["booting", "booting", "armed", "booting", "armed", "booting"],
    ["refused", "armed", "armed", "armed", "armed", "armed"],
    ["installing", "installing", "installing", "installing", "armed", "installing"],
    ["installed", "installed", "installed", "installed", "armed", "installed"],
    ["failed", "failed", "failed", "failed", "armed", "failed"],
    ["interrupted", "interrupted", "interrupted", "interrupted", "armed", "interrupted"],
    ["expired", "armed", "armed", "armed", "armed", "armed"],
  ])(
    "that is %s: %s; with another kernel: %s; with another silence: %s; of a higher generation: %s; renewed: %s",
    (phase, same, kernel, quiet, raised, renewed) => {
      const after = (changes: Partial<EntrySpec>) => put(registryAfter(STEPS[phase]), changes).phase;
      expect(after({})).toBe(same);
      expect(after({ kernel: { sha256: "f".repeat(64), size: 9 } })).toBe(kernel);
      expect(after({ silenceSeconds: 700 })).toBe(quiet);
      expect(after({ installGeneration: 4 })).toBe(raised);
      if (!["installing", "installed", "failed", "interrupted"].includes(phase)) {
        const entry = apply(registryAfter(STEPS[phase]), { kind: "renewed", id: "web", at: AT })!;
        expect(entry).toMatchObject({ phase: renewed, expiresAt: AT + 3_600_000, endedAt: undefined });
      }
    },
  );

  it("keeps the overlay of a machine that may still need it, and none of an installed one", () => {
    for (const phase of ["armed", "booting", "failed", "interrupted"] as const) {
      expect(put(registryAfter(STEPS[phase]), { silenceSeconds: 700 }).spec.overlay).not.toBeNull();
    }
    expect(put(registryAfter(STEPS.installed), { silenceSeconds: 700 }).spec.overlay).toBeNull();
  });

  it("holds an entry whose retry was under way, when it no longer says so", () => {
    const steps = [...STEPS.failed, ...STEPS.booting];
    const retried = (onInterrupted: "hold" | "retry") =>
      put(registryAfter(steps, { onInterrupted: "retry" }), { onInterrupted, cmdline: "quiet" });
    expect(retried("hold")).toMatchObject({ phase: "interrupted", boot: undefined, endedAt: AT });
    expect(retried("retry")).toMatchObject({ phase: "armed", attempt: 1, boots: 2 });
  });

  it.each<[Phase, found: Phase, Partial<Entry>]>([
    ["armed", "armed", { attempt: 0 }],
    ["booting", "armed", { attempt: 0 }],
    ["installing", "interrupted", { attempt: 1, boot: undefined, endedAt: AT }],
    ["installed", "installed", { attempt: 1, endedAt: START }],
    ["failed", "failed", { attempt: 1, endedAt: START }],
    ["interrupted", "interrupted", { attempt: 1, endedAt: START }],
  ])("under another name, for a machine that was %s: %s", (phase, found, fields) => {
    const registry = registryAfter([...STEPS[phase], { kind: "deleted" }]);
    expect(put(registry, { id: "renamed" })).toMatchObject({ phase: found, ...fields });
    const again = registryAfter([...STEPS[phase], { kind: "deleted" }]);
    expect(put(again, { id: "renamed", installGeneration: 4 })).toMatchObject({ phase: "armed", attempt: 0 });
    const lost = put(registryAfter([...STEPS[phase], { kind: "deleted" }]), { id: "renamed" }).spec.overlay;
    expect(lost === null).toBe(phase === "installed");
  });

  it("gives a new network card's install to an entry that waits", () => {
    const registry = registryAfter([...STEPS.installed, { kind: "deleted" }]);
    put(registry, { id: "other", macs: [OTHER_MAC] });
    expect(put(registry, { id: "other", macs: [OTHER_MAC, MAC] }).phase).toBe("installed");
  });
});

describe("what an event makes of an entry", () => {
  it("ignores events of an entry that is gone, and a delivery of another boot", () => {
    expect(apply(createRegistry(), { kind: "expired", id: "web", at: AT })).toBeUndefined();
    const registry = registryAfter(STEPS.booting);
    const deliver = (boot: string) => apply(registry, { kind: "delivered", id: "web", at: AT, boot });
    expect(deliver("another")?.boot?.deliveredAt).toBeUndefined();
    expect(deliver("boot")?.boot?.deliveredAt).toBe(AT);
  });

  it("counts an attempt for each boot that claims, and none for a claim after an interruption", () => {
    const claim = { bootId: "first", address: "", claimedAt: AT };
    const claimed: Event = { kind: "claimed", id: "web", at: AT, claim };
    expect(apply(registryAfter(STEPS.interrupted), claimed)?.attempt).toBe(1);
    expect(apply(registryAfter([...STEPS.interrupted, ...STEPS.booting]), claimed)?.attempt).toBe(2);
    const reported = registryAfter([...STEPS.installing, { kind: "reported", report: reportOf() }]);
    expect(apply(reported, claimed)?.report).toBeDefined();
    const refused = registryAfter(STEPS.refused);
    expect(apply(refused, claimed)?.report).toBeUndefined();
  });

  it("lets a machine that has booted claim for an hour", () => {
    const boot = bootOf({ startedAt: AT });
    const booted = (expireSeconds: number) =>
      apply(registryAfter([], { expireSeconds }), { kind: "booted", id: "web", at: AT, boot })!.expiresAt;
    expect(booted(60)).toBe(AT + 3_600_000);
    expect(booted(7_200)).toBe(START + 7_200_000);
  });
});

describe("the registry", () => {
  it("finds entries by network card and by boot, until they are deleted or lose them", () => {
    const registry = registryAfter(STEPS.booting);
    expect([entryOfMac(registry, MAC)?.spec.id, entryOfBoot(registry, "boot")?.spec.id]).toEqual([
      "web",
      "web",
    ]);
    expect([entryOfMac(registry, OTHER_MAC), entryOfBoot(registry, "other")]).toEqual([undefined, undefined]);
    put(registry, { macs: [OTHER_MAC] });
    expect([entryOfMac(registry, MAC), entryOfMac(registry, OTHER_MAC)?.spec.id]).toEqual([undefined, "web"]);
    apply(registry, { kind: "deleted", id: "web", at: AT });
    expect(entryOfMac(registry, OTHER_MAC)).toBeUndefined();
  });

  it("tells once of an install that has changed", () => {
    const registry = registryAfter(STEPS.installing);
    const record = { entryId: "web", generation: 3, phase: "installing", endedAt: undefined };
    expect([...registry.changedInstalls]).toEqual([[MAC, record]]);
    registry.changedInstalls.clear();
    apply(registry, { kind: "reported", id: "web", at: AT, report: reportOf() });
    expect(registry.changedInstalls.size).toBe(0);
    apply(registry, { kind: "installed", id: "web", at: AT, report: reportOf() });
    expect([...registry.changedInstalls]).toEqual([[MAC, { ...record, phase: "installed", endedAt: AT }]]);
  });

  const record = { entryId: "web", generation: 3, phase: "installed" as const, endedAt: START };
  it.each([
    [2, "armed", "armed"],
    [3, "installed", "armed"],
    [4, "installed", "installed"],
    [5, "installed", "installed"],
  ])(
    "with an install of generation %i that was kept apart, makes an armed entry of generation 3 %s, and of 4 %s",
    (generation, phase, raised) => {
      const registry = registryAfter([]);
      keepInstalls(registry, [[MAC, { ...record, generation }]]);
      expect(entryOfMac(registry, MAC)?.phase).toBe(phase);
      expect(registry.installs.get(MAC)?.generation).toBe(generation);
      expect(put(registry, { installGeneration: 4 }).phase).toBe(raised);
    },
  );

  it("keeps what it knows itself when an older install was kept apart, and says so", () => {
    const registry = registryAfter(STEPS.installed);
    keepInstalls(registry, [[MAC, { ...record, generation: 2 }]]);
    expect([...registry.changedInstalls]).toEqual([[MAC, record]]);
    keepInstalls(registry, [[MAC, record]]);
    expect(registry.changedInstalls.size).toBe(0);
    for (const other of [{ entryId: "x" }, { phase: "failed" as const }, { endedAt: 1 }]) {
      keepInstalls(registry, [[MAC, { ...record, ...other }]]);
      expect([...registry.changedInstalls]).toEqual([[MAC, record]]);
    }
    expect(entryIn("installed").spec.overlay).toBeNull();
  });
});
