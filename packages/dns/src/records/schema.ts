import { ensureField, fields, Type, type Static, type Violation } from "@nixops4-providers/provider-sdk";
import { ttlField, valuesDescription, zoneFields, zoneOutputs } from "../common-fields.ts";
import { capabilitiesOf, checkServer } from "../server/server.ts";
import { checkTogether, readRecords } from "../rrsets/wanted.ts";

const recordsSchema = Type.Record(
  Type.String(),
  Type.Record(
    Type.String(),
    fields({
      values: Type.Array(Type.String(), {
        description: `${valuesDescription} An empty list: no such records.`,
      }),
      ttl: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1, description: "When not set, the `ttl` of all." }),
      ),
    }),
  ),
  {
    default: {},
    description:
      "The record sets by name (relative to the zone, `@` for the zone itself) and type: " +
      '`{ www.A.values = [ "192.0.2.1" ]; }`. Those that are taken out of here are removed from the zone.',
  },
);

export const inputs = fields({
  ...zoneFields,
  ttl: ttlField,
  records: recordsSchema,
  maxDeletePercent: Type.Number({
    minimum: 0,
    maximum: 100,
    default: 30,
    description: "Refuses to remove more than this share of the record sets that the last run wrote.",
  }),
  tooLarge: Type.Enum(["split", "refuse"], {
    default: "split",
    description:
      "What to do with an update that does not fit into one message (RFC 2136: 64 KiB, some hundred record sets) or " +
      "batch (Cloudflare: 200 records): `split` sends several, each of whole names and with its own preconditions; all " +
      "of one name always changes in one step, different names may not.",
  }),
  ensure: ensureField("all of the records"),
});

export const outputs = fields(zoneOutputs);

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

export function check(given: Inputs): Violation[] {
  const { rrsets, violations } = readRecords(given, capabilitiesOf(given.server));
  return [...checkServer(given), ...violations, ...checkTogether(rrsets)];
}
