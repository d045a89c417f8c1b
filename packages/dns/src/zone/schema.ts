import { ensureField, fields, Type, type Static, type Violation } from "@nixops4-providers/provider-sdk";
import { powerdnsSchema } from "../server/server.ts";

export const inputs = fields({
  server: fields(
    { powerdns: powerdnsSchema },
    { title: "ZoneServer", description: "Where the zone is to be." },
  ),
  name: Type.String({ minLength: 1, description: "The zone, such as `example.org`." }),
  kind: Type.Enum(["Native", "Master", "Slave"], {
    default: "Native",
    description:
      "As PowerDNS calls it: `Master` tells its secondaries of changes, `Slave` copies from `masters`.",
  }),
  nameServers: Type.Array(Type.String(), {
    default: [],
    description:
      "The NS records that a new zone gets, unless it is a `Slave`, which copies them. Change them later with a `record_set` of the name `@`.",
  }),
  masters: Type.Array(Type.String(), {
    default: [],
    description: "Of the kind `Slave`: the addresses to copy from.",
  }),
  dnssec: Type.Boolean({
    default: false,
    description: "Whether the zone is signed, with keys that PowerDNS makes.",
  }),
  ensure: ensureField("the zone"),
  allowDelete: Type.Boolean({
    default: false,
    description: 'Whether `ensure = "absent"` may delete a zone that still has records besides SOA and NS.',
  }),
});

export const outputs = fields({
  serial: Type.Integer({ description: "The serial number of the zone; 0 when `absent`." }),
  nameServers: Type.Array(Type.String(), { description: "The name servers of the zone." }),
  ds: Type.Array(Type.String(), {
    description: "The DS records for the zone above, as values of a `record_set`; empty without `dnssec`.",
  }),
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

export function check({ kind, masters, ensure }: Inputs): Violation[] {
  if (ensure === "absent" || (kind === "Slave") === masters.length > 0) return [];
  return [{ path: "masters", message: kind === "Slave" ? "is required" : "is for the kind Slave" }];
}
