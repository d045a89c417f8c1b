import { digestOf } from "../src/core/digest.ts";
import { Refusal } from "../src/core/refusal.ts";
import type { Boot, Entry, EntrySpec, Event, InstallReport, Phase } from "../src/core/model.ts";
export { PHASES } from "../src/core/model.ts";
import { splitSpec } from "../src/core/overlay.ts";
import { apply, createRegistry, type Registry } from "../src/core/registry.ts";

export const START = 1_000_000_000;
export const MAC = "52:54:00:12:34:56";
export const ADDRESS = "10.0.0.9";
export const TOKEN = "the token";

/** Returns the spec of an entry with a kernel, two initrds and a secret file. */
export function specOf(changes: Partial<EntrySpec> = {}): EntrySpec {
  return {
    id: "web",
    macs: [MAC],
    architecture: "x86_64",
    kernel: { sha256: "0".repeat(64), size: 1 },
    initrds: [
      { sha256: "1".repeat(64), size: 2 },
      { sha256: "2".repeat(64), size: 3 },
    ],
    cmdline: "",
    files: [{ path: "/key", contents: "c2VjcmV0", mode: 0o600, secret: true }],
    installGeneration: 3,
    onInterrupted: "hold",
    biosLocalBoot: "sanboot",
    expireSeconds: 3600,
    silenceSeconds: 600,
    ...changes,
  };
}

export function bootOf(changes: Partial<Boot> = {}): Boot {
  const facts = { mac: MAC, address: ADDRESS, firmware: "efi", architecture: "x86_64" };
  return { id: "boot", token: TOKEN, ...facts, startedAt: START, deliveredAt: undefined, ...changes };
}

export function reportOf(changes: Partial<InstallReport> = {}): InstallReport {
  return { stage: "disko", percent: undefined, message: "", log: [], reportedAt: START, ...changes };
}

type Step = Event extends infer E ? (E extends Event ? Omit<E, "at" | "id"> : never) : never;

const booted: Step = { kind: "booted", boot: bootOf() };
const claimed: Step = { kind: "claimed", claim: { bootId: "first", address: ADDRESS, claimedAt: START } };

/** The events that lead to each phase. Claims are from the boot "first", reports are of the stage "disko". */
export const STEPS: Record<Phase, Step[]> = {
  armed: [],
  booting: [booted],
  refused: [booted, { kind: "refused", report: reportOf() }],
  installing: [booted, claimed],
  installed: [booted, claimed, { kind: "installed", report: reportOf() }],
  failed: [booted, claimed, { kind: "failed", report: reportOf() }],
  interrupted: [booted, claimed, { kind: "interrupted", reason: "" }],
  expired: [{ kind: "expired" }],
};

/** Returns a registry with one entry, after events at `START`. */
export function registryAfter(steps: readonly Step[], changes: Partial<EntrySpec> = {}): Registry {
  const registry = createRegistry();
  const request = specOf(changes);
  const put = { kind: "put" as const, spec: splitSpec(request).spec, digest: digestOf(request) };
  for (const step of [put, ...steps]) apply(registry, { at: START, id: request.id, ...step });
  return registry;
}

export function entryAfter(steps: readonly Step[], changes: Partial<EntrySpec> = {}): Entry {
  return [...registryAfter(steps, changes).entries.values()].at(-1)!;
}

export function entryIn(phase: Phase, changes: Partial<EntrySpec> = {}): Entry {
  return entryAfter(STEPS[phase], changes);
}

/** Returns the kinds of the events of a decision, "nothing" if there are none, or the kind of the refusal. */
export function resultOf(decide: () => Event[]): string {
  try {
    return (
      decide()
        .map(({ kind }) => kind)
        .join(", ") || "nothing"
    );
  } catch (error) {
    if (error instanceof Refusal) return `refused: ${error.kind}`;
    throw error;
  }
}

/** Like {@link resultOf}, for a function that returns no events. */
export function refusalOf(work: () => unknown): string {
  return resultOf(() => {
    work();
    return [];
  });
}
