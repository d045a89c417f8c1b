import { ensureField, fields, Type, type Static, type Violation } from "@nixops4-providers/provider-sdk";
import { ttlField, valuesDescription, zoneFields, zoneOutputs } from "../common-fields.ts";
import { capabilitiesOf, checkServer } from "../server/server.ts";
import { readWanted } from "../rrsets/wanted.ts";

export const inputs = fields({
  ...zoneFields,
  name: Type.String({
    minLength: 1,
    description:
      "The name, relative to the zone (`www`) or with a final dot; `@` is the zone itself, `*` a wildcard.",
  }),
  type: Type.String({
    pattern: "^[A-Z0-9]{1,16}$",
    patternError: "must be a type in capital letters, such as AAAA",
    description: "The type, such as `A`, or `TYPE65280` by its number.",
  }),
  ttl: ttlField,
  values: Type.Array(Type.String(), {
    default: [],
    description: `${valuesDescription} An empty list means that there are no such records.`,
  }),
  reverse: Type.Boolean({
    default: false,
    description:
      "Of A and AAAA: whether to keep the PTR records of the addresses, too, in zones of the same server.",
  }),
  ensure: ensureField("the records"),
});

export const outputs = fields({
  fqdn: Type.String({ description: "The name with a final dot." }),
  ...zoneOutputs,
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

export function check(given: Inputs): Violation[] {
  const { server, type, reverse } = given;
  const violations = checkServer(given);
  if (reverse && type !== "A" && type !== "AAAA") {
    violations.push({ path: "reverse", message: `is for A and AAAA, not for ${type}` });
  }
  const wanted = { ...given, path: "" };
  return [...violations, ...readWanted([wanted], given.zone, capabilitiesOf(server)).violations];
}
