import { describe, expect, it } from "@jest/globals";
import { adviceFor } from "./advice.ts";
import { digestOf } from "./digest.ts";
import { Machines } from "./machines.ts";
import type { Boot, Entry, EntrySpec, Event } from "./model.ts";
import { apply, createRegistry } from "./registry.ts";

const MAC = "52:54:00:12:34:56";
const START = 1_000_000;
const MINUTE = 60_000;
const facts = { address: "10.0.0.9", firmware: "efi", architecture: "x86_64" };
const boot: Boot = { id: "b", token: "t", mac: MAC, ...facts, startedAt: START, deliveredAt: undefined };
const report = { stage: "disko", percent: undefined, message: "", log: [], reportedAt: START };

const spec: EntrySpec = {
  id: "web",
  macs: [MAC],
  architecture: "x86_64",
  kernel: { sha256: "0".repeat(64), size: 1 },
  initrds: [],
  cmdline: "",
  files: [],
  installGeneration: 3,
  onInterrupted: "hold",
  biosLocalBoot: "sanboot",
  expireSeconds: 3600,
  silenceSeconds: 600,
};

type Step = Event extends infer E ? (E extends Event ? Omit<E, "at" | "id"> : never) : never;

function entryAfter(steps: Step[], changes: Partial<EntrySpec> = {}): Entry {
  const registry = createRegistry();
  const put = { ...spec, ...changes };
  const all = [{ kind: "put", spec: put, digest: digestOf(put) }, ...steps];
  return all.map((step) => apply(registry, { at: START, id: "web", ...step } as Event)).at(-1)!;
}

function advice({
  entry = entryAfter([]),
  see = () => {},
  now = START,
  missingAssets = false,
}: {
  entry?: Entry | undefined;
  see?: (machines: Machines) => void;
  now?: number;
  missingAssets?: boolean;
}): string[] {
  const machines = new Machines({ maxUnknown: 10, maxUnknownPerAddress: 10 }, () => true);
  see(machines);
  return adviceFor(machines.get(MAC), entry, { missingAssets, now });
}

function load(name: string, sent: number, size: number, at = START) {
  return (machines: Machines) => machines.see(MAC, { text: name, download: { name, sent, size } }, at);
}

describe("advice", () => {
  it("is not given while all goes well", () => {
    expect(advice({})).toEqual([]);
    expect(advice({ entry: entryAfter([{ kind: "booted", boot }]), see: load("snponly.efi", 9, 9) })).toEqual(
      [],
    );
  });

  it("names both architectures", () => {
    const text = "It asked as arm64, and the entry is for x86_64";
    const see = (machines: Machines) => machines.see(MAC, { text, problem: "wrong-architecture" }, START);
    expect(advice({ see })).toEqual([expect.stringContaining(`${text}. Set the entry's architecture`)]);
  });

  it("tells of a boot program whose size was asked and which was never read", () => {
    const probe = (machines: Machines) =>
      machines.see(MAC, { text: "snponly.efi", problem: "size-probe" }, START);
    expect(advice({ see: probe, now: START + MINUTE })).toEqual([]);
    expect(advice({ see: probe, now: START + 2 * MINUTE })).toEqual([
      expect.stringContaining("never read it"),
    ]);
    const see = (machines: Machines) => {
      probe(machines);
      load("snponly.efi", 5, 9, START + 1)(machines);
    };
    expect(advice({ see, now: START + 2 * MINUTE })).toEqual([]);
  });

  it("tells of a boot program that was loaded and did not go on", () => {
    const now = START + 3 * MINUTE;
    expect(advice({ see: load("ipxe.efi", 9, 9), now })).toEqual([
      expect.stringContaining("loaded ipxe.efi, but never asked for its script"),
    ]);
    expect(advice({ see: load("kernel", 9, 9), now })).toEqual([]);
    const see = (machines: Machines) => {
      load("ipxe.efi", 9, 9)(machines);
      machines.askedForScript(MAC, facts, START + 1);
    };
    expect(advice({ see, now })).toEqual([]);
  });

  it("tells of a second address that asks as this machine", () => {
    const see = (machines: Machines) => {
      machines.askedForScript(MAC, facts, START);
      machines.askedForScript(MAC, { ...facts, address: "10.0.0.66" }, START);
    };
    expect(advice({ see })).toEqual([expect.stringContaining("10.0.0.9, 10.0.0.66")]);
  });

  it("counts boots that lead to no claim", () => {
    const booted = { kind: "booted" as const, boot };
    expect(advice({ entry: entryAfter([booted, booted, booted]) })).toEqual([]);
    expect(advice({ entry: entryAfter([booted, booted, booted, booted]) })).toEqual([
      expect.stringContaining("booted 4 times"),
    ]);
  });

  it("tells of an installer that was loaded and does not claim", () => {
    const entry = entryAfter([
      { kind: "booted", boot },
      { kind: "delivered", boot: "b" },
    ]);
    expect(advice({ entry, now: START + 10 * MINUTE })).toEqual([]);
    expect(advice({ entry, now: START + 11 * MINUTE })).toEqual([expect.stringContaining("has not claimed")]);
  });

  it("says what to do after the end of an install", () => {
    const claimed = { kind: "claimed" as const, claim: { bootId: "x", address: "", claimedAt: START } };
    const failed: Step[] = [{ kind: "booted", boot }, claimed, { kind: "failed", report }];
    const interrupted: Step[] = [{ kind: "booted", boot }, claimed, { kind: "interrupted", reason: "" }];
    const retry = { onInterrupted: "retry" as const };
    expect(advice({ entry: entryAfter(failed) })).toEqual([
      'The install failed at "disko": fix the cause, raise installGeneration to 4 and apply.',
    ]);
    expect(advice({ entry: entryAfter(interrupted) })).toEqual([
      expect.stringContaining("raise installGeneration to 4 and apply"),
    ]);
    for (const steps of [failed, interrupted]) {
      expect(advice({ entry: entryAfter(steps, retry) })).toEqual([
        expect.stringContaining("with the next network boot it begins again"),
      ]);
    }
    expect(advice({ entry: entryAfter([{ kind: "expired" }]) })).toEqual([
      expect.stringContaining("apply the deployment again, then turn the machine on"),
    ]);
  });

  it("tells of files that are gone", () => {
    expect(advice({ missingAssets: true })).toEqual([expect.stringContaining("no longer there")]);
  });
});
