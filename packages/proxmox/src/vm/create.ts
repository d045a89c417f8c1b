import { ProviderError, refuse, type Violation } from "@nixops4-providers/provider-sdk";
import { runTask } from "../client/tasks.ts";
import { createGuest } from "../guest/allocate.ts";
import { locate } from "../guest/find.ts";
import { type Guest, labelOf } from "../guest/guest.ts";
import { withMarker } from "../guest/marker.ts";
import { observe } from "../guest/observe.ts";
import { volumesOf } from "./disks.ts";
import { preflightCreate } from "./preflight.ts";
import type { Run } from "./run.ts";
import { settingsOf, withDefaults } from "./settings.ts";

/** Creates the VM, which also reserves its ID. */
export async function createVm(run: Run): Promise<Guest> {
  await preflightCreate(run);
  const { inputs } = run;
  const create = inputs.clone === undefined ? createNew(run) : await cloneTemplate(run);
  const vmid = await createGuest(run.client, inputs.vmid, create);
  return { kind: "qemu", node: inputs.node, vmid };
}

function createNew({ client, inputs }: Run) {
  const settings = [...settingsOf(withDefaults(inputs)), ...volumesOf(inputs)];
  const config = Object.fromEntries(settings.map(({ key, initial }) => [key, initial]));
  return (vmid: number) =>
    runTask(client, {
      method: "POST",
      path: `/nodes/${inputs.node}/qemu`,
      params: { vmid, pool: inputs.pool, ...config, description: descriptionOf(inputs) },
      what: `creating ${labelOf({ kind: "qemu", vmid })} (${inputs.name})`,
      timeoutSeconds: inputs.taskTimeoutSeconds,
    });
}

/** Clones a template or a VM. What differs from it is changed afterwards. */
async function cloneTemplate(run: Run) {
  const { client, facts, inputs } = run;
  const clone = inputs.clone!;
  const template = await locate(client, facts, "qemu", clone.vmid, clone.node);
  if (template === undefined)
    throw new ProviderError(`there is no VM ${clone.vmid} to clone`, { path: "clone.vmid" });
  await refuseOtherStorages(run, template);
  return (vmid: number) =>
    runTask(client, {
      method: "POST",
      path: `/nodes/${template.node}/qemu/${template.vmid}/clone`,
      params: {
        newid: vmid,
        name: inputs.name,
        description: descriptionOf(inputs),
        pool: inputs.pool,
        full: clone.full,
        storage: clone.full ? clone.storage : undefined,
        target: template.node === inputs.node ? undefined : inputs.node,
      },
      what: `cloning VM ${clone.vmid} to ${labelOf({ kind: "qemu", vmid })} (${inputs.name})`,
      timeoutSeconds: inputs.taskTimeoutSeconds,
    });
}

/** A disk is cloned to its storage in the template, or all disks to clone.storage. It is not moved later. */
async function refuseOtherStorages({ client, inputs }: Run, template: Guest): Promise<void> {
  const { values } = await observe(client, template);
  const { clone } = inputs;
  const violations = volumesOf(inputs).flatMap(({ key, path, storage }): Violation[] => {
    const existing = values.get(key);
    if (existing === undefined || storage === undefined) return [];
    const target = (clone?.full === true ? clone.storage : undefined) ?? existing.split(":")[0];
    if (target === storage) return [];
    return [
      {
        path: `${path}.storage`,
        message: `the clone of ${key} would be on ${target}: set clone.storage = "${storage}"`,
      },
    ];
  });
  if (violations.length > 0)
    throw refuse(`cannot clone VM ${template.vmid}: nothing was changed`, violations);
}

function descriptionOf({ description = "", owner, name }: Run["inputs"]): string {
  return withMarker(description, { owner, name });
}
