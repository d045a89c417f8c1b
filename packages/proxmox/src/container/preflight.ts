import type { Changes } from "../guest/changes.ts";
import { labelOf } from "../guest/guest.ts";
import type { Observed } from "../guest/observe.ts";
import { type Need, type Plan, preflight } from "../guest/preflight.ts";
import { takenViolations } from "../guest/taken.ts";
import type { Inputs } from "./schema.ts";
import { type Run, settingsOf, volumesOf } from "./settings.ts";

/** What making a container takes. */
export async function preflightCreate(run: Run): Promise<void> {
  const { inputs, facts } = run;
  const { template = "", vmid } = inputs;
  const keys = [...settingsOf(inputs), ...volumesOf(inputs)].map(({ key }) => key);
  const plan = planFor(inputs, inputs.node, vmid, keys);
  const paths = pathsFor(inputs, vmid);
  const path = "connection.tokenId";
  plan.storages.push({ storage: template.split(":")[0] ?? "", content: "vztmpl", path: "template" });
  plan.volumes.push({ volume: template, path: "template" });
  plan.privileges.push({ paths, anyOf: ["VM.Allocate"], path }, { paths, anyOf: ["VM.Audit"], path });
  if (inputs.started !== false) plan.privileges.push({ paths, anyOf: ["VM.PowerMgmt"], path: "started" });
  if (!inputs.unprivileged)
    plan.privileges.push({ paths: ["/"], anyOf: ["Sys.Modify"], path: "unprivileged" });
  plan.violations = await takenViolations(run);
  await preflight(facts, `cannot make the container ${inputs.name}`, plan);
}

/** What changing a container takes. */
export async function preflightChanges(
  { inputs, facts }: Run,
  seen: Observed,
  changes: Changes,
): Promise<void> {
  const keys = [...changes.set.keys(), ...changes.remove, ...changes.grow.map(({ disk }) => disk)];
  const newKeys = keys.filter((key) => !seen.values.has(key));
  const plan = planFor(inputs, seen.node, seen.vmid, keys, newKeys);
  if (inputs.snapshotBefore && changes.isRisky) {
    plan.privileges.push({
      paths: pathsFor(inputs, seen.vmid),
      anyOf: ["VM.Snapshot"],
      path: "snapshotBefore",
    });
  }
  await preflight(facts, `cannot change ${labelOf(seen)}`, plan);
}

function pathsFor({ pool }: Inputs, vmid: number | undefined): string[] {
  return [`/vms/${vmid ?? "0"}`, ...(pool === undefined ? [] : [`/pool/${pool}`])];
}

function planFor(
  inputs: Inputs,
  node: string,
  vmid: number | undefined,
  keys: string[],
  newKeys = keys,
): Plan {
  const paths = pathsFor(inputs, vmid);
  const storages = volumesOf(inputs)
    .filter(({ key }) => newKeys.includes(key))
    .map(({ storage = "", path }) => ({ storage, content: "rootdir", path: `${path}.storage` }));
  const bridges = (inputs.networks ?? [])
    .map(({ bridge }, index) => ({ bridge, path: `networks[${index}].bridge`, key: `net${index}` }))
    .filter(({ key }) => keys.includes(key))
    .map(({ bridge, path }) => ({ bridge, path }));
  const privileges: Need[] = [
    ...keys.map((key) => ({ paths, anyOf: [privilegeForKey(key)], path: pathOfKey(inputs, key) })),
    ...storages.map(({ storage, path }) => ({
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
  return { node, storages, bridges, volumes: [], privileges };
}

function pathOfKey(inputs: Inputs, key: string): string {
  return [...settingsOf(inputs), ...volumesOf(inputs)].find((one) => one.key === key)?.path ?? key;
}

/** The privilege that a key of a container's configuration needs. */
function privilegeForKey(key: string): string {
  if (/^(cores|cpulimit|cpuunits)$/.test(key)) return "VM.Config.CPU";
  if (/^(memory|swap)$/.test(key)) return "VM.Config.Memory";
  if (/^(net\d+|nameserver|searchdomain|hostname)$/.test(key)) return "VM.Config.Network";
  return /^(rootfs|mp\d+)$/.test(key) ? "VM.Config.Disk" : "VM.Config.Options";
}
