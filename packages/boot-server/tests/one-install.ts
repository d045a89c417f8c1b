import * as fc from "fast-check";
import type { EntrySpec } from "../src/core/model.ts";

/** What the rule is tested on: the pure decisions, or the whole core without its servers. */
export interface System {
  put(spec: EntrySpec): Promise<boolean>;
  remove(id: string): Promise<void>;
  /** Returns the token of the boot if the machine may install. */
  boot(mac: string, address: string): Promise<string | undefined>;
  /** Returns whether the claim was granted. */
  claim(id: string, token: string, bootId: string): Promise<boolean>;
  report(id: string, token: string, bootId: string, outcome?: "installed" | "failed"): Promise<boolean>;
  advance(seconds: number): Promise<void>;
  restart(): Promise<void>;
  end(): Promise<void>;
}

const IDS = ["one", "two"];
const MACS = ["52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"];
const ADDRESSES = ["10.0.0.1", "10.0.0.2"];
const BOOT_IDS = ["boot-a", "boot-b", "boot-c"];

const put = fc.record({
  kind: fc.constant("put" as const),
  id: fc.constantFrom(...IDS),
  macs: fc.uniqueArray(fc.constantFrom(...MACS), { minLength: 1, maxLength: 2 }),
  generation: fc.integer({ min: 1, max: 3 }),
  retry: fc.boolean(),
  version: fc.integer({ min: 1, max: 2 }),
});
const onEntry = { id: fc.constantFrom(...IDS), token: fc.nat(), bootId: fc.constantFrom(...BOOT_IDS) };
const boot = fc.record({
  kind: fc.constant("boot" as const),
  mac: fc.constantFrom(...MACS),
  address: fc.constantFrom(...ADDRESSES),
});
const claim = fc.record({ kind: fc.constant("claim" as const), ...onEntry });
const step = fc.oneof(
  { weight: 3, arbitrary: put },
  { weight: 4, arbitrary: boot },
  { weight: 4, arbitrary: claim },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("report" as const),
      ...onEntry,
      outcome: fc.constantFrom(undefined, "installed" as const, "failed" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), id: fc.constantFrom(...IDS) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("advance" as const),
      seconds: fc.constantFrom(30, 1000, 8 * 86_400),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
);

export type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Generates random sequences of commands. With `retry: false`, all entries have `onInterrupted: "hold"`. */
export function sequences({ retry, maxLength }: { retry: boolean; maxLength: number }): fc.Arbitrary<Step[]> {
  return fc
    .array(step, { minLength: 1, maxLength, size: "max" })
    .map((steps) =>
      retry ? steps : steps.map((one) => (one.kind === "put" ? { ...one, retry: false } : one)),
    );
}

/** The knowledge of an independent observer about each network card. */
interface Card {
  /** The highest claimed generation, and the boot that claimed it. */
  claimed: { generation: number; bootId: string } | undefined;
}

/**
 * Runs a sequence and returns the violations of the rule: two boots never claim the same generation, a claimed generation
 * is never offered again, and a generation that was never claimed can be installed.
 */
