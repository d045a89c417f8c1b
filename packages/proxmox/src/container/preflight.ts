import type { Changes } from "../guest/changes.ts";
import { labelOf } from "../guest/guest.ts";
import type { Observed } from "../guest/observe.ts";
import { planForChange, planForCreate } from "../guest/plan.ts";
import { preflight } from "../guest/preflight.ts";
import { takenViolations } from "../guest/taken.ts";
import { usesOfFile } from "../guest/uses.ts";
import { type Run, settingsOf, volumesOf, wantedOf } from "./settings.ts";

/** Checks what creating a container needs. */
export async function preflightCreate(run: Run): Promise<void> {
  const { inputs, facts } = run;
  const { template = "", unprivileged, name } = inputs;
  const entries = [...settingsOf(inputs), ...volumesOf(inputs)];
  const plan = planForCreate(inputs, entries, privilegeForKey, usesOfFile(template, "vztmpl", "template"));
  const root = { paths: ["/"], anyOf: ["Sys.Modify"], path: "unprivileged" };
  const privileges = [...plan.privileges, ...(unprivileged ? [] : [root])];
  const violations = await takenViolations(run);
  await preflight(facts, `cannot create the container ${name}`, { ...plan, privileges, violations });
}

/** Checks what a change of a container needs. */
export async function preflightChanges(run: Run, seen: Observed, changes: Changes): Promise<void> {
  const plan = planForChange(run.inputs, seen, changes, wantedOf(run), privilegeForKey);
  await preflight(run.facts, `cannot change ${labelOf(seen)}`, plan);
}

/** Returns the privilege for a key of a container's configuration. */
function privilegeForKey(key: string): string {
  if (/^(cores|cpulimit|cpuunits)$/.test(key)) return "VM.Config.CPU";
  if (/^(memory|swap)$/.test(key)) return "VM.Config.Memory";
  if (/^(net\d+|nameserver|searchdomain|hostname)$/.test(key)) return "VM.Config.Network";
  return /^(rootfs|mp\d+)$/.test(key) ? "VM.Config.Disk" : "VM.Config.Options";
}
