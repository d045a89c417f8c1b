/** Where an operation stands, as the agent on the host reports it. */
export interface OperationStatus {
  phase: string;
  outcome: string;
  reason: string;
  /** The exit code of `switch-to-configuration test`. */
  exitCode: number | null;
  /** The deployer or process that the operation waits for. */
  holder: string;
  previousToplevel: string | null;
  /** The former target of the profile, such as `system-41-link`. */
  previousLink: string;
  /** With the reason `failed-units`: the units that failed, as far as the log names them. With `profile-folder`: the error. */
  details: string;
  currentSystem: string;
}

/** One answer of the host about an operation. */
export interface Poll {
  status: OperationStatus;
  /** Whether the host has no record of the operation. */
  isLost: boolean;
  /** Whether the agent's process has ended. */
  isAgentGone: boolean;
}

/** Reads the `name=value` lines of scripts/follow.sh. */
export function toPoll(value: (name: string) => string): Poll {
  return {
    status: {
      phase: value("phase"),
      outcome: value("outcome"),
      reason: value("reason"),
      exitCode: value("exitCode") === "" ? null : Number(value("exitCode")),
      holder: value("holder"),
      previousToplevel: value("previousToplevel") || null,
      previousLink: value("previousLink"),
      details: value("details"),
      currentSystem: value("currentSystem"),
    },
    isLost: value("lost") === "yes",
    isAgentGone: value("agent") === "gone",
  };
}

export type NextStep = { kind: "return" } | { kind: "ask-again" } | { kind: "lost"; why: string };

/**
 * Decides what the deployer does after an answer of the host. An answer with a new phase counts even when the agent has
 * ended since. `isStarting`: the agent may still need time to report for the first time.
 */
export function nextStep(
  { status: { phase }, isLost, isAgentGone }: Poll,
  { knownPhase, isStarting }: { knownPhase: string; isStarting: boolean },
): NextStep {
  const isNews = phase !== knownPhase;
  if (isNews && (phase === "done" || phase === "awaiting-confirmation")) return { kind: "return" };
  if (isLost) return { kind: "lost", why: "the host has no record of it any more" };
  if (phase === "") {
    return isStarting ? { kind: "ask-again" } : { kind: "lost", why: "its process did not start" };
  }
  if (isAgentGone) return { kind: "lost", why: `its process has ended while ${phase}` };
  return { kind: "ask-again" };
}
