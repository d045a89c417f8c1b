import { Type, fields, nullable, type Static, secondsField } from "@nixops4-providers/provider-sdk";
import { requireField, serverSchema } from "./server/server.ts";

/** The inputs that `record_set` and `records` share. */
export const zoneFields = {
  server: serverSchema,
  zone: Type.String({ minLength: 1, description: "The zone, such as `example.org`." }),
  require: requireField,
  onConflict: Type.Enum(["refuse", "adopt", "overwrite", "merge"], {
    default: "refuse",
    description:
      "What to do with existing records that belong to somebody else: `refuse` fails and shows the difference, " +
      "`adopt` takes them over when their values are as wanted, `overwrite` replaces them, `merge` adds the values to " +
      "theirs and later removes only these.",
  }),
  marker: fields(
    {
      enable: Type.Boolean({
        default: true,
        description:
          "Without markers, only the state knows which records are ours: when it is lost, they belong to somebody else.",
      }),
      owner: Type.String({
        pattern: "^[A-Za-z0-9._:/@-]{1,100}$",
        patternError: "must be 1 to 100 letters, digits and characters of ._:/@-",
        default: "nixops4",
        description: "Who owns the records. Two deployments that share a zone need two names.",
      }),
    },
    {
      default: {},
      title: "Marker",
      description:
        "How the zone itself records what is ours: a TXT record below `_owner` of the zone (of `www` A, " +
        "`www._a._owner`), or a comment or label where the server has these.",
    },
  ),
  verify: fields(
    {
      authoritative: Type.Boolean({
        default: true,
        description: "Whether to wait until every name server of the zone serves what was written.",
      }),
      nameServers: Type.Record(
        Type.String(),
        Type.String({
          // POSIX and JavaScript share no way to write brackets, so that these are described by what they are not.
          pattern: "^([^:\\n]+|[^A-Za-z0-9:. \\n][0-9A-Fa-f:.]+[^A-Za-z0-9:. \\n])(:[0-9]{1,5})?$",
          patternError: "must be an address and, after a colon, a port (IPv6 in brackets)",
        }),
        {
          default: {},
          description:
            "The addresses of name servers, by their names in the NS records: an address, and a port when it is not 53 " +
            "(`192.0.2.1:5353`, `[2001:db8::1]:53`). The others are found by their names; addresses that this machine has no route to are left out where a name server has others.",
        },
      ),
      timeoutSeconds: secondsField("How many seconds to wait for them.", { default: 120, orZero: true }),
    },
    { default: {}, title: "Verify", description: "What must be true before the resource is done." },
  ),
  checkTargets: Type.Boolean({
    default: true,
    description:
      "Whether to refuse MX, NS and SRV whose targets in the zone are CNAMEs or have no address, loops of CNAMEs, and " +
      "records that would not be served because they are below a delegation or a DNAME.",
  }),
};

export const ttlField = Type.Integer({
  minimum: 0,
  maximum: 2 ** 31 - 1,
  default: 3600,
  description: "How many seconds caches may keep the records.",
});

export const valuesDescription =
  "The values in presentation format, as in a zone file; names without a final dot are relative to the zone. A TXT " +
  "value that does not begin with a quote is taken as it is and split where it is too long.";

/** The outputs that `record_set` and `records` share. */
export const zoneOutputs = {
  serial: Type.Integer({
    description:
      "The serial number of the zone after the change; 0 when the server does not tell it and no name server was asked.",
  }),
  safeAfter: nullable(Type.String(), {
    description:
      "The time (ISO 8601, UTC) from which no cache holds the old answer any more: its TTL, or that of its absence, " +
      "after all name servers served the new one; without `verify.authoritative` also the secondaries' refresh " +
      "interval (a day where the server does not tell it). Stays the same until the next change; `null` when nothing was ever changed.",
  }),
};

const schema = fields(zoneFields);
export type ZoneInputs = Static<typeof schema>;
