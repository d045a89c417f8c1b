import {
  fields,
  secretRef,
  type Static,
  Type,
  type Violation,
  secondsField,
} from "@nixops4-providers/provider-sdk";

/** The input `connection` of every resource type. */
export const apiAccessField = fields(
  {
    endpoint: Type.String({
      pattern: "^https://[^ \\n/?#]+/?$",
      patternError: "must be a URL without a path, such as https://pve1.example.org:8006",
      description: "The URL of the API on any node of the cluster, such as `https://pve1.example.org:8006`.",
    }),
    tokenId: Type.String({
      pattern: "^[^ \\n:/!=]+@[A-Za-z][A-Za-z0-9._-]*![A-Za-z][A-Za-z0-9._-]*$",
      patternError: "must be USER@REALM!NAME, such as deploy@pve!nixops4",
      description: "The ID of the API token, such as `deploy@pve!nixops4`.",
    }),
    tokenSecret: secretRef(
      "The secret of the token: the UUID that Proxmox VE shows once, when the token is created.",
    ),
    tlsFingerprint: Type.Optional(
      Type.String({
        pattern: "^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$",
        patternError: "must be 32 bytes in hexadecimal with colons, such as AB:CD:…",
        description:
          "The SHA-256 fingerprint of the node's certificate, as shown by `pvenode cert info`. It is checked before the token is " +
          "sent, in place of a CA.",
      }),
    ),
    caCertificate: Type.Optional(
      Type.String({
        pattern: "-----BEGIN CERTIFICATE-----",
        patternError: "must be a certificate in PEM format",
        description:
          "The certificate of the CA in PEM format (`/etc/pve/pve-root-ca.pem`). Without it and `tlsFingerprint`, the CAs that " +
          "Node.js trusts are used.",
      }),
    ),
    insecure: Type.Boolean({
      default: false,
      description:
        "Whether to accept any certificate. Anybody who intercepts the connection then gets the token.",
    }),
    timeoutSeconds: secondsField(
      "How many seconds to wait for the answer to one request. Tasks have a timeout of their own.",
      {
        default: 60,
      },
    ),
    retrySeconds: secondsField(
      "How many seconds to retry a request that may succeed later, such as when a VM is locked or a node cannot be reached.",
      { default: 120, orZero: true },
    ),
  },
  { title: "ApiAccess", description: "How to reach the API of Proxmox VE." },
);

export type ApiAccess = Static<typeof apiAccessField>;

/** Reports what the schema cannot express. */
export function checkApiAccess({ tlsFingerprint, caCertificate, insecure }: ApiAccess): Violation[] {
  const ways = [tlsFingerprint, caCertificate, insecure ? true : undefined].filter(
    (way) => way !== undefined,
  );
  if (ways.length < 2) return [];
  return [
    { path: "connection", message: "must have at most one of tlsFingerprint, caCertificate, insecure" },
  ];
}
