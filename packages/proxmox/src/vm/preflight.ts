import type { Changes } from "../guest/changes.ts";
import { labelOf } from "../guest/guest.ts";
import type { Observed } from "../guest/observe.ts";
import { type Need, type Plan, preflight } from "../guest/preflight.ts";
import { takenViolations } from "../guest/taken.ts";
import type { Inputs } from "./schema.ts";
import { volumesOf } from "./disks.ts";
import { agentPrivileges, privilegeForKey } from "./privileges.ts";
import type { Run } from "./run.ts";
import { settingsOf, withDefaults } from "./settings.ts";

/** Where privileges for a VM may be given: on it, or on the pool that it is in. */
function pathsFor(inputs: Inputs, vmid: number | undefined): string[] {
  const { pool } = inputs;
  return [`/vms/${vmid ?? "0"}`, ...(pool === undefined ? [] : [`/pool/${pool}`])];
}

/** What making a VM takes. */
export async function preflightCreate(run: Run): Promise<void> {
  const { inputs, facts } = run;
  const paths = pathsFor(inputs, inputs.vmid);
  const settings = settingsOf(withDefaults(inputs));
  const keys = [
    ...settings.map(({ key, path, initial }) => ({ key, path, text: initial })),
    ...newVolumeKeys(inputs),
  ];
  const need = (privilege: string, path: string): Need => ({ paths, anyOf: [privilege], path });
  const plan: Plan = {
    node: inputs.clone?.node ?? inputs.node,
    storages: storagesFor(
      inputs,
      keys.map(({ key }) => key),
    ),
    bridges: bridgesFor(
      inputs,
      keys.map(({ key }) => key),
    ),
    volumes: volumesFor(
      inputs,
      keys.map(({ key }) => key),
    ),
    privileges: [
      need("VM.Allocate", "connection.tokenId"),
      need("VM.Audit", "connection.tokenId"),
      need("VM.Config.Options", "name"),
      ...keys.map(({ key, path, text }) => need(privilegeForKey(key, text), path)),
      ...(await laterPrivileges(run, paths, true)),
    ],
  };
  if (inputs.clone !== undefined) {
    plan.privileges.push({ paths: [`/vms/${inputs.clone.vmid}`], anyOf: ["VM.Clone"], path: "clone.vmid" });
  }
  plan.privileges.push(...storagePrivileges(plan), ...bridgePrivileges(plan));
  plan.violations = await takenViolations(run);
  await preflight(facts, `cannot make the VM ${inputs.name}`, plan);
}

/** What changing a VM takes. */
export async function preflightChanges(run: Run, seen: Observed, changes: Changes): Promise<void> {
  const { inputs, facts } = run;
  const { set, remove, grow, isRisky } = changes;
  const paths = pathsFor(inputs, seen.vmid);
  const isNew = (key: string) => set.has(key) && set.get(key) !== seen.values.get(key);
  const keys = [...set.keys()].filter(isNew);
  const pathOf = new Map([...settingsOf(inputs), ...volumesOf(inputs)].map(({ key, path }) => [key, path]));
  const need = (key: string, text: string): Need => {
    return { paths, anyOf: [privilegeForKey(key, text)], path: pathOf.get(key) ?? key };
  };
  const plan: Plan = {
    node: seen.node,
    storages: storagesFor(
      inputs,
      keys.filter((key) => !seen.values.has(key)),
    ),
    bridges: bridgesFor(inputs, keys),
    volumes: volumesFor(
      inputs,
      keys.filter((key) => !seen.values.has(key) || set.get(key)!.includes("media=cdrom")),
    ),
    privileges: [
      ...keys.map((key) => need(key, set.get(key)!)),
      ...remove.map((key) => need(key, seen.values.get(key) ?? "")),
      ...grow.map(({ disk }) => need(disk, "")),
      ...(inputs.snapshotBefore && isRisky
        ? [{ paths, anyOf: ["VM.Snapshot"], path: "snapshotBefore" }]
        : []),
      ...(await laterPrivileges(run, paths, false)),
    ],
  };
  plan.privileges.push(...storagePrivileges(plan), ...bridgePrivileges(plan));
  await preflight(facts, `cannot change ${labelOf(seen)}`, plan);
}

