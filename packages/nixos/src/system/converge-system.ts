import { access, readFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import {
  type Context,
  type ConvergeRequest,
  describeError,
  ProviderError,
} from "@nixops4-providers/provider-sdk";
import { activationError } from "./activation-error.ts";
import { confirmHealth, Unconfirmable } from "./confirm.ts";
import { isCheckedAfterwards, isDeployed, isRebootDue, permittedAction, toOutputs } from "./decide.ts";
import { copyClosure } from "../copy/copy.ts";
import { type Observation, observe } from "./observe.ts";
import { Operation, OperationLost } from "./operation.ts";
import type { OperationStatus } from "./operation-status.ts";
import { reboot } from "./reboot.ts";
import type { Inputs, Outputs } from "./schema.ts";
import { PersistentConnection } from "./persistent-connection.ts";
import { changedInhibitors } from "./switch-inhibitors.ts";

/** Time for the host to answer again, in addition to the time limits of activation and confirmation. */
const RECOVERY_SECONDS = 60;

export async function convergeSystem(
  { inputs }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  await refuseOtherPaths(inputs.toplevel);
  const host = await PersistentConnection.open(inputs.connection, context);
  try {
    let seen = await observe(host.ssh, inputs);
    let activated: OperationStatus | undefined;
    if (seen.operation !== undefined || !isDeployed(seen, inputs)) {
      await ensurePresent(host, seen, inputs, context);
      const action = await possibleAction(seen, inputs, host.ssh.label, context);
      activated = await activate(host, seen, { ...inputs, action }, context);
      seen = await observe(host.ssh, inputs, { isValid: true });
    }
    const rebootNeeded = seen.rebootNeeded || activated?.exitCode === 100;
    if (isRebootDue(seen, rebootNeeded, inputs)) {
      seen = await rebootInto(host, seen, inputs, context);
      return toOutputs(seen, activated, seen.rebootNeeded, inputs);
    }
    return toOutputs(seen, activated, rebootNeeded, inputs);
  } finally {
    host.end();
  }
}

/** Refuses a path on the deploying machine that is not a NixOS system. A path that does not exist may be on the host. */
async function refuseOtherPaths(toplevel: string): Promise<void> {
  const exists = (path: string) =>
    access(path).then(
      () => true,
      () => false,
    );
  if (!(await exists(toplevel))) return;
  for (const part of ["bin/switch-to-configuration", "nixos-version"]) {
    if (!(await exists(`${toplevel}/${part}`))) throw notASystem(toplevel, part);
  }
}

function notASystem(toplevel: string, part: string): ProviderError {
  return new ProviderError(`${toplevel} is not a NixOS system: it has no ${part}`, {
    path: "toplevel",
    hint: "Set `toplevel` to the output of `config.system.build.toplevel`.",
  });
}

async function ensurePresent(
  { ssh }: PersistentConnection,
  seen: Observation,
  inputs: Inputs,
  context: Context,
): Promise<void> {
  const { toplevel, copyTimeoutSeconds } = inputs;
  if (!seen.valid)
    await copyClosure(ssh, toplevel, { ...inputs, timeoutSeconds: copyTimeoutSeconds }, context);
  else if (!seen.isSystem) throw notASystem(toplevel, "bin/switch-to-configuration or nixos-version");
}

/** Returns `boot` for a `switch` that needs a reboot, which then follows. Throws when no reboot is allowed. */
async function possibleAction(
  seen: Observation,
  inputs: Inputs,
  label: string,
  { log }: Context,
): Promise<Inputs["action"]> {
  const { toplevel, action } = inputs;
  if (process.env["NIXOS_NO_CHECK"] === "1" || seen.operation !== undefined) return action;
  const next = seen.valid ? seen.inhibitors.toplevel : await localInhibitors(toplevel);
  const changed = changedInhibitors(seen.inhibitors.current, next);
  const why = `the running system cannot change to it: ${changed.join(", ")}`;
  const permitted = permittedAction(inputs, changed);
  if (permitted === undefined) throw needsReboot(inputs, label, why);
  if (permitted !== action) log.info(`${label} has to be rebooted into ${toplevel}: ${why}`);
  return permitted;
}

function needsReboot({ action, toplevel }: Inputs, label: string, why: string): ProviderError {
  return new ProviderError(`cannot ${action} to ${toplevel} on ${label} without a reboot: ${why}`, {
    hint:
      'Nothing was activated. Set `reboot = "when-needed"` with `action = "switch"`, or `action = "boot"` and reboot the host. ' +
      "With `NIXOS_NO_CHECK=1` in the environment it is activated anyway, which can leave the host unstable.",
  });
}

/** Reads the switch inhibitors of a system that was copied from this machine. */
function localInhibitors(toplevel: string): Promise<string> {
  return readFile(`${toplevel}/switch-inhibitors`, "utf8").catch(() => "");
}

/** Starts the operation, or joins that of an earlier run, and follows it to its end. */
async function activate(
  host: PersistentConnection,
  seen: Observation,
  inputs: Inputs,
  context: Context,
): Promise<OperationStatus> {
  const { toplevel, action, sudo, rollback, activationTimeoutSeconds } = inputs;
  const { label } = host.ssh;
  const patienceSeconds = activationTimeoutSeconds + rollback.confirmTimeoutSeconds + RECOVERY_SECONDS;
  const operation = new Operation(
    seen.operation ?? Operation.newId(),
    host,
    { sudo, patienceSeconds },
    context,
  );
  const progress = context.progress(`${action} to ${toplevel} on ${label}`);
  const onPhase = (status: OperationStatus) => {
    const holder = status.holder === "" ? "" : ` for ${status.holder}`;
    progress.update(`${status.phase}${holder}`);
    context.log.debug(`${status.phase}${holder}`);
  };
  let failure: unknown;
  try {
    if (seen.operation === undefined) await start(operation, inputs);
    else context.log.info(`following an activation of this system that is in progress on ${label}`);
    let status = await operation.follow(onPhase);
    if (status.phase === "awaiting-confirmation") {
      failure = await confirm(operation, host, inputs, context);
      status = await operation.follow(onPhase);
    }
    if (status.outcome !== "ok") {
      throw activationError(status, { inputs, label, logTail: operation.logTail, failure });
    }
    if (isCheckedAfterwards(inputs)) {
      await verify(host, inputs, context);
    }
    return status;
  } catch (error) {
    if (error instanceof OperationLost) throw await lostError(error, operation, host, seen, inputs);
    if (context.signal.aborted) throw interrupted(inputs, label, context);
    throw error;
  } finally {
    progress.done();
  }
}

function start(operation: Operation, inputs: Inputs): Promise<void> {
  const { toplevel, action, profile, rollback, activationTimeoutSeconds, lockTimeoutSeconds } = inputs;
  return operation.start({
    toplevel,
    action,
    profile,
    rollback: rollback.enable ? "yes" : "no",
    // The shell on the host counts whole seconds.
    confirmSeconds: Math.ceil(rollback.confirmTimeoutSeconds),
    activationSeconds: Math.ceil(activationTimeoutSeconds),
    lockSeconds: Math.ceil(lockTimeoutSeconds),
    deployer: `${userName()}@${hostname()}`,
  });
}

/** Falls back to USER and the uid: in containers and CI, the user may have no entry in passwd. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env["USER"] ?? `uid ${process.getuid?.()}`;
  }
}

/** Confirms the operation. Returns the failure that prevented it, or `undefined`. */
async function confirm(
  operation: Operation,
  host: PersistentConnection,
  inputs: Inputs,
  context: Context,
): Promise<unknown> {
  const { toplevel } = inputs;
  try {
    const fresh = await confirmHealth(inputs, context, async (ssh) => {
      const decision = await operation.decide(ssh, "confirmed", toplevel);
      if (decision !== "confirmed")
        throw new Unconfirmable("the confirmation came too late: the host had already decided to roll back");
    });
    host.replace(fresh);
    return undefined;
  } catch (failure) {
    if (context.signal.aborted) throw failure;
    // The host then rolls back at once. If it cannot be reached, its own deadline decides.
    await operation.decide(host.ssh, "rejected", toplevel).catch(() => {});
    return failure;
  }
}

/** Runs the health checks after an activation without rollback, which needs no confirmation. */
async function verify(host: PersistentConnection, inputs: Inputs, context: Context): Promise<void> {
  try {
    host.replace(await confirmHealth(inputs, context, async () => {}));
  } catch (cause) {
    throw new ProviderError(
      `${inputs.toplevel} was activated on ${host.ssh.label}, but the host is not healthy`,
      {
        cause,
        hint: "The system stays active, since rollback is disabled. Fix the cause, or deploy the former system.",
      },
    );
  }
}

async function lostError(
  cause: OperationLost,
  { logTail }: Operation,
  host: PersistentConnection,
  before: Observation,
  inputs: Inputs,
): Promise<ProviderError> {
  const { toplevel } = inputs;
  const { label } = host.ssh;
  const what = `cannot activate ${toplevel} on ${label}`;
  const end = logTail.length === 0 ? "" : `\nThe end of its log:\n${logTail.join("\n").replace(/^/gm, "  ")}`;
  try {
    const seen = await host.persist(RECOVERY_SECONDS, (ssh) => observe(ssh, inputs));
    const generation = seen.generation === null ? "" : `, generation ${seen.generation} of ${inputs.profile}`;
    const why =
      seen.bootId === before.bootId
        ? cause.message
        : "the host crashed or was restarted during the activation";
    return new ProviderError(
      `${what}: ${why}. It runs ${seen.currentSystem ?? "no system"} now` +
        ` and its profile has ${seen.profileTarget ?? "no system"}${generation}${end}`,
      { hint: "Apply again to activate it." },
    );
  } catch (error) {
    return new ProviderError(`${what}: ${cause.message}${end}`, { cause: describeError(error) });
  }
}

function interrupted({ toplevel, rollback }: Inputs, label: string, { signal }: Context): ProviderError {
  return new ProviderError(`activating ${toplevel} on ${label} was interrupted`, {
    cause: signal.reason,
    hint: rollback.enable
      ? `The activation continues on the host, which rolls back unless you apply again within ${rollback.confirmTimeoutSeconds} s of the activation.`
      : "The activation continues on the host.",
  });
}

async function rebootInto(
  host: PersistentConnection,
  before: Observation,
  inputs: Inputs,
  context: Context,
): Promise<Observation> {
  const { toplevel } = inputs;
  const { label } = host.ssh;
  await reboot(host, inputs, before.bootId, context);
  let seen = before;
  try {
    host.replace(
      await confirmHealth(inputs, context, async (ssh) => {
        seen = await observe(ssh, inputs, { isValid: true });
        if (seen.bootedSystem === toplevel && seen.currentSystem === toplevel) return;
        throw new Unconfirmable(
          `it was booted with ${seen.bootedSystem ?? "no system"} and runs ${seen.currentSystem ?? "none"}`,
        );
      }),
    );
  } catch (cause) {
    throw new ProviderError(`${label} was rebooted into ${toplevel}, but is not healthy`, {
      cause,
      hint: "Nothing was rolled back. The boot menu of the host still has the former system.",
    });
  }
  return seen;
}
