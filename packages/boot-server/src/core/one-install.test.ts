import { describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { sequences, violationsOf, type System } from "../../tests/one-install.ts";
import { decideBoot } from "./decide.ts";
import { decidePut } from "./decide-entry.ts";
import { decideByTime, decideClaim, decideReport } from "./decide-install.ts";
import { digestOf } from "./digest.ts";
import type { Entry, Event } from "./model.ts";
import { splitSpec } from "./overlay.ts";
import { Refusal } from "./refusal.ts";
import { apply, createRegistry, entryOfMac, type Registry } from "./registry.ts";

/** The pure decisions, with a clock that the test sets. */
function decisions(): System {
  let registry: Registry = createRegistry();
  let now = 1_000_000;
  let startedAt = now;
  let tokens = 0;
  const quietMs = ({ claim, report }: Entry) =>
    now - Math.max(startedAt, claim?.claimedAt ?? 0, report?.reportedAt ?? 0);
  const commit = (decide: () => Event[]): Event[] | undefined => {
    const byTime = [...registry.entries.values()].flatMap((entry) =>
      decideByTime(entry, now, quietMs(entry)),
    );
    for (const event of byTime) apply(registry, event);
    try {
      const events = decide();
      for (const event of events) apply(registry, event);
      return events;
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    }
  };
  return {
    async put(spec) {
      const facts = { digest: digestOf(spec), missing: undefined, maxEntries: 100, at: now };
      return commit(() => decidePut(registry, { ...facts, spec: splitSpec(spec).spec })) !== undefined;
    },
    remove: async (id) => void commit(() => [{ kind: "deleted", id, at: now }]),
    async boot(mac, address) {
      const token = `token-${tokens++}`;
      const facts = { id: token, mac, address, firmware: "efi", architecture: "x86_64" };
      const events = commit(() => {
        const entry = entryOfMac(registry, mac);
        const boot = { ...facts, token, startedAt: now, deliveredAt: undefined };
        return entry === undefined ? [] : decideBoot(entry, boot, quietMs(entry)).events;
      });
      return events?.at(-1)?.kind === "booted" ? token : undefined;
    },
    claim: async (id, token, bootId) =>
      commit(() => decideClaim(registry.entries.get(id), { token, bootId, address: "10.0.0.1" }, now)) !==
      undefined,
    report: async (id, token, bootId, outcome) =>
      commit(() => decideReport(registry.entries.get(id), token, { bootId, stage: "test", outcome }, now)) !==
      undefined,
    async advance(seconds) {
      now += seconds * 1000;
    },
    async restart() {
      const stored = JSON.stringify([[...registry.entries.values()], [...registry.installs]]);
      registry = createRegistry(...(JSON.parse(stored) as Parameters<typeof createRegistry>));
      startedAt = now;
    },
    end: async () => {},
  };
}

describe("the one-install rule, on random sequences of puts, boots, claims, reports, deletions and restarts", () => {
  it.each([false, true])("holds; with entries that install again after a failure: %s", async (retry) => {
    await fc.assert(
      fc.asyncProperty(sequences({ retry, maxLength: 60 }), async (steps) => {
        expect(await violationsOf(decisions(), steps)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it("is broken by a system that forgets on a restart, so that the test can tell", async () => {
    const forgetful = (): System => {
      let inner = decisions();
      const outer = Object.create(inner, {
        restart: {
          value: async () => {
            inner = decisions();
            Object.setPrototypeOf(outer, inner);
          },
        },
      }) as System;
      return outer;
    };
    const result = await fc.check(
      fc.asyncProperty(sequences({ retry: false, maxLength: 60 }), async (steps) => {
        return (await violationsOf(forgetful(), steps)).length === 0;
      }),
      { numRuns: 2000 },
    );
    expect(result.failed).toBe(true);
  });
});
