import type { Violation } from "@nixops4-providers/provider-sdk";
import type { Changes, Wanted } from "./changes.ts";
import type { GuestInputs } from "./guest-run.ts";
import type { Observed } from "./observe.ts";
import type { Uses } from "./uses.ts";

/** One of these privileges, on one of these paths. */
export interface Need {
  paths: readonly string[];
  anyOf: readonly string[];
  /** The input that it is for. */
  path: string;
}

/** What a change needs. */
export interface Plan extends Required<Uses> {
  node: string;
  privileges: readonly Need[];
  /** Problems that are known already. */
  violations?: readonly Violation[];
}

type PrivilegeForKey = (key: string, text: string) => string;

/** The contents for volumes that a guest allocates. Those of other contents are existing files. */
const ALLOCATED = ["images", "rootdir"];

/** Returns the paths on which privileges for a guest may be granted: its own, and that of its pool. */
export function pathsFor({ pool }: GuestInputs, vmid: number | undefined): string[] {
  return [`/vms/${vmid ?? "0"}`, ...(pool === undefined ? [] : [`/pool/${pool}`])];
}

/** Plans a new guest: the keys that it is created with, and its source. */
export function planForCreate(
  inputs: GuestInputs,
  entries: readonly { key: string; path: string; initial: string; uses?: Uses }[],
  privilegeForKey: PrivilegeForKey,
  source: Uses,
): Plan {
  const paths = pathsFor(inputs, inputs.vmid);
  const need = (privilege: string, path: string): Need => ({ paths, anyOf: [privilege], path });
  return planFor(
    inputs.node,
    [...entries, { uses: source }],
    [
      need("VM.Allocate", "connection.tokenId"),
      need("VM.Audit", "connection.tokenId"),
      need("VM.Config.Options", "name"),
      ...entries.map(({ key, path, initial }) => need(privilegeForKey(key, initial), path)),
      ...(inputs.started === false ? [] : [need("VM.PowerMgmt", "started")]),
      ...poolNeeds(inputs),
    ],
  );
}

/** Plans a change of a guest, on its current node. */
export function planForChange(
  inputs: GuestInputs,
  seen: Observed,
  { set, remove, grow, isRisky }: Changes,
  { settings, volumes }: Wanted,
  privilegeForKey: PrivilegeForKey,
): Plan {
  const paths = pathsFor(inputs, seen.vmid);
  const inputOf = new Map([...settings, ...volumes].map(({ key, path }) => [key, path]));
  const need = (key: string, text: string): Need => {
    return { paths, anyOf: [privilegeForKey(key, text)], path: inputOf.get(key) ?? key };
  };
  const written = [
    ...settings.filter(({ key }) => set.has(key)),
    ...volumes.filter(({ key }) => set.has(key) && !seen.values.has(key)),
  ];
  const isSnapshotTaken = inputs.snapshotBefore && isRisky;
  return planFor(seen.node, written, [
    ...[...set].map(([key, text]) => need(key, text)),
    ...remove.map((key) => need(key, seen.values.get(key) ?? "")),
    ...grow.map(({ disk }) => need(disk, "")),
    ...(isSnapshotTaken ? [{ paths, anyOf: ["VM.Snapshot"], path: "snapshotBefore" }] : []),
    ...(inputs.rebootForChanges ? [{ paths, anyOf: ["VM.PowerMgmt"], path: "rebootForChanges" }] : []),
    ...poolNeeds(inputs),
  ]);
}

/** Adds the privileges for storages and bridges. */
function planFor(node: string, written: readonly { uses?: Uses }[], privileges: Need[]): Plan {
  const storages = written.flatMap(({ uses }) => uses?.storages ?? []);
  const bridges = written.flatMap(({ uses }) => uses?.bridges ?? []);
  const volumes = written.flatMap(({ uses }) => uses?.volumes ?? []);
  return {
    node,
    storages,
    bridges,
    volumes,
    privileges: [...privileges, ...useNeeds({ storages, bridges })],
  };
}

function useNeeds({ storages = [], bridges = [] }: Uses): Need[] {
  return [
    ...storages
      .filter(({ content }) => ALLOCATED.includes(content))
      .map(({ storage, path }) => ({
        paths: [`/storage/${storage}`],
        anyOf: ["Datastore.AllocateSpace"],
        path,
      })),
    ...bridges.map(({ bridge, path }) => ({
      paths: [`/sdn/zones/localnetwork/${bridge}`],
      anyOf: ["SDN.Use"],
      path,
    })),
  ];
}

function poolNeeds({ pool }: GuestInputs): Need[] {
  return pool === undefined
    ? []
    : [{ paths: [`/pool/${pool}`], anyOf: ["VM.Allocate", "Pool.Allocate"], path: "pool" }];
}
