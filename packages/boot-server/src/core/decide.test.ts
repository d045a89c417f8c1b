import { describe, expect, it } from "@jest/globals";
import {
  ADDRESS,
  bootOf,
  entryAfter,
  entryIn,
  PHASES,
  refusalOf,
  START,
  STEPS,
} from "../../tests/entries.ts";
import { decideAsset, decideBoot, decideDelivered, decideOverlay } from "./decide.ts";
import type { Phase } from "./model.ts";

/** Describes the offer and the events of a decision. */
function shown({ offer, events }: ReturnType<typeof decideBoot>): string {
  return [offer.kind, ...events.map(({ kind }) => kind)].join(" + ");
}

describe("a network boot", () => {
  it.each<[Phase, hold: string, retry: string, reason: string]>([
    ["armed", "install + booted", "install + booted", ""],
    ["booting", "install + booted", "install + booted", ""],
    ["refused", "install + booted", "install + booted", ""],
    ["installing", "local + interrupted", "install + interrupted + booted", "the install was interrupted"],
    ["installed", "local", "local", "it is installed"],
    ["failed", "local", "install + booted", "the install failed"],
    ["interrupted", "local", "install + booted", "the install was interrupted"],
    ["expired", "local", "local", "its entry has expired"],
  ])("of a machine that is %s: %s; with retry: %s", (phase, hold, retry, reason) => {
    const boot = bootOf({ startedAt: START + 5 });
    const outcome = decideBoot(entryIn(phase), boot, 0);
    expect(shown(outcome)).toBe(hold);
    if (outcome.offer.kind !== "install") expect(outcome.offer.reason).toBe(reason);
    for (const event of outcome.events) expect(event).toMatchObject({ id: "web", at: START + 5 });
    expect(shown(decideBoot(entryIn(phase, { onInterrupted: "retry" }), boot, 0))).toBe(retry);
  });

  it.each([
    ["hold", 0, "local"],
    ["hold", 10_000_000, "local"],
    ["retry", 0, "wait"],
    ["retry", 29_999, "wait"],
    ["retry", 30_000, "install + interrupted + booted"],
  ] as const)(
    "from another address during an install, with %s and a silence of %i ms: %s",
    (onInterrupted, quietMs, expected) => {
      const entry = entryIn("installing", { onInterrupted });
      const outcome = decideBoot(entry, bootOf({ address: "10.0.0.66" }), quietMs);
      expect(shown(outcome)).toBe(expected);
      if (outcome.offer.kind !== "install")
        expect(outcome.offer.reason).toContain("an install is in progress");
    },
  );

  it.each([
    ["x86_64", "efi", "x86_64", true],
    ["x86_64", "pcbios", "x86_64", true],
    ["x86_64", "pcbios", "i386", true],
    ["x86_64", "efi", "i386", false],
    ["x86_64", "efi", "arm64", false],
    ["x86_64", "pcbios", "arm64", false],
    ["aarch64", "efi", "arm64", true],
    ["aarch64", "efi", "x86_64", false],
    ["aarch64", "pcbios", "i386", false],
  ] as const)(
    "with a kernel for %s by %s on %s is offered it: %s",
    (architecture, firmware, build, isOffered) => {
      const boot = bootOf({ firmware, architecture: build });
      for (const phase of PHASES) {
        const { offer, events } = decideBoot(entryIn(phase, { architecture }), boot, 0);
        expect(offer.kind === "local" && offer.isWrongMachine).toBe(!isOffered);
        if (!isOffered) expect(events).toEqual([]);
      }
    },
  );

  it("boots from disk as the entry says, and from the first disk without one", () => {
    const offer = (biosLocalBoot?: "exit" | "sanboot") =>
      decideBoot(biosLocalBoot && entryIn("installed", { biosLocalBoot }), bootOf(), 0).offer;
    expect(offer("exit")).toMatchObject({ kind: "local", biosLocalBoot: "exit" });
    expect(offer("sanboot")).toMatchObject({ kind: "local", biosLocalBoot: "sanboot" });
    expect(offer()).toEqual({
      kind: "local",
      reason: "nobody has declared this machine",
      biosLocalBoot: "sanboot",
      isWrongMachine: false,
    });
  });
});

describe("an asset", () => {
  it.each(PHASES)("for a machine that is %s", (phase) => {
    const expected = phase === "armed" || phase === "booting" ? "nothing" : "refused: conflict";
    for (const which of ["kernel" as const, { initrd: 0 }, { initrd: 1 }]) {
      expect(refusalOf(() => decideAsset(entryIn(phase), which))).toBe(expected);
    }
  });

  it("is the one that was asked for", () => {
    const entry = entryIn("booting");
    expect(decideAsset(entry, "kernel")).toBe(entry.spec.kernel);
    expect(decideAsset(entry, { initrd: 1 })).toBe(entry.spec.initrds[1]);
    expect(refusalOf(() => decideAsset(entry, { initrd: 2 }))).toBe("refused: absent");
    expect(refusalOf(() => decideAsset(undefined, "kernel"))).toBe("refused: absent");
  });
});

describe("an overlay", () => {
  it.each<[Phase, string]>([
    ["armed", "refused: absent"],
    ["booting", "nothing"],
    ["refused", "refused: conflict"],
    ["installing", "refused: conflict"],
    ["installed", "refused: conflict"],
    ["failed", "refused: conflict"],
    ["interrupted", "refused: conflict"],
    ["expired", "refused: absent"],
  ])("of a machine that is %s: %s", (phase, expected) => {
    expect(refusalOf(() => decideOverlay(entryIn(phase), ADDRESS))).toBe(expected);
    const fromElsewhere = expected === "refused: absent" ? expected : "refused: denied";
    expect(refusalOf(() => decideOverlay(entryIn(phase), "10.0.0.66"))).toBe(fromElsewhere);
  });

  it("is delivered once in a boot", () => {
    const booting = entryIn("booting");
    expect(decideOverlay(booting, ADDRESS)).toEqual({ boot: booting.boot, overlay: booting.spec.overlay });
    expect(refusalOf(() => decideOverlay(undefined, ADDRESS))).toBe("refused: absent");
    const delivered = entryAfter([...STEPS.booting, { kind: "delivered", boot: "boot" }]);
    expect(refusalOf(() => decideOverlay(delivered, ADDRESS))).toBe("refused: conflict");
  });

  it("counts as delivered once, and only in the current boot", () => {
    const delivered = { kind: "delivered", id: "web", at: START + 1, boot: "boot" };
    expect(decideDelivered(entryIn("booting"), "boot", START + 1)).toEqual([delivered]);
    expect(decideDelivered(entryIn("booting"), "an earlier boot", START + 1)).toEqual([]);
    expect(decideDelivered(undefined, "boot", START + 1)).toEqual([]);
    const after = entryAfter([...STEPS.booting, { kind: "delivered", boot: "boot" }]);
    expect(decideDelivered(after, "boot", START + 1)).toEqual([]);
  });
});
