import {
  exactlyOne,
  fields,
  hostProblem,
  secretRef,
  type Static,
  Type,
  type Violation,
  secondsField,
} from "@nixops4-providers/provider-sdk";
import type { Capabilities } from "../backends/backend.ts";
import {
  CLOUDFLARE_CAPABILITIES,
  CLOUDFLARE_PROXIED_CAPABILITIES,
  DESEC_CAPABILITIES,
  GANDI_CAPABILITIES,
  HETZNER_CAPABILITIES,
  POWERDNS_CAPABILITIES,
  RFC2136_CAPABILITIES,
} from "../backends/capabilities.ts";
import { cloudSchemas, timeoutField } from "./cloud-servers.ts";

const tlsSchema = fields(
  {
    serverName: Type.Optional(
      Type.String({
        minLength: 1,
        description: "The name in the server's certificate. When not set, `address`.",
      }),
    ),
    caCertificateFile: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "A file with the certificate of the CA, in PEM format. When not set, the CAs that Node trusts.",
      }),
    ),
    pin: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9+/]{43}=$",
        patternError: "must be the base64 of a SHA-256",
        description: "The SHA-256 of the server's public key (SPKI), base64. It takes the place of a CA.",
      }),
    ),
  },
  {
    title: "Tls",
    default: {},
    description: 'How the server proves who it is, with `transport = "tls"` (RFC 7858).',
  },
);

const rfc2136Schema = fields(
  {
    address: Type.String({ minLength: 1, description: "The primary server: a name or an IP address." }),
    port: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 65535,
        description: 'When not set 53, with `transport = "tls"` 853.',
      }),
    ),
    transport: Type.Enum(["tcp", "udp", "tls"], {
      default: "tcp",
      description: "`udp` goes on with TCP when something does not fit. Use `tls` over the open network.",
    }),
    tls: tlsSchema,
    tsig: Type.Optional(
      fields(
        {
          name: Type.String({ minLength: 1, description: "The name of the key." }),
          algorithm: Type.Enum(
            ["hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224", "hmac-sha1", "hmac-md5"],
            {
              default: "hmac-sha256",
              description: "The algorithm of the key.",
            },
          ),
          secret: secretRef("The secret of the key, base64."),
        },
        { title: "Tsig", description: "The key that signs what is sent, and what comes back (RFC 8945)." },
      ),
    ),
    transfer: Type.Boolean({
      default: true,
      description:
        "Whether to read the zone by a transfer (AXFR) when many record sets are concerned. A server that does not " +
        "allow it is asked for each.",
    }),
    timeoutSeconds: secondsField("How many seconds to wait for one answer.", { default: 10 }),
  },
  { title: "Rfc2136", description: "A server that takes dynamic updates: BIND, Knot, PowerDNS and others." },
);

export const powerdnsSchema = fields(
  {
    url: Type.String({
      pattern: "^https?://[^ \\n?#@]+$",
      patternError: "must be a URL without a password, such as https://ns1.example.org:8081",
      description:
        "Where the API is, such as `https://ns1.example.org:8081` (`http` only on one host or in a private network).",
    }),
    apiKey: secretRef("The key of the API (`api-key`)."),
    serverId: Type.String({
      pattern: "^[A-Za-z0-9._-]+$",
      patternError: "must be letters, digits, dots, underscores and hyphens",
      default: "localhost",
      description: "The server, as the API calls it.",
    }),
    timeoutSeconds: timeoutField,
  },
  { title: "PowerDns", description: "The HTTP API of the PowerDNS authoritative server." },
);

export type PowerDns = Static<typeof powerdnsSchema>;

/** The input `server` of `record_set` and `records`. */
export const serverSchema = exactlyOne(
  { rfc2136: Type.Optional(rfc2136Schema), powerdns: Type.Optional(powerdnsSchema), ...cloudSchemas },
  { title: "Server", description: "Where the zone is kept." },
);

export type Server = Static<typeof serverSchema>;

/** Returns the capabilities of the kind of server. */
export function capabilitiesOf(server: Server): Capabilities {
  if (server.powerdns !== undefined) return POWERDNS_CAPABILITIES;
  if (server.hetzner !== undefined) return HETZNER_CAPABILITIES;
  if (server.desec !== undefined) return DESEC_CAPABILITIES;
  if (server.gandi !== undefined) return GANDI_CAPABILITIES;
  if (server.cloudflare === undefined) return RFC2136_CAPABILITIES;
  return server.cloudflare.proxied ? CLOUDFLARE_PROXIED_CAPABILITIES : CLOUDFLARE_CAPABILITIES;
}

/** Whether two inputs mean the same server: other credentials or timeouts make no other server of it. */
export function isSameServer(a: Server, b: Server): boolean {
  return placeOf(a) === placeOf(b);
}

function placeOf({ rfc2136, powerdns, ...clouds }: Server): string {
  if (rfc2136 !== undefined) return `${rfc2136.address} ${rfc2136.port}`;
  if (powerdns !== undefined) return `${powerdns.url} ${powerdns.serverId}`;
  return Object.entries(clouds)
    .map(([kind, cloud]) => `${kind} ${cloud?.url}`)
    .join();
}

const GUARANTEES = { "compare-and-set": "compareAndSet", "one-step": "atomicBatch" } as const;

export const requireField = Type.Array(Type.Enum(Object.keys(GUARANTEES) as (keyof typeof GUARANTEES)[]), {
  default: [],
  description:
    "What the kind of server must guarantee; a resource whose server cannot is refused. `compare-and-set`: no change by " +
    "somebody else is ever overwritten (`rfc2136`). `one-step`: all that the resource changes in the zone changes in one " +
    "step or not at all (`rfc2136`, `powerdns`, `desec`, `cloudflare`; `records` that do not fit into one message or " +
    'batch are sent in several steps unless `tooLarge = "refuse"`).',
});

interface CheckedInputs {
  server: Server;
  require: readonly (keyof typeof GUARANTEES)[];
  marker: { enable: boolean; owner: string };
}

/** Checks what the schema cannot express; for the `check` of a resource. */
export function checkServer({ server, require, marker }: CheckedInputs): Violation[] {
  const capabilities = capabilitiesOf(server);
  const violations =
    server.rfc2136 === undefined ? [] : [...checkAddress(server.rfc2136), ...checkTls(server.rfc2136)];
  for (const [index, guarantee] of require.entries()) {
    if (!capabilities[GUARANTEES[guarantee]])
      violations.push({
        path: `require[${index}]`,
        message: `this kind of server does not guarantee ${guarantee}`,
      });
  }
  const { owner } = capabilities;
  if (marker.enable && owner?.pattern.test(marker.owner) === false)
    violations.push({ path: "marker.owner", message: owner.rule });
  return violations;
}

function checkAddress({ address }: NonNullable<Server["rfc2136"]>): Violation[] {
  const message = hostProblem(address);
  return message === undefined ? [] : [{ path: "server.rfc2136.address", message }];
}

function checkTls({ tls, transport }: NonNullable<Server["rfc2136"]>): Violation[] {
  const violations: Violation[] = [];
  if (transport !== "tls" && Object.keys(tls).length > 0) {
    violations.push({ path: "server.rfc2136.tls", message: `is given with transport ${transport}` });
  }
  if (tls.pin !== undefined && tls.caCertificateFile !== undefined) {
    violations.push({
      path: "server.rfc2136.tls.pin",
      message: "must not be set together with caCertificateFile",
    });
  }
  return violations;
}
