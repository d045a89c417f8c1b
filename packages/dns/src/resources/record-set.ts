import {
  converge,
  defineResource,
  ensureField,
  fields,
  Type,
  type Static,
  type Violation,
} from "@nixops4-providers/provider-sdk";
import { ttlField, valuesDescription, zoneFields, zoneOutputs } from "../common-fields.ts";
import { capabilitiesOf, checkServer } from "../server/server.ts";
import { readWanted } from "../rrsets/wanted.ts";
import docs from "./record-set.md";

const inputs = fields({
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

const outputs = fields({
  fqdn: Type.String({ description: "The name with a final dot." }),
  ...zoneOutputs,
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

export const recordSet = defineResource({
  type: "record_set",
  description:
    "All records of one name and type. They are created only where there are none, and replaced only when they are " +
    "what was last seen; a change leaves no moment without an answer. It is done when the records have been read back " +
    "and every name server serves them.",
  docs,
  stateful: true,
  inputs,
  outputs,
  check,
  ...converge<Inputs, Outputs>(async (request, context) => {
    const { convergeRecordSet } = await import("../record-set/converge-record-set.ts");
    return convergeRecordSet(request, context);
  }),
});

function check(given: Inputs): Violation[] {
  const { server, type, reverse } = given;
  const violations = checkServer(given);
  if (reverse && type !== "A" && type !== "AAAA") {
    violations.push({ path: "reverse", message: `is for A and AAAA, not for ${type}` });
  }
  const wanted = { ...given, path: "" };
  return [...violations, ...readWanted([wanted], given.zone, capabilitiesOf(server)).violations];
}
