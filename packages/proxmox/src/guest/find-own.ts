import { ProviderError } from "@nixops4-providers/provider-sdk";
import { findByName, listCluster, locate } from "./find.ts";
import { type Guest, labelOf } from "./guest.ts";
import { readMarker } from "./marker.ts";
import { observe, type Observed, observeUntil } from "./observe.ts";
import { PveError } from "../client/errors.ts";
import type { GuestRun as Run } from "./guest-run.ts";

/** Finds the guest on any node; `undefined` if it does not exist yet. Throws for a guest of another owner. */
export async function findOwn(run: Run): Promise<Observed | undefined> {
  const known = run.previousOutputs?.vmid ?? undefined;
  return known === undefined ? findCreated(run) : findKnown(run, known);
}

/** Finds a guest that no run has recorded, such as after an interrupted creation. */
function findCreated(run: Run): Promise<Observed | undefined> {
  return run.inputs.vmid === undefined ? findNamed(run) : findById(run, run.inputs.vmid);
}

/** Finds the guest that an earlier run recorded. */
async function findKnown(run: Run, vmid: number): Promise<Observed | undefined> {
  const { inputs, previousOutputs } = run;
  if (inputs.vmid !== undefined && inputs.vmid !== vmid) {
    throw new ProviderError(`${labelOf({ kind: run.kind, vmid })} cannot change its ID to ${inputs.vmid}`, {
      path: "vmid",
      hint: "Set vmid back. To create another one, add a new member.",
    });
  }
  const seen = await observeAt(run, vmid, previousOutputs?.node ?? inputs.node);
  const isReused = seen !== undefined && !inputs.adopt && isOther(run, seen);
  if (seen !== undefined && !isReused) return expectOurs(run, seen);
  if (inputs.ensure === "absent") return undefined;
  if (inputs.ifMissing === "create") return findCreated(run);
  const label = labelOf({ kind: run.kind, vmid });
  const why = isReused ? `${label} ${foreignness(seen)}` : "no node has it";
  throw new ProviderError(`${label} (${inputs.name}) is gone: ${why}`, {
    path: "ifMissing",
    hint: `Restore it from a backup${isReused ? "" : " with this ID"}, or set ifMissing = "create" to create a new one with empty disks.`,
  });
}

/** Whether the guest that was recorded is gone, and its ID was given to another one. */
function isOther({ inputs, previous }: Run, { values }: Observed): boolean {
  const marker = readMarker(values.get("description"));
  return marker !== undefined && ![inputs.name, previous?.name].includes(marker.name);
}

/** Ignores a guest of another owner when a new one is wanted: the preflight reports it with all other problems. */
async function findById(run: Run, vmid: number): Promise<Observed | undefined> {
  const found = await observeAt(run, vmid, run.inputs.node);
  if (found === undefined) return undefined;
  // A guest that is being created has no marker yet.
  const seen = found.isBeingCreated ? await observeCreated(run, found) : found;
  if (run.inputs.ensure === "present" && !mayUse(run, seen)) return undefined;
  return expectOurs(run, seen);
}

/** Finds a guest without an ID, such as after an interrupted run, by its name and marker. */
async function findNamed(run: Run): Promise<Observed | undefined> {
  const { client, facts, inputs, kind } = run;
  const listed = (await listCluster(client)).filter(
    ({ type, name }) => type === kind && name === inputs.name,
  );
  const ours = await firstOurs(
    run,
    listed.map(({ node, vmid }) => ({ kind, node, vmid })),
  );
  if (ours !== undefined) return ours;
  const guests = await findByName(client, facts, kind, inputs.name, inputs.taskTimeoutSeconds);
  const found = await firstOurs(run, guests);
  if (found !== undefined || guests.length === 0) return found;
  if (inputs.ensure === "absent" && !inputs.adopt) return undefined;
  throw foreign(await observe(client, guests[0]!));
}

async function firstOurs(run: Run, guests: Guest[]): Promise<Observed | undefined> {
  for (const guest of guests) {
    const seen = await observeIfPresent(run, guest);
    if (seen !== undefined && isOurs(run, seen)) return seen;
  }
  return undefined;
}

/** Whether it has our marker, with the name in the inputs or, before a change of the name is written, with the previous one. */
function isOurs({ inputs, previous }: Run, { values }: Observed): boolean {
  const marker = readMarker(values.get("description"));
  return marker?.owner === inputs.owner && [inputs.name, previous?.name].includes(marker.name);
}

async function observeAt(run: Run, vmid: number, hint: string): Promise<Observed | undefined> {
  const seen = await observeIfPresent(run, { kind: run.kind, node: hint, vmid });
  if (seen !== undefined) return seen;
  const guest = await locate(run.client, run.facts, run.kind, vmid, undefined);
  return guest === undefined ? undefined : observe(run.client, guest);
}

function observeCreated({ client, inputs }: Run, guest: Guest): Promise<Observed> {
  return observeUntil(client, guest, inputs.taskTimeoutSeconds, ({ isBeingCreated }) => !isBeingCreated);
}

async function observeIfPresent({ client }: Run, guest: Guest): Promise<Observed | undefined> {
  try {
    return await observe(client, guest);
  } catch (error) {
    if (error instanceof PveError && (error.isNotFound || error.isUnreachable)) return undefined;
    throw error;
  }
}

function mayUse(run: Run, seen: Observed): boolean {
  return run.inputs.adopt || isOurs(run, seen);
}

function expectOurs(run: Run, seen: Observed): Observed {
  if (mayUse(run, seen)) return seen;
  throw foreign(seen);
}

/** Describes a guest and its marker, such as "(db) on pve1 was not created by nixops4". */
export function foreignness({ node, values }: Observed): string {
  const name = values.get("name") ?? values.get("hostname") ?? "unnamed";
  const marker = readMarker(values.get("description"));
  const whose =
    marker === undefined
      ? "was not created by nixops4"
      : `belongs to the owner ${marker.owner} as ${marker.name}`;
  return `(${name}) on ${node} ${whose}`;
}

function foreign(seen: Observed): ProviderError {
  return new ProviderError(`${labelOf(seen)} ${foreignness(seen)}`, {
    path: "adopt",
    hint: `Nothing was changed. To take it over, set vmid = ${seen.vmid} and adopt = true. Otherwise, choose another name or ID.`,
  });
}