/** What is needed after the VM is there. */
async function laterPrivileges({ inputs, facts }: Run, paths: string[], isNew: boolean): Promise<Need[]> {
  const { started, waitForIp, waitForHostKey, ha, pool, rebootForChanges } = inputs;
  const needs: Need[] = [];
  if (isNew ? started !== false : rebootForChanges)
    needs.push({ paths, anyOf: ["VM.PowerMgmt"], path: "started" });
  if (waitForIp !== undefined && inputs.agent !== false) {
    needs.push({ paths, anyOf: agentPrivileges(await facts.major(), "Audit"), path: "waitForIp" });
  }
  if (waitForHostKey !== undefined) {
    needs.push({ paths, anyOf: agentPrivileges(await facts.major(), "FileRead"), path: "waitForHostKey" });
  }
  if (ha !== undefined) needs.push({ paths: ["/"], anyOf: ["Sys.Console"], path: "ha" });
  if (pool !== undefined)
    needs.push({ paths: [`/pool/${pool}`], anyOf: ["VM.Allocate", "Pool.Allocate"], path: "pool" });
  return needs;
}

function newVolumeKeys(inputs: Inputs): { key: string; path: string; text: string }[] {
  // Of a clone, those of the template are not known yet.
  const volumes = volumesOf(inputs).filter(
    ({ storage }) => inputs.clone === undefined && storage !== undefined,
  );
  return volumes.map(({ key, path, initial }) => ({ key, path, text: initial }));
}

function storagesFor(inputs: Inputs, keys: string[]): Plan["storages"] {
  const { cloudInit, cdrom, clone } = inputs;
  const volumes = volumesOf(inputs).filter(({ key }) => keys.includes(key));
  return [
    ...volumes.flatMap(({ storage, path }) =>
      storage === undefined ? [] : [{ storage, content: "images", path: `${path}.storage` }],
    ),
    ...importsFor(inputs, keys).map(({ volume, path }) => ({
      storage: volume.split(":")[0] ?? "",
      content: "import",
      path,
    })),
    ...(cloudInit !== undefined && keys.includes(cloudInit.slot)
      ? [{ storage: cloudInit.storage, content: "images", path: "cloudInit.storage" }]
      : []),
    ...(cdrom?.image !== undefined && keys.includes(cdrom.slot)
      ? [{ storage: cdrom.image.split(":")[0] ?? "", content: "iso", path: "cdrom.image" }]
      : []),
    ...(clone?.storage !== undefined
      ? [{ storage: clone.storage, content: "images", path: "clone.storage" }]
      : []),
  ];
}

function importsFor({ disks }: Inputs, keys: string[]): Plan["volumes"] {
  return Object.entries(disks).flatMap(([key, { importFrom }]) =>
    importFrom === undefined || !keys.includes(key)
      ? []
      : [{ volume: importFrom, path: `disks.${key}.importFrom` }],
  );
}

function volumesFor(inputs: Inputs, keys: string[]): Plan["volumes"] {
  const { cdrom } = inputs;
  const image =
    cdrom?.image !== undefined && keys.includes(cdrom.slot)
      ? [{ volume: cdrom.image, path: "cdrom.image" }]
      : [];
  return [...importsFor(inputs, keys), ...image];
}

function bridgesFor({ networks = [] }: Inputs, keys: string[]): Plan["bridges"] {
  return networks
    .map(({ bridge }, index) => ({ bridge, path: `networks[${index}].bridge`, key: `net${index}` }))
    .filter(({ key }) => keys.includes(key))
    .map(({ bridge, path }) => ({ bridge, path }));
}

function storagePrivileges({ storages }: Plan): Need[] {
  return storages
    .filter(({ content }) => content === "images")
    .map(({ storage, path }) => ({
      paths: [`/storage/${storage}`],
      anyOf: ["Datastore.AllocateSpace"],
      path,
    }));
}

function bridgePrivileges({ bridges }: Plan): Need[] {
  return bridges.map(({ bridge, path }) => ({
    paths: [`/sdn/zones/localnetwork/${bridge}`],
    anyOf: ["SDN.Use"],
    path,
  }));
}
