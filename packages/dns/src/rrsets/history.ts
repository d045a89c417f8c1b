import type { ZoneInputs } from "../common-fields.ts";
import { DnsError } from "../client/dns-error.ts";
import { findZone } from "../server/open-server.ts";
import { isSameServer } from "../server/server.ts";
import { convergeRrSets, type ZoneWork } from "./converge-rrsets.ts";
import type { Plan } from "./decide.ts";

/** Returns what the last run's inputs tell of who owns the records. */
export function historyOf(
  inputs: ZoneInputs,
  previous: Partial<ZoneInputs> | undefined,
): Pick<Plan, "previousOwner" | "isMoved"> {
  const { server, marker } = previous ?? {};
  return {
    previousOwner: marker?.enable === true ? marker.owner : undefined,
    isMoved: server !== undefined && !isSameServer(server, inputs.server),
  };
}

/** Removes what the last run wrote to another zone. A zone that no longer exists took its records with it. */
export async function leaveZone(work: ZoneWork): Promise<void> {
  const { inputs, zone, context, history } = work;
  if (history?.isMoved === true) {
    context.log.warn(`left alone: the records of the zone ${zone} on the other server`);
    return;
  }
  try {
    await convergeRrSets(work);
  } catch (error) {
    if (!(error instanceof DnsError) || (await findZone(inputs.server, zone, context)) === zone) throw error;
    context.log.warn(`the server no longer has the zone ${zone}: nothing is removed there`);
  }
}
