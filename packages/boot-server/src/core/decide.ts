import { createHash, timingSafeEqual } from "node:crypto";
import {
  LOG_TAIL_LINES,
  type Architecture,
  type AssetRef,
  type Boot,
  type Entry,
  type EntrySpec,
  type Event,
  type InstallReport,
  type OverlayRef,
  type StoredSpec,
} from "./model.ts";
import { Refusal } from "./refusal.ts";
import { entryOfMac, isClaimed, type Registry } from "./registry.ts";
import type { ReportRequest } from "./api.ts";

/** What a command leads to; nothing has happened yet. */
export function decidePut(registry: Registry, spec: StoredSpec, digest: string, at: number): Event[] {
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

/** Three times the pause between two reports of an installer that is alive. */
const ALIVE_MS = 30_000;

export interface BootOutcome {
  kind: "install" | "local" | "wait";
  events: Event[];
  /** Why it is no install. */
  reason: string;
  /** The machine cannot run what its entry has. */
  isWrongMachine?: boolean;
}

/**
 * What a network boot of a declared machine leads to.
 *
 * @param quietMs for how long its installer has said nothing
 */
export function decideBoot(entry: Entry, boot: Boot, quietMs: number): BootOutcome {
  const { id, onInterrupted, architecture } = entry.spec;
  const at = boot.startedAt;
  const install: BootOutcome = {
    kind: "install",
    events: [{ kind: "booted", id, at, boot }],
    reason: "",
  };
  const local = (reason: string, events: Event[] = []): BootOutcome => ({ kind: "local", events, reason });
  if (!runs(boot, architecture)) {
    const machine = `${boot.architecture} (${boot.firmware})`;
    return {
      ...local(`this machine is ${machine}, but entry ${id} is for ${architecture}`),
      isWrongMachine: true,
    };
  }
  switch (entry.phase) {
    case "armed":
    case "booting":
    case "refused":
      return install;
    case "installing": {
      // The claim was made by another boot of the machine, unless somebody pretends to be the machine. One with another
      // lease is known by the silence of its installer.
      const isSame = entry.boot?.address === boot.address;
      if (!isSame && onInterrupted === "hold") return local("an install is in progress");
      if (!isSame && quietMs < ALIVE_MS) {
        return { kind: "wait", events: [], reason: "an install is in progress, from another address" };
      }
      const reason = "it booted from the network again before it had reported how the install ended";
      const interrupted: Event = { kind: "interrupted", id, at, reason };
      return onInterrupted === "retry"
        ? { ...install, events: [interrupted, ...install.events] }
        : local("the install was interrupted", [interrupted]);
    }
    case "failed":
    case "interrupted":
      if (onInterrupted === "retry") return install;
      return local(entry.phase === "failed" ? "the install failed" : "the install was interrupted");
    case "installed":
      return local("it is installed");
    case "expired":
      return local("its entry has expired");
  }
}

/** Whether a kernel for `architecture` starts there. A 32-bit iPXE of a BIOS starts 64-bit kernels. */
function runs({ firmware, architecture: build }: Boot, architecture: Architecture): boolean {
  if (architecture === "aarch64") return build === "arm64";
  return build === "x86_64" || (build === "i386" && firmware !== "efi");
}

/** Which file the machine gets. Throws a `Refusal` when it gets none. */
export function decideAsset(entry: Entry | undefined, which: "kernel" | { initrd: number }): AssetRef {
  if (entry === undefined) throw new Refusal("absent", "nobody has declared this machine");
  const { phase, spec } = entry;
  if (phase !== "armed" && phase !== "booting") throw new Refusal("conflict", `this machine is ${phase}`);
  const asset = which === "kernel" ? spec.kernel : spec.initrds[which.initrd];
  if (asset === undefined) throw new Refusal("absent", "there is no such initrd");
  return asset;
}

/** Who gets an overlay: the address that began the boot, once. Throws a `Refusal` otherwise. */
export function decideOverlay(
  entry: Entry | undefined,
  address: string,
): { boot: Boot; overlay: OverlayRef | null } {
  const boot = entry?.boot;
  if (entry === undefined || boot === undefined) throw new Refusal("absent", "there is no such boot");
  if (boot.address !== address) throw new Refusal("denied", "this boot was begun from another address");
  if (entry.phase !== "booting") throw new Refusal("conflict", `this machine is ${entry.phase}`);
  if (boot.deliveredAt !== undefined) {
    throw new Refusal("conflict", "the overlay has been delivered: another one takes another boot");
  }
  return { boot, overlay: entry.spec.overlay };
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

/**
 * What has happened by itself.
 *
 * @param quietMs for how long its installer has said nothing, as far as this server can know
 */
export function decideByTime(entry: Entry, at: number, quietMs: number): Event[] {
  const { id, silenceSeconds } = entry.spec;
  if (!isClaimed(entry.phase)) {
    return entry.phase !== "expired" && at >= entry.expiresAt ? [{ kind: "expired", id, at }] : [];
  }
  if (entry.phase !== "installing" || quietMs < silenceSeconds * 1000) return [];
  return [{ kind: "interrupted", id, at, reason: `the installer has said nothing for ${silenceSeconds} s` }];
}

/** The digest by which an entry is known to be the same. */
export function digestOf(spec: EntrySpec): string {
  return createHash("sha256")
    .update(JSON.stringify(inOrder(spec)))
    .digest("hex");
}

export function authenticated(entry: Entry | undefined, token: string): Entry {
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
