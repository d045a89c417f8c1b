import type { Changes } from "../guest/changes.ts";
import { labelOf } from "../guest/guest.ts";
import type { Observed } from "../guest/observe.ts";
import { type Need, pathsFor, planForChange, planForCreate } from "../guest/plan.ts";
import { preflight } from "../guest/preflight.ts";
import { takenViolations } from "../guest/taken.ts";
import type { Uses } from "../guest/uses.ts";
import { volumesOf } from "./disks.ts";
import { agentPrivileges, privilegeForKey } from "./privileges.ts";
import type { Run } from "./run.ts";
import { settingsOf, withDefaults } from "./settings.ts";
import { wantedOf } from "./wanted.ts";

/** Checks what creating a VM needs. */
export async function preflightCreate(run: Run): Promise<void> {
  const { inputs, facts } = run;
  const { clone, vmid, name } = inputs;
  const volumes = clone === undefined ? volumesOf(inputs) : [];
  const entries = [...settingsOf(withDefaults(inputs)), ...volumes];
  const plan = planForCreate(inputs, entries, privilegeForKey, usesOfClone(clone));
  const privileges = [...plan.privileges, ...(await vmNeeds(run, pathsFor(inputs, vmid)))];
  if (clone !== undefined)
    privileges.push({ paths: [`/vms/${clone.vmid}`], anyOf: ["VM.Clone"], path: "clone.vmid" });
  const violations = await takenViolations(run);
  await preflight(facts, `cannot create the VM ${name}`, { ...plan, privileges, violations });
}

/** Checks what a change of a VM needs. */
export async function preflightChanges(run: Run, seen: Observed, changes: Changes): Promise<void> {
  const { inputs, facts } = run;
  const plan = planForChange(inputs, seen, changes, wantedOf(run), privilegeForKey);
  const privileges = [...plan.privileges, ...(await vmNeeds(run, pathsFor(inputs, seen.vmid)))];
  await preflight(facts, `cannot change ${labelOf(seen)}`, { ...plan, privileges });
}

/** Returns the privileges for inputs that only a VM has. */
async function vmNeeds({ inputs, facts }: Run, paths: string[]): Promise<Need[]> {
  const { waitForIp, waitForHostKey, ha, agent } = inputs;
  const needs: Need[] = [];
  if (waitForIp !== undefined && agent !== false)
    needs.push({ paths, anyOf: agentPrivileges(await facts.major(), "Audit"), path: "waitForIp" });
  if (waitForHostKey !== undefined)
    needs.push({ paths, anyOf: agentPrivileges(await facts.major(), "FileRead"), path: "waitForHostKey" });
  if (ha !== undefined) needs.push({ paths: ["/"], anyOf: ["Sys.Console"], path: "ha" });
  return needs;
}

/** Without clone.storage, each disk stays on its storage in the template. */
function usesOfClone(clone: Run["inputs"]["clone"]): Uses {
  if (clone?.storage === undefined) return {};
  return { storages: [{ storage: clone.storage, content: "images", path: "clone.storage" }] };
}
