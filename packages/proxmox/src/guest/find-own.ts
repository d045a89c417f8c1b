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
  if (known !== undefined) return findKnown(run, known);
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
  if (seen !== undefined) return expectOurs(run, seen);
  if (inputs.ensure === "absent" || inputs.ifMissing === "create") return undefined;
  throw new ProviderError(`${labelOf({ kind: run.kind, vmid })} (${inputs.name}) is gone: no node has it`, {
    path: "ifMissing",
    hint: 'Restore it from a backup with this ID, or set ifMissing = "create" to create a new one with empty disks.',
  });
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

function isOurs({ inputs }: Run, { values }: Observed): boolean {
  const marker = readMarker(values.get("description"));
  return marker?.owner === inputs.owner && marker.name === inputs.name;
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

function mayUse({ inputs }: Run, { values }: Observed): boolean {
  return inputs.adopt || readMarker(values.get("description"))?.owner === inputs.owner;
}

function expectOurs(run: Run, seen: Observed): Observed {
  if (mayUse(run, seen)) return seen;
  throw foreign(seen);
}

/** Describes the owner of a guest, such as "(db) on pve1 was not created by nixops4". */
export function foreignness({ node, values }: Observed): string {
  const name = values.get("name") ?? values.get("hostname") ?? "unnamed";
  const owner = readMarker(values.get("description"))?.owner;
  const whose = owner === undefined ? "was not created by nixops4" : `belongs to the owner ${owner}`;
  return `(${name}) on ${node} ${whose}`;
}

function foreign(seen: Observed): ProviderError {
  return new ProviderError(`${labelOf(seen)} ${foreignness(seen)}`, {
    path: "adopt",
    hint: `Nothing was changed. To take it over, set vmid = ${seen.vmid} and adopt = true. Otherwise, choose another name or ID.`,
  });
}
