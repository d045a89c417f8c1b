import { ProviderError } from "@nixops4-providers/provider-sdk";
import { findByName, listCluster, locate } from "./find.ts";
import { type Guest, labelOf } from "./guest.ts";
import { readMarker } from "./marker.ts";
import { observe, type Observed, observeUntil } from "./observe.ts";
import { PveError } from "../client/errors.ts";
import type { GuestRun as Run } from "./guest-run.ts";

/** The guest, wherever it is now; `undefined` when there is none yet. One that is not ours is refused. */
export async function findOwn(run: Run): Promise<Observed | undefined> {
  const known = run.previousOutputs?.vmid ?? undefined;
  if (known !== undefined) return findKnown(run, known);
  return run.inputs.vmid === undefined ? findNamed(run) : findById(run, run.inputs.vmid);
}

/** The one that an earlier run made. */
async function findKnown(run: Run, vmid: number): Promise<Observed | undefined> {
  const { inputs, previousOutputs } = run;
  if (inputs.vmid !== undefined && inputs.vmid !== vmid) {
    throw new ProviderError(`${labelOf({ kind: run.kind, vmid })} cannot change its ID to ${inputs.vmid}`, {
      path: "vmid",
      hint: "Set vmid back. To have a new one instead, add a new member for it.",
    });
  }
  const seen = await observeAt(run, vmid, previousOutputs?.node ?? inputs.node);
  if (seen !== undefined) return expectOurs(run, seen);
  if (inputs.ensure === "absent" || inputs.ifMissing === "create") return undefined;
  throw new ProviderError(`${labelOf({ kind: run.kind, vmid })} (${inputs.name}) is gone: no node has it`, {
    path: "ifMissing",
    hint: 'Restore it from a backup with this ID, or set ifMissing = "create" to have a new one with empty disks.',
  });
}

/** One that is not ours counts as none where a new one is wanted: the preflight tells it with all else. */
async function findById(run: Run, vmid: number): Promise<Observed | undefined> {
  const found = await observeAt(run, vmid, run.inputs.node);
  if (found === undefined) return undefined;
  const seen = await waitUntilMade(run, found);
  if (run.inputs.ensure === "present" && !mayUse(run, seen)) return undefined;
  return expectOurs(run, seen);
}

/** Without an ID: what an interrupted run left is found by its name and marker. */
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
    const seen = await observeIfThere(run, guest);
    if (seen !== undefined && isOurs(run, seen)) return seen;
  }
  return undefined;
}

function isOurs({ inputs }: Run, { values }: Observed): boolean {
  const marker = readMarker(values.get("description"));
  return marker?.owner === inputs.owner && marker.name === inputs.name;
}

async function observeAt(run: Run, vmid: number, hint: string): Promise<Observed | undefined> {
  const seen = await observeIfThere(run, { kind: run.kind, node: hint, vmid });
  if (seen !== undefined) return seen;
  const guest = await locate(run.client, run.facts, run.kind, vmid, undefined);
  return guest === undefined ? undefined : observe(run.client, guest);
}

async function observeIfThere({ client }: Run, guest: Guest): Promise<Observed | undefined> {
  try {
    return await observe(client, guest);
  } catch (error) {
    if (error instanceof PveError && (error.isNotFound || error.isUnreachable)) return undefined;
    throw error;
  }
}

/** While it is made, a guest has no marker yet. */
async function waitUntilMade({ client, inputs }: Run, seen: Observed): Promise<Observed> {
  if (!seen.isBeingMade) return seen;
  return observeUntil(client, seen, inputs.taskTimeoutSeconds, ({ isBeingMade }) => !isBeingMade);
}

function mayUse({ inputs }: Run, { values }: Observed): boolean {
  return inputs.adopt || readMarker(values.get("description"))?.owner === inputs.owner;
}

function expectOurs(run: Run, seen: Observed): Observed {
  if (mayUse(run, seen)) return seen;
  throw foreign(seen);
}

/** Says whose a guest is, as "(db) on pve1 was not made by nixops4". */
export function foreignness({ node, values }: Observed): string {
  const name = values.get("name") ?? values.get("hostname") ?? "without a name";
  const owner = readMarker(values.get("description"))?.owner;
  const whose = owner === undefined ? "was not made by nixops4" : `belongs to the owner ${owner}`;
  return `(${name}) on ${node} ${whose}`;
}

function foreign(seen: Observed): ProviderError {
  return new ProviderError(`${labelOf(seen)} ${foreignness(seen)}`, {
    path: "adopt",
    hint: `Nothing was changed. To take it over, set vmid = ${seen.vmid} and adopt = true; else choose another name or ID.`,
  });
}
