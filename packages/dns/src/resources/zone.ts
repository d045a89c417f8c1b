import {
  converge,
  defineResource,
  ensureField,
  fields,
  Type,
  type Static,
} from "@nixops4-providers/provider-sdk";
import { powerdnsSchema } from "../server/server.ts";
import docs from "./zone.md";

const inputs = fields({
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
      "The NS records that a new zone gets. Change them later with a `record_set` of the name `@`.",
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

const outputs = fields({
  serial: Type.Integer({ description: "The serial number of the zone; 0 when `absent`." }),
  nameServers: Type.Array(Type.String(), { description: "The name servers of the zone." }),
  ds: Type.Array(Type.String(), {
    description: "The DS records for the zone above, as values of a `record_set`; empty without `dnssec`.",
  }),
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

export const zone = defineResource({
  type: "zone",
  description: "A zone on a PowerDNS server. An existing zone is taken over with its records.",
  docs,
  stateful: true,
  inputs,
  outputs,
  check: ({ kind, masters, ensure }) =>
    ensure === "present" && (kind === "Slave") !== masters.length > 0
      ? [{ path: "masters", message: kind === "Slave" ? "is required" : "is for the kind Slave" }]
      : [],
  ...converge<Inputs, Outputs>(async ({ inputs }, context) => {
    const { convergeZone } = await import("../zone/converge-zone.ts");
    return convergeZone(inputs, context);
  }),
});
