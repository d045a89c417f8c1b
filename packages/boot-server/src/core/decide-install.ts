import { createHash, timingSafeEqual } from "node:crypto";
import type { ReportRequest } from "./api.ts";
import { LOG_TAIL_LINES, type Entry, type Event, type InstallReport } from "./model.ts";
import { Refusal } from "./refusal.ts";
import { isClaimed } from "./registry.ts";

// Decides what an installer may do, and what happens when it is silent.

/** Decides whether an installer may write to the disk: only one boot may in each generation. Refused otherwise. */
export function decideClaim(
  entry: Entry | undefined,
  { token, bootId, address }: { token: string; bootId: string; address: string },
  at: number,
): Event[] {
  const { spec, phase, claim } = authenticated(entry, token);
  const isSameBoot = claim?.bootId === bootId;
  if (phase === "installing" && isSameBoot) return [];
  if (phase === "booting" || phase === "refused" || (phase === "interrupted" && isSameBoot)) {
    return [{ kind: "claimed", id: spec.id, at, claim: { bootId, address, claimedAt: at } }];
  }
  throw new Refusal(
    "conflict",
    `the install of ${spec.id} has been claimed by another boot; the entry is ${phase}`,
  );
}

/** Decides the events of a report. The last report may be repeated, because the first answer to it can get lost. */
export function decideReport(
  entry: Entry | undefined,
  token: string,
  request: ReportRequest,
  at: number,
): Event[] {
  const { spec, phase, claim, report: last } = authenticated(entry, token);
  const { id } = spec;
  const { outcome, stage } = request;
  const report = reportAfter(last, request, at);
  if (outcome === "failed" && (phase === "booting" || phase === "refused")) {
    return phase === "refused" && last?.stage === stage ? [] : [{ kind: "refused", id, at, report }];
  }
  if (claim?.bootId !== request.bootId) throw new Refusal("conflict", `this boot has not claimed ${id}`);
  if (phase === "installed" || phase === "failed") {
    if (outcome === phase && last?.stage === stage) return [];
    throw new Refusal("conflict", `the install of ${id} has ended: the entry is ${phase}`);
  }
  return [{ kind: outcome ?? "reported", id, at, report }];
}

/** Refuses a hardware report unless it comes from an installer whose install has not ended. */
export function allowHardwareReport(entry: Entry | undefined, token: string): void {
  const { spec, phase } = authenticated(entry, token);
  if (["booting", "refused", "installing"].includes(phase)) return;
  throw new Refusal("conflict", `the install of ${spec.id} has ended: the entry is ${phase}`);
}

/**
 * Decides the events of the passage of time: an entry expires, or an install counts as interrupted.
 *
 * @param quietMs the time since the last claim or report of the installer, in milliseconds
 */
export function decideByTime(entry: Entry, at: number, quietMs: number): Event[] {
  const { id, silenceSeconds } = entry.spec;
  if (!isClaimed(entry.phase)) {
    return entry.phase !== "expired" && at >= entry.expiresAt ? [{ kind: "expired", id, at }] : [];
  }
  if (entry.phase !== "installing" || quietMs < silenceSeconds * 1000) return [];
  return [{ kind: "interrupted", id, at, reason: `the installer has not reported for ${silenceSeconds} s` }];
}

/** Returns the entry if the token is that of its latest boot. Refuses an unknown entry with the same message. */
export function authenticated(entry: Entry | undefined, token: string): Entry {
  if (entry?.boot === undefined || !isSameToken(entry.boot.token, token)) {
    throw new Refusal("denied", "no such job, or the token is not that of its latest boot");
  }
  return entry;
}

function reportAfter(last: InstallReport | undefined, request: ReportRequest, at: number): InstallReport {
  const { stage, percent, message = "", log = [] } = request;
  const tail = [...(last?.log ?? []), ...log].slice(-LOG_TAIL_LINES);
  return { stage, percent, message, log: tail, reportedAt: at };
}

/** Compares hashes, because `timingSafeEqual` needs equal lengths. */
function isSameToken(one: string, other: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(one), hash(other));
}
