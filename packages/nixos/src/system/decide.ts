import type { Observation } from "./observe.ts";
import type { OperationStatus } from "./operation-status.ts";
import type { Inputs, Outputs } from "./schema.ts";

/** Whether the host is as the inputs ask for, so that nothing has to be copied or activated. */
export function isDeployed(seen: Observation, { toplevel, action }: Inputs): boolean {
  if (!seen.valid || seen.unfinished) return false;
  const isCurrent = seen.currentSystem === toplevel;
  const isInProfile = seen.profileTarget === toplevel;
  switch (action) {
    case "switch":
      return isCurrent && isInProfile;
    case "test":
      return isCurrent;
    case "boot":
      return isInProfile;
    case "dry-activate":
      return false;
  }
}

/**
 * The action that the running system permits when it cannot change these switch inhibitors: `boot` in place of a `switch`
 * that a reboot follows, `undefined` when there is none.
 */
export function permittedAction(
  { action, reboot }: Pick<Inputs, "action" | "reboot">,
  changedInhibitors: string[],
): Inputs["action"] | undefined {
  if (changedInhibitors.length === 0 || action === "boot" || action === "dry-activate") return action;
  return action === "switch" && reboot !== "never" ? "boot" : undefined;
}

/** Whether the host has to be rebooted now. */
export function isRebootDue(
  seen: Pick<Observation, "bootedSystem">,
  rebootNeeded: boolean,
  { reboot, toplevel }: Pick<Inputs, "reboot" | "toplevel">,
): boolean {
  if (reboot === "always") return seen.bootedSystem !== toplevel;
  return reboot === "when-needed" && rebootNeeded;
}

/** Whether an activation without rollback, which nothing confirms, still has to be checked. */
export function isCheckedAfterwards({ action, rollback }: Pick<Inputs, "action" | "rollback">): boolean {
  return !rollback.enable && (action === "switch" || action === "test");
}

/** The outputs for what was last observed. */
export function toOutputs(
  seen: Observation,
  activated: OperationStatus | undefined,
  rebootNeeded: boolean,
  { toplevel }: Pick<Inputs, "toplevel">,
): Outputs {
  return {
    generation: seen.profileTarget === toplevel ? seen.generation : null,
    previousToplevel: activated?.previousToplevel ?? null,
    bootId: seen.bootId,
    rebootNeeded,
  };
}
