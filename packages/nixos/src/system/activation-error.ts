import { dirname } from "node:path";
import { describeError, ProviderError } from "@nixops4-providers/provider-sdk";
import { generationOf } from "./observe.ts";
import type { OperationStatus } from "./operation-status.ts";
import type { Inputs } from "./schema.ts";

/** Exit codes of switch-to-configuration, besides 0, 4 (units failed) and 100 (reboot). */
const EXIT_CODES: Record<number, string> = {
  1: "a check before the activation failed",
  2: "the activation script failed",
  126: "it cannot be run",
  127: "it cannot be run",
};

/** Returns the error for a failed operation. `failure` is the reason why the deployer did not confirm it. */
export function activationError(
  status: OperationStatus,
  { inputs, label, logTail, failure }: { inputs: Inputs; label: string; logTail: string[]; failure: unknown },
): ProviderError {
  const what = `cannot activate ${inputs.toplevel} on ${label}`;
  if (status.reason === "busy") {
    return new ProviderError(
      `${what}: another activation did not finish within ${inputs.lockTimeoutSeconds} s: ${status.holder}`,
      { hint: "Nothing was changed. Apply again when it has ended, or raise `lockTimeoutSeconds`." },
    );
  }
  if (status.reason === "profile-folder") {
    const folder = `the folder ${dirname(inputs.profile)} of the profile`;
    return new ProviderError(`${what}: ${folder} cannot be created: ${status.details}`, {
      hint: "Nothing was changed. Correct `profile`, or create the folder.",
    });
  }
  const end = logTail.length === 0 ? "" : `\nThe end of its log:\n${logTail.join("\n").replace(/^/gm, "  ")}`;
  return new ProviderError(
    `${what}: ${reasonOf(status, inputs, failure)}. ${stateAfter(status, inputs)}${end}`,
  );
}

function reasonOf(status: OperationStatus, inputs: Inputs, failure: unknown): string {
  const { reason, exitCode, details } = status;
  switch (reason) {
    case "timeout":
      return `switch-to-configuration did not finish within ${inputs.activationTimeoutSeconds} s and was ended`;
    case "failed-units":
      return details === ""
        ? "units failed (exit code 4), but its log names none"
        : `these failed, and had not failed in the same way before: ${details}`;
    case "not-current":
      return `switch-to-configuration succeeded, but the host runs ${status.currentSystem || "no system"}`;
    case "boot-loader":
      return "its generation could not be made the default of the boot loader";
    case "unconfirmed":
    case "rejected":
      return failure === undefined
        ? `it was not confirmed within ${inputs.rollback.confirmTimeoutSeconds} s`
        : describeError(failure).split("\n")[0]!;
    default: {
      const meaning = EXIT_CODES[exitCode ?? -1];
      const code = exitCode === null ? "" : ` with exit code ${exitCode}`;
      return `switch-to-configuration failed${code}${meaning === undefined ? "" : ` (${meaning})`}`;
    }
  }
}

function stateAfter(status: OperationStatus, { profile }: Inputs): string {
  const { outcome, previousToplevel, previousLink, currentSystem } = status;
  const number = generationOf(previousLink);
  const generation = number === null ? "" : `, generation ${number} of ${profile}`;
  const previous = `${previousToplevel ?? "no system"}${generation}`;
  if (outcome === "rolled-back") return `The host was rolled back to ${previous}`;
  const now = `it runs ${currentSystem || "no system"} now`;
  if (outcome === "rollback-failed") return `The host could not be rolled back to ${previous}: ${now}`;
  return `The host is left as it is (rollback is disabled): ${now}, after ${previous}`;
}
