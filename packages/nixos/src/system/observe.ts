import { ProviderError } from "@nixops4-providers/provider-sdk";
import { runScript, type SshConnection } from "@nixops4-providers/ssh-client";
import { OBSERVE } from "./scripts.ts";
import { parseValues } from "./remote-values.ts";
import { changedInhibitors } from "./switch-inhibitors.ts";
import { withoutNix } from "../without-nix.ts";
import type { Inputs } from "./schema.ts";

export interface Observation {
  bootId: string;
  /** Store paths; `null` if the host has none. */
  currentSystem: string | null;
  bootedSystem: string | null;
  profileTarget: string | null;
  generation: number | null;
  /** Whether the toplevel is in the host's Nix store. */
  valid: boolean;
  /** Whether it is in the store and a NixOS system. */
  isSystem: boolean;
  /** Whether parts of the toplevel, if it is in the store, need a reboot. */
  rebootNeeded: boolean;
  /** The files `switch-inhibitors` of these systems; empty for a missing file. */
  inhibitors: { current: string; toplevel: string };
  /** Whether an earlier operation was interrupted. */
  unfinished: boolean;
  /** The id of an operation in progress with the same toplevel, action and profile. */
  operation: string | undefined;
}

type Wanted = Pick<Inputs, "toplevel" | "profile" | "action" | "sudo">;

/** Observes the host in one round trip. `isValid` says that the toplevel is known to be in its store. */
export async function observe(
  ssh: SshConnection,
  { toplevel, profile, action, sudo }: Wanted,
  { timeoutSeconds = 60, isValid = false } = {},
): Promise<Observation> {
  const args = [toplevel, profile, action, isValid ? "valid" : ""];
  const { stdout } = await runScript(ssh, {
    script: OBSERVE,
    args,
    sudo,
    timeoutSeconds,
    doing: "look at the system",
  });
  const value = parseValues(stdout.toString("utf8"));
  if (value("uid") !== "0") {
    throw new ProviderError(`${ssh.user} is not root on ${ssh.label}, and activating a system takes root`, {
      hint: "Set `sudo = true`, or log in as root.",
    });
  }
  if (value("nix") !== "yes") throw withoutNix(ssh.label);
  return toObservation(value);
}

/** Reads the `name=value` lines of scripts/observe.sh. */
export function toObservation(value: (name: string) => string): Observation {
  const inhibitors = { current: value("currentInhibitors"), toplevel: value("toplevelInhibitors") };
  const changed = [inhibitors.current, value("bootedInhibitors")].flatMap((before) =>
    changedInhibitors(before, inhibitors.toplevel),
  );
  return {
    bootId: value("bootId"),
    currentSystem: value("currentSystem") || null,
    bootedSystem: value("bootedSystem") || null,
    profileTarget: value("profileTarget") || null,
    generation: generationOf(value("profileLink")),
    valid: value("valid") === "yes",
    isSystem: value("isSystem") === "yes",
    rebootNeeded: value("rebootNeeded") === "yes" || changed.length > 0,
    inhibitors,
    unfinished: value("unfinished") === "yes",
    operation: value("operation") || undefined,
  };
}

/** The number in the link of a profile, such as 42 in `system-42-link`. */
export function generationOf(link: string): number | null {
  const match = /-(\d+)-link$/.exec(link);
  return match === null ? null : Number(match[1]);
}
