import { createHash, timingSafeEqual } from "node:crypto";
import {
  LOG_TAIL_LINES,
  type Boot,
  type Entry,
  type EntrySpec,
  type Event,
  type InstallReport,
} from "./model.ts";
import { Refusal } from "./refusal.ts";
import { entryOfMac, isClaimed, type Registry } from "./registry.ts";
import type { ReportRequest } from "./api.ts";

/** What a command leads to; nothing has happened yet. */
export function decidePut(registry: Registry, spec: EntrySpec, digest: string, at: number): Event[] {
  const { entries, installs } = registry;
  const { id, installGeneration: generation } = spec;
  const old = entries.get(id);
  for (const mac of spec.macs) {
    const other = entryOfMac(registry, mac);
    if (other !== undefined && other.spec.id !== id) {
      throw new Refusal("conflict", `${mac} belongs to the entry ${other.spec.id}: delete that one first`);
    }
    const known = installs.get(mac);
    if (known !== undefined && known.generation > generation) {
      const what = `${mac} has been through generation ${known.generation} of entry ${known.entryId}`;
      throw new Refusal(
        "conflict",
        `${what}: installGeneration ${generation} is lower. ${known.generation} leaves it as it is, ` +
          `${known.generation + 1} installs it again.`,
      );
    }
  }
  if (old === undefined) return [{ kind: "put", id, at, spec, digest }];
  if (generation < old.spec.installGeneration) {
    throw new Refusal(
      "conflict",
      `installGeneration is ${old.spec.installGeneration} already: it cannot be lowered`,
    );
  }
  if (old.digest !== digest) return [{ kind: "put", id, at, spec, digest }];
  return isClaimed(old.phase) ? [] : [{ kind: "renewed", id, at }];
}

/** What a network boot of a declared machine leads to: an install when the last event is `booted`. */
export function decideBoot(entry: Entry, boot: Boot): { events: Event[]; reason: string } {
  const { id, onInterrupted } = entry.spec;
  const at = boot.startedAt;
  const booted: Event = { kind: "booted", id, at, boot };
  switch (entry.phase) {
    case "armed":
    case "booting":
    case "refused":
      return { events: [booted], reason: "" };
    case "installing": {
      // The claim was made by another boot of the machine, unless somebody pretends to be the machine.
      if (entry.boot?.address !== boot.address) return { events: [], reason: "an install is in progress" };
      const reason = "it booted from the network again before it had reported how the install ended";
      const interrupted: Event = { kind: "interrupted", id, at, reason };
      return onInterrupted === "retry"
        ? { events: [interrupted, booted], reason: "" }
        : { events: [interrupted], reason: "the install was interrupted" };
    }
    case "failed":
    case "interrupted":
      if (onInterrupted === "retry") return { events: [booted], reason: "" };
      return {
        events: [],
        reason: entry.phase === "failed" ? "the install failed" : "the install was interrupted",
      };
    case "installed":
      return { events: [], reason: "it is installed" };
    case "expired":
      return { events: [], reason: "its entry has expired" };
  }
}

export function decideDelivered(entry: Entry | undefined, boot: string, at: number): Event[] {
  if (entry?.boot?.id !== boot || entry.boot.deliveredAt !== undefined) return [];
  return [{ kind: "delivered", id: entry.spec.id, at, boot }];
}

export function decideClaim(
  entry: Entry | undefined,
  { token, bootId, address }: { token: string; bootId: string; address: string },
  at: number,
): Event[] {
  const { id } = authenticated(entry, token).spec;
  const { phase, claim } = entry!;
  if (phase === "installing" && claim?.bootId === bootId) return [];
  if (phase === "booting" || phase === "refused" || (phase === "interrupted" && claim?.bootId === bootId)) {
    return [{ kind: "claimed", id, at, claim: { bootId, address, claimedAt: at } }];
  }
  throw new Refusal("conflict", `the install of ${id} has been claimed by another boot; it is ${phase}`);
}

export function decideReport(
  entry: Entry | undefined,
  token: string,
  request: ReportRequest,
  at: number,
): Event[] {
  const { id } = authenticated(entry, token).spec;
  const { phase, claim, report: last } = entry!;
  const { outcome, stage } = request;
  const report: InstallReport = {
    stage,
    percent: request.percent,
    message: request.message ?? "",
    log: [...(last?.log ?? []), ...(request.log ?? [])].slice(-LOG_TAIL_LINES),
    reportedAt: at,
  };
  // What ends a job is taken again when it comes again: its first answer was lost.
  if (outcome === "failed" && (phase === "booting" || phase === "refused")) {
    return phase === "refused" && last?.stage === stage ? [] : [{ kind: "refused", id, at, report }];
  }
  if (claim?.bootId !== request.bootId) throw new Refusal("conflict", `this boot has not claimed ${id}`);
  if (phase === "installed" || phase === "failed") {
    if (outcome === phase && last?.stage === stage) return [];
    throw new Refusal("conflict", `the install of ${id} has ended: it is ${phase}`);
  }
  return [{ kind: outcome ?? "reported", id, at, report }];
}

/** Throws unless an installer of this entry may say what it has found in the machine. */
export function allowHardwareReport(entry: Entry | undefined, token: string): void {
  const { spec, phase } = authenticated(entry, token);
  if (["booting", "refused", "installing"].includes(phase)) return;
  throw new Refusal("conflict", `the install of ${spec.id} has ended: it is ${phase}`);
}

/** What has happened by itself. `since`: silence before this server was there is no silence. */
export function decideByTime(entry: Entry, at: number, since: number): Event[] {
  const { id, silenceSeconds } = entry.spec;
  if (!isClaimed(entry.phase)) {
    return entry.phase !== "expired" && at >= entry.expiresAt ? [{ kind: "expired", id, at }] : [];
  }
  if (entry.phase !== "installing") return [];
  const heardAt = Math.max(since, entry.claim?.claimedAt ?? 0, entry.report?.reportedAt ?? 0);
  if (at < heardAt + silenceSeconds * 1000) return [];
  return [{ kind: "interrupted", id, at, reason: `the installer has said nothing for ${silenceSeconds} s` }];
}

/** The digest by which an entry is known to be the same. */
export function digestOf(spec: EntrySpec): string {
  return createHash("sha256")
    .update(JSON.stringify(inOrder(spec)))
    .digest("hex");
}

function authenticated(entry: Entry | undefined, token: string): Entry {
  // Absent and wrong look the same from outside.
  if (entry?.boot === undefined || !sameToken(entry.boot.token, token)) {
    throw new Refusal("denied", "no such job, or the token is not that of its latest boot");
  }
  return entry;
}

function sameToken(one: string, other: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(one), hash(other));
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, inOrder(inner)]),
  );
}
