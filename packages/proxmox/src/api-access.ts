import {
  fields,
  secretRef,
  type Static,
  Type,
  type Violation,
  secondsField,
} from "@nixops4-providers/provider-sdk";

/** The input `connection` of every type. */
export const apiAccessField = fields(
  {
    endpoint: Type.String({
      pattern: "^https://[^ \\n/?#]+/?$",
      patternError: "must be a URL without a path, such as https://pve1.example.org:8006",
      description: "The API of any node of the cluster, such as `https://pve1.example.org:8006`.",
    }),
    tokenId: Type.String({
      pattern: "^[^ \\n:/!=]+@[A-Za-z][A-Za-z0-9._-]*![A-Za-z][A-Za-z0-9._-]*$",
      patternError: "must be USER@REALM!NAME, such as deploy@pve!nixops4",
      description: "The API token, such as `deploy@pve!nixops4`.",
    }),
    tokenSecret: secretRef("The secret of the token: the UUID that is shown when it is made."),
    tlsFingerprint: Type.Optional(
      Type.String({
        pattern: "^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$",
        patternError: "must be 32 bytes in hexadecimal with colons, such as AB:CD:…",
        description:
          "The SHA-256 fingerprint of the node's certificate, as `pvenode cert info` shows it. It is checked before the token is " +
          "sent. It takes the place of a CA.",
      }),
    ),
    caCertificate: Type.Optional(
      Type.String({
        pattern: "-----BEGIN CERTIFICATE-----",
        patternError: "must be a certificate in PEM format",
        description:
          "The certificate of the CA in PEM format (`/etc/pve/pve-root-ca.pem`). When neither this nor `tlsFingerprint` is set, the " +
          "CAs that Node trusts.",
      }),
    ),
    insecure: Type.Boolean({
      default: false,
      description: "Whether to take any certificate: whoever is between gets the token.",
    }),
    timeoutSeconds: secondsField("How many seconds to wait for one answer. Tasks have their own deadline.", {
      default: 60,
    }),
    retrySeconds: secondsField(
      "For how many seconds to try again what may succeed later: locks, and nodes that cannot be reached.",
      { default: 120, orZero: true },
    ),
  },
  { title: "ApiAccess", description: "How to reach the API of Proxmox VE." },
);

export type ApiAccess = Static<typeof apiAccessField>;

/** What the schema cannot say; for the `check` of a resource. */
export function checkApiAccess({ tlsFingerprint, caCertificate, insecure }: ApiAccess): Violation[] {
  const ways = [tlsFingerprint, caCertificate, insecure ? true : undefined].filter(
    (way) => way !== undefined,
  );
  if (ways.length < 2) return [];
  return [
    { path: "connection", message: "must have at most one of tlsFingerprint, caCertificate, insecure" },
  ];
}
