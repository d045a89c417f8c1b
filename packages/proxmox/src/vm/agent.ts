import type { Params, PveClient } from "../client/client.ts";
import { PveError } from "../client/errors.ts";
import { type Guest, pathOf } from "../guest/guest.ts";

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
