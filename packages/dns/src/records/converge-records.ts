import { type Context, type ConvergeRequest, ProviderError } from "@nixops4-providers/provider-sdk";
import type { Capabilities } from "../backends/backend.ts";
import { convergeRrSets } from "../rrsets/converge-rrsets.ts";
import { historyOf, leaveZone } from "../rrsets/history.ts";
import type { Inputs, Outputs } from "./schema.ts";
import { keyOf, type RrSet } from "../rrset.ts";
import { capabilitiesOf } from "../server/server.ts";
import { readRecords } from "../rrsets/wanted.ts";

export async function convergeRecords(
  { inputs, previous }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const capabilities = capabilitiesOf(inputs.server);
  const { zone, rrsets } = readRecords(inputs, capabilities);
  const isPresent = (rrset: RrSet) => inputs.ensure === "present" && rrset.values.length > 0;
  const desired = rrsets.filter(isPresent);
  const last = previous === undefined ? undefined : readPrevious(previous.inputs, capabilities);
  const isSameZone = last?.zone === zone;
  const kept = new Set(rrsets.map(keyOf));
  const dropped = isSameZone ? last.rrsets.filter((rrset) => !kept.has(keyOf(rrset))) : [];
  const removed = [
    ...rrsets
      .filter((rrset) => !isPresent(rrset))
      .map((rrset) => ({ ...rrset, values: rrset.values.length > 0 ? rrset.values : undefined })),
    ...dropped,
  ];
  if (inputs.ensure === "present" && isSameZone) refuseManyDeletions(inputs, last.rrsets, desired);
  const shared = {
    inputs,
    previous: new Map((last?.rrsets ?? []).map((rrset) => [keyOf(rrset), rrset])),
    history: historyOf(inputs, previous?.inputs),
    maySplit: inputs.tooLarge === "split",
    context,
  };
  const result = await convergeRrSets({
    ...shared,
    zone,
    desired,
    removed,
    safeAfter: previous?.outputs.safeAfter,
  });
  if (last !== undefined && !isSameZone) {
    await leaveZone({ ...shared, zone: last.zone, desired: [], removed: last.rrsets, safeAfter: null });
  }
  return result;
}

function readPrevious({ zone, records, ttl, ensure }: Partial<Inputs>, capabilities: Capabilities) {
  if (zone === undefined || records === undefined || ensure === "absent") return undefined;
  const read = readRecords({ zone, records, ttl: ttl ?? 0 }, capabilities);
  return { ...read, rrsets: read.rrsets.filter(({ values }) => values.length > 0) };
}

function refuseManyDeletions(
  { maxDeletePercent }: Inputs,
  before: readonly RrSet[],
  desired: readonly RrSet[],
): void {
  const kept = new Set(desired.map(keyOf));
  const gone = before.filter((rrset) => !kept.has(keyOf(rrset)));
  const percent = (gone.length / Math.max(1, before.length)) * 100;
  if (percent <= maxDeletePercent) return;
  throw new ProviderError(
    `${gone.length} of ${before.length} record sets (${Math.round(percent)} %) would be removed, more than ${maxDeletePercent} %: ` +
      gone
        .slice(0, 10)
        .map(({ name, type }) => `${name} ${type}`)
        .join(", "),
    {
      path: "records",
      hint: "Nothing was changed. Raise maxDeletePercent for this apply when that is what you want.",
    },
  );
}
