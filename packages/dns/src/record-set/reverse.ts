import { type Context, ProviderError } from "@nixops4-providers/provider-sdk";
import { parseAddress } from "../client/fields.ts";
import { type Name, reverseName } from "../client/name.ts";
import type { ZoneInputs } from "../common-fields.ts";
import { convergeRrSets, type ZoneWork } from "../rrsets/converge-rrsets.ts";
import { keyOf, type RrSet } from "../rrset.ts";
import { findZone } from "../server/open-server.ts";

export interface ReverseWork {
  inputs: ZoneInputs;
  /** The A or AAAA records of this run, and those of the last one. */
  current: RrSet | undefined;
  previous: RrSet | undefined;
  history: ZoneWork["history"];
  context: Context;
}

/** Keeps the PTR records of addresses, each in the longest matching zone of the server. */
export async function convergeReverse({
  inputs,
  current,
  previous,
  history,
  context,
}: ReverseWork): Promise<void> {
  const desired = pointersOf(current);
  const before = pointersOf(previous);
  const gone = before.filter(({ name }) => !desired.some((one) => one.name === name));
  const zones = new Map<Name, RrSet[]>();
  for (const pointer of [...desired, ...gone]) {
    const zone = await findZone(inputs.server, pointer.name, context);
    if (zone !== undefined) zones.set(zone, [...(zones.get(zone) ?? []), pointer]);
    else if (desired.includes(pointer)) throw noReverseZone(pointer.name);
  }
  for (const [zone, pointers] of zones) {
    await convergeRrSets({
      inputs,
      zone,
      desired: pointers.filter((pointer) => desired.includes(pointer)),
      // The address may belong to another host by now.
      removed: pointers
        .filter((pointer) => gone.includes(pointer))
        .map((one) => ({ ...one, onlyIfSame: true })),
      previous: new Map(before.map((pointer) => [keyOf(pointer), pointer])),
      history,
      safeAfter: null,
      context,
    });
  }
}

function pointersOf(rrset: RrSet | undefined): RrSet[] {
  return (rrset?.values ?? []).map((address) => ({
    name: reverseName(address, parseAddress),
    type: "PTR",
    ttl: rrset!.ttl,
    values: [rrset!.name],
  }));
}

function noReverseZone(name: Name): ProviderError {
  return new ProviderError(`the server has no zone for the PTR record ${name}`, {
    path: "reverse",
    hint: "The addresses are written. Add the reverse zone to the server, or set reverse = false.",
  });
}