export async function violationsOf(system: System, steps: readonly Step[]): Promise<string[]> {
  const violations: string[] = [];
  const cards = new Map<string, Card>(MACS.map((mac) => [mac, { claimed: undefined }]));
  const specs = new Map<string, EntrySpec>();
  const granted = new Set<string>();
  const tokens: { id: string; token: string }[] = [];
  const ownerOf = (mac: string) => [...specs.values()].find(({ macs }) => macs.includes(mac));
  const wasClaimed = ({ macs, installGeneration }: EntrySpec) =>
    macs.some((mac) => (cards.get(mac)!.claimed?.generation ?? 0) >= installGeneration);

  const take = async (mac: string, address: string) => {
    const token = await system.boot(mac, address);
    const spec = ownerOf(mac);
    if (token === undefined) return undefined;
    if (spec === undefined) violations.push(`${mac} has no entry and was to install`);
    else {
      const { claimed } = cards.get(mac)!;
      if (
        claimed !== undefined &&
        claimed.generation >= spec.installGeneration &&
        spec.onInterrupted === "hold"
      ) {
        violations.push(`${mac} was to install again in generation ${spec.installGeneration}`);
      }
      tokens.push({ id: spec.id, token });
    }
    return token;
  };

  for (const one of steps) {
    switch (one.kind) {
      case "put": {
        const spec = specOf(one);
        if (!(await system.put(spec))) break;
        const old = specs.get(spec.id);
        specs.set(spec.id, spec);
        // The cards of an entry belong to one machine, so they share its installs.
        const sameMachine = old?.installGeneration === spec.installGeneration ? old.macs : [];
        const claimed = [...sameMachine, ...spec.macs]
          .map((mac) => cards.get(mac)!.claimed)
          .find((known) => known?.generation === spec.installGeneration);
        if (claimed === undefined) break;
        for (const mac of spec.macs) {
          const card = cards.get(mac)!;
          if ((card.claimed?.generation ?? 0) < claimed.generation) card.claimed = claimed;
        }
        break;
      }
      case "remove":
        await system.remove(one.id);
        specs.delete(one.id);
        break;
      case "boot":
        await take(one.mac, one.address);
        break;
      case "claim":
      case "report": {
        const known = tokens[one.token % Math.max(1, tokens.length)] ?? { id: one.id, token: "wrong" };
        const { id, token } = one.token % 7 === 0 ? { id: one.id, token: "wrong" } : known;
        const spec = specs.get(id);
        const done =
          one.kind === "claim"
            ? await system.claim(id, token, one.bootId)
            : await system.report(id, token, one.bootId, one.outcome);
        if (!done) break;
        if (spec === undefined || token === "wrong") {
          violations.push(`a ${one.kind} was taken for ${id} with the token ${token}`);
          break;
        }
        const claim = `${id} ${token} ${one.bootId}`;
        if (one.kind === "claim" && granted.has(claim)) break;
        if (one.kind === "claim") granted.add(claim);
        for (const mac of spec.macs) {
          const card = cards.get(mac)!;
          const before = card.claimed;
          const again = before !== undefined && before.generation >= spec.installGeneration;
          if (one.kind === "report") {
            // A boot without a claim may report that it cannot install.
            const isClaimed = [...granted].some((other) => other.startsWith(`${id} ${token} `));
            const isRefusal = one.outcome === "failed" && !isClaimed;
            if (!granted.has(claim) && !isRefusal)
              violations.push(`a report of ${one.bootId} was taken without a claim`);
          } else if (again && before.bootId !== one.bootId && spec.onInterrupted === "hold") {
            violations.push(
              `${mac}, generation ${spec.installGeneration}: claimed by ${before.bootId}, then ${one.bootId}`,
            );
          } else card.claimed = { generation: spec.installGeneration, bootId: one.bootId };
        }
        break;
      }
      case "advance":
        await system.advance(one.seconds);
        break;
      case "restart":
        await system.restart();
        break;
    }
  }

  for (const spec of specs.values()) {
    if (wasClaimed(spec)) continue;
    const stranded = !(await system.put(spec)) || (await take(spec.macs[0]!, ADDRESSES[0]!)) === undefined;
    if (stranded) violations.push(`${spec.id} was never claimed, and cannot be installed`);
  }
  return violations;
}

function specOf({ id, macs, generation, retry, version }: Step & { kind: "put" }): EntrySpec {
  return {
    id,
    macs,
    architecture: "x86_64",
    kernel: { sha256: "0".repeat(64), size: 1 },
    initrds: [],
    cmdline: `version=${version}`,
    files: [{ path: "/key", contents: "c2VjcmV0", mode: 0o600, secret: true }],
    installGeneration: generation,
    onInterrupted: retry ? "retry" : "hold",
    biosLocalBoot: "sanboot",
    expireSeconds: 7 * 86_400,
    silenceSeconds: 900,
  };
}
