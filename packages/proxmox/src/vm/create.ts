import { ProviderError, refuse, type Violation } from "@nixops4-providers/provider-sdk";
import { runTask } from "../client/tasks.ts";
import { makeGuest } from "../guest/allocate.ts";
import { locate } from "../guest/find.ts";
import { type Guest, labelOf } from "../guest/guest.ts";
import { withMarker } from "../guest/marker.ts";
import { observe } from "../guest/observe.ts";
import { volumesOf } from "./disks.ts";
import { preflightCreate } from "./preflight.ts";
import type { Run } from "./run.ts";
import { settingsOf, withDefaults } from "./settings.ts";

/** Makes the VM: making it is what reserves its ID. */
export async function createVm(run: Run): Promise<Guest> {
  await preflightCreate(run);
  const { inputs } = run;
  const make = inputs.clone === undefined ? makeNew(run) : await makeClone(run);
  const vmid = await makeGuest(run.client, inputs.vmid, make);
  return { kind: "qemu", node: inputs.node, vmid };
}

function makeNew({ client, inputs }: Run) {
  const settings = [...settingsOf(withDefaults(inputs)), ...volumesOf(inputs)];
  const config = Object.fromEntries(settings.map(({ key, initial }) => [key, initial]));
  return (vmid: number) =>
    runTask(client, {
      method: "POST",
      path: `/nodes/${inputs.node}/qemu`,
      params: { vmid, pool: inputs.pool, ...config, description: descriptionOf(inputs) },
      what: `making ${labelOf({ kind: "qemu", vmid })} (${inputs.name})`,
      timeoutSeconds: inputs.taskTimeoutSeconds,
    });
}

/** The copy has all that the template has; what is to be different is changed afterwards. */
async function makeClone(run: Run) {
  const { client, facts, inputs } = run;
  const clone = inputs.clone!;
  const template = await locate(client, facts, "qemu", clone.vmid, clone.node);
  if (template === undefined)
    throw new ProviderError(`there is no VM ${clone.vmid} to copy`, { path: "clone.vmid" });
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
      what: `copying VM ${clone.vmid} to ${labelOf({ kind: "qemu", vmid })} (${inputs.name})`,
      timeoutSeconds: inputs.taskTimeoutSeconds,
    });
}

/** A disk is copied to the template's storage, or all are to one: it is not moved later. */
async function refuseOtherStorages({ client, inputs }: Run, template: Guest): Promise<void> {
  const { values } = await observe(client, template);
  const { clone } = inputs;
  const violations = volumesOf(inputs).flatMap(({ key, path, storage }): Violation[] => {
    const there = values.get(key);
    if (there === undefined || storage === undefined) return [];
    const target = (clone?.full === true ? clone.storage : undefined) ?? there.split(":")[0];
    if (target === storage) return [];
    return [
      {
        path: `${path}.storage`,
        message: `the copy of ${key} would be on ${target}: set clone.storage = "${storage}"`,
      },
    ];
  });
  if (violations.length > 0) throw refuse(`cannot copy VM ${template.vmid}: nothing was changed`, violations);
}

function descriptionOf({ description = "", owner, name }: Run["inputs"]): string {
  return withMarker(description, { owner, name });
}
