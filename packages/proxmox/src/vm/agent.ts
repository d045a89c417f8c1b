import { ProviderError } from "@nixops4-providers/provider-sdk";
import type { Params, PveClient } from "../client/client.ts";
import { PveError } from "../client/errors.ts";
import { parseProps } from "../client/property-string.ts";
import { type Guest, labelOf, pathOf } from "../guest/guest.ts";
import type { Observed } from "../guest/observe.ts";

export const AGENT_HINT =
  "Install it in the guest (NixOS: services.qemuGuest.enable = true; Debian: qemu-guest-agent), or remove this input.";

/** Asks the guest agent. Returns the error if the agent does not run yet, such as after a power cycle. */
export async function askAgent<Answer>(
  client: PveClient,
  guest: Guest,
  command: string,
  params: Params = {},
): Promise<Answer | PveError> {
  try {
    return await client.get<Answer>(`${pathOf(guest)}/agent/${command}`, params);
  } catch (error) {
    const isPassing =
      error instanceof PveError &&
      error.status === 500 &&
      /agent|is not running|got timeout/i.test(error.reason);
    if (!isPassing) throw error;
    return error;
  }
}

/** Whether Proxmox VE uses the agent. It may still be missing in the guest. */
export function hasAgent({ values }: Observed): boolean {
  return parseProps(values.get("agent") ?? "0", "enabled")["enabled"] === "1";
}

/** Throws if the agent can never answer. `path` is the input that waits for it. */
export function expectAgent(seen: Observed, path: string): void {
  if (!hasAgent(seen)) {
    throw new ProviderError(`${labelOf(seen)} does not use the guest agent`, {
      path,
      hint: `Set agent = true and install it in the guest, or remove ${path}.`,
    });
  }
  if (!seen.isRunning) {
    throw new ProviderError(`${labelOf(seen)} is stopped, so its agent cannot answer`, {
      path,
      hint: `Set started = true, start it, or remove ${path}.`,
    });
  }
}
