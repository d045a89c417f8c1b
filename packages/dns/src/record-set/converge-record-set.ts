import type { Context, ConvergeRequest } from "@nixops4-providers/provider-sdk";
import type { Capabilities } from "../backends/backend.ts";
import { isWithin, type Name } from "../client/name.ts";
import { convergeRrSets } from "../rrsets/converge-rrsets.ts";
import type { Removal } from "../rrsets/decide.ts";
import { historyOf, leaveZone } from "../rrsets/history.ts";
import type { Inputs, Outputs } from "./schema.ts";
import { convergeReverse } from "./reverse.ts";
import { keyOf, type RrSet } from "../rrset.ts";
import { capabilitiesOf } from "../server/server.ts";
import { readWanted } from "../rrsets/wanted.ts";

type Place = Pick<Inputs, "name" | "type" | "ttl" | "values" | "zone">;

export async function convergeRecordSet(
  { inputs, previous }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const capabilities = capabilitiesOf(inputs.server);
  const { zone, rrset } = read(inputs, capabilities)!;
  const last = previous === undefined ? undefined : readPrevious(previous.inputs, capabilities);
  const isPresent = inputs.ensure === "present" && rrset.values.length > 0;
  const current = isPresent ? rrset : undefined;
  const isElsewhere = last !== undefined && keyOf(last.rrset) !== keyOf(rrset);
  const before = last === undefined ? [] : [[keyOf(last.rrset), last.rrset] as const];
  const removed: Removal[] = isPresent
    ? []
    : [{ ...rrset, values: rrset.values.length > 0 ? rrset.values : undefined }];
  if (isElsewhere && isWithin(last.rrset.name, zone)) removed.push(last.rrset);
  const history = historyOf(inputs, previous?.inputs);
  const shared = { inputs, previous: new Map(before), history, context };
  const { serial, safeAfter } = await convergeRrSets({
    ...shared,
    zone,
    desired: isPresent ? [rrset] : [],
    removed,
    safeAfter: previous?.outputs.safeAfter,
  });
  if (isElsewhere && !isWithin(last.rrset.name, zone)) {
    await leaveZone({ ...shared, zone: last.zone, desired: [], removed: [last.rrset], safeAfter: null });
  }
  if (inputs.reverse || previous?.inputs.reverse === true) {
    await convergeReverse({
      inputs,
      current: inputs.reverse ? current : undefined,
      previous: previous?.inputs.reverse === true ? last?.rrset : isPresent ? undefined : rrset,
      history,
      context,
    });
  }
  return { fqdn: rrset.name, serial, safeAfter };
}

function read(place: Place, capabilities: Capabilities): { zone: Name; rrset: RrSet } | undefined {
  const { zone, rrsets } = readWanted([{ ...place, path: "" }], place.zone, capabilities);
  return rrsets[0] === undefined ? undefined : { zone, rrset: rrsets[0] };
}

/** Reads the inputs of the last run. An older version may have written them: some may be missing or no longer valid. */
function readPrevious(
  { name, type, ttl, values, zone, ensure }: Partial<Inputs>,
  capabilities: Capabilities,
) {
  if (name === undefined || type === undefined || zone === undefined || ensure === "absent") return undefined;
  return read({ name, type, zone, ttl: ttl ?? 0, values: values ?? [] }, capabilities);
}
