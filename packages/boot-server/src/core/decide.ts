import type { Architecture, AssetRef, Boot, Entry, EntrySpec, Event, OverlayRef } from "./model.ts";
import { Refusal } from "./refusal.ts";

// Decides what a machine gets, and when. Nothing else in the service does.

/** The answer to a network boot. */
export type BootOffer =
  | { kind: "install" }
  /** Boot from disk. `isWrongMachine`: the machine cannot run the kernel of its entry. */
  | { kind: "local"; reason: string; biosLocalBoot: EntrySpec["biosLocalBoot"]; isWrongMachine: boolean }
  /** Ask again after a pause. */
  | { kind: "wait"; reason: string };

/** An offer, and its events. */
export interface BootOutcome {
  offer: BootOffer;
  events: Event[];
}

/** Three times the pause between two reports of a running installer. */
const ALIVE_MS = 30_000;

/**
 * Decides what a machine that boots from the network is offered.
 *
 * @param entry its entry, `undefined` if there is none
 * @param quietMs the time since the last claim or report of its installer, in milliseconds
 */
export function decideBoot(entry: Entry | undefined, boot: Boot, quietMs: number): BootOutcome {
  if (entry === undefined) return local(entry, "nobody has declared this machine");
  const { id, architecture, onInterrupted } = entry.spec;
  if (!canRun(boot, architecture)) {
    const machine = `${boot.architecture} (${boot.firmware})`;
    return local(entry, `this machine is ${machine}, but entry ${id} is for ${architecture}`, true);
  }
  switch (entry.phase) {
    case "armed":
    case "booting":
    case "refused":
      return install(entry, boot);
    case "installing":
      return decideWhileInstalling(entry, boot, quietMs);
    case "failed":
    case "interrupted":
      if (onInterrupted === "retry") return install(entry, boot);
      return local(entry, entry.phase === "failed" ? "the install failed" : "the install was interrupted");
    case "installed":
      return local(entry, "it is installed");
    case "expired":
      return local(entry, "its entry has expired");
  }
}

/**
 * The install was claimed by an earlier boot. The boot request comes from the same machine or from an impostor. The same
 * machine with a new lease is recognized by the silence of its installer.
 */
function decideWhileInstalling(entry: Entry, boot: Boot, quietMs: number): BootOutcome {
  const { id, onInterrupted } = entry.spec;
  if (entry.boot?.address !== boot.address) {
    if (onInterrupted === "hold") return local(entry, "an install is in progress");
    if (quietMs < ALIVE_MS) {
      return {
        offer: { kind: "wait", reason: "an install is in progress, from another address" },
        events: [],
      };
    }
  }
  const reason = "it booted from the network again before it had reported how the install ended";
  const interrupted: Event = { kind: "interrupted", id, at: boot.startedAt, reason };
  const { offer, events } =
    onInterrupted === "retry" ? install(entry, boot) : local(entry, "the install was interrupted");
  return { offer, events: [interrupted, ...events] };
}

/** Decides which file a machine gets. Refused unless the machine may install. */
export function decideAsset(entry: Entry | undefined, which: "kernel" | { initrd: number }): AssetRef {
  if (entry === undefined) throw new Refusal("absent", "nobody has declared this machine");
  const { phase, spec } = entry;
  if (phase !== "armed" && phase !== "booting") throw new Refusal("conflict", `this machine is ${phase}`);
  const asset = which === "kernel" ? spec.kernel : spec.initrds[which.initrd];
  if (asset === undefined) throw new Refusal("absent", "there is no such initrd");
  return asset;
}

/**
 * Decides who gets the overlay of a boot: the address that began it, once. Refused otherwise.
 *
 * @param entry the entry whose current boot it is, `undefined` if there is none
 */
export function decideOverlay(
  entry: Entry | undefined,
  address: string,
): { boot: Boot; overlay: OverlayRef | null } {
  const boot = entry?.boot;
  if (entry === undefined || boot === undefined)
    throw new Refusal("absent", "there is no boot with this id, or a newer boot has begun");
  if (boot.address !== address) throw new Refusal("denied", "this boot was begun from a different address");
  if (entry.phase !== "booting") throw new Refusal("conflict", `this machine is ${entry.phase}`);
  if (boot.deliveredAt !== undefined) {
    throw new Refusal(
      "conflict",
      "the overlay was already delivered in this boot: boot the machine again to get it again",
    );
  }
  return { boot, overlay: entry.spec.overlay };
}

/** Decides the events of a complete delivery of an overlay: only the first one of the current boot is recorded. */
export function decideDelivered(entry: Entry | undefined, boot: string, at: number): Event[] {
  if (entry?.boot?.id !== boot || entry.boot.deliveredAt !== undefined) return [];
  return [{ kind: "delivered", id: entry.spec.id, at, boot }];
}

function install({ spec }: Entry, boot: Boot): BootOutcome {
  return { offer: { kind: "install" }, events: [{ kind: "booted", id: spec.id, at: boot.startedAt, boot }] };
}

function local(entry: Entry | undefined, reason: string, isWrongMachine = false): BootOutcome {
  const biosLocalBoot = entry?.spec.biosLocalBoot ?? "sanboot";
  return { offer: { kind: "local", reason, biosLocalBoot, isWrongMachine }, events: [] };
}

/** Returns whether the machine can start a kernel for `architecture`. A 32-bit iPXE of a BIOS starts 64-bit kernels. */
function canRun({ firmware, architecture: build }: Boot, architecture: Architecture): boolean {
  if (architecture === "aarch64") return build === "arm64";
  return build === "x86_64" || (build === "i386" && firmware !== "efi");
}
