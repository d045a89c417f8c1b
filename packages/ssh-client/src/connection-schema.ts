import {
  fields,
  hostProblem,
  secretRef,
  Type,
  type Static,
  type Violation,
  secondsField,
} from "@nixops4-providers/provider-sdk";
import { hostKeyProblem } from "./known-hosts.ts";

const hopFields = {
  host: Type.String({ minLength: 1, description: "The name or the IP address of the host." }),
  port: Type.Integer({
    minimum: 1,
    maximum: 65535,
    default: 22,
    description: "The TCP port that sshd listens on.",
  }),
  user: Type.String({ minLength: 1, default: "root", description: "The user to log in as." }),
  hostPublicKeys: Type.Array(Type.String(), {
    minItems: 1,
    description:
      "The public keys that the host may present, as lines of the form `ssh-ed25519 AAAA…`, or lines of known_hosts for " +
      "this host, also hashed ones. No login is tried at a host that presents another key.",
  }),
  privateKey: Type.Optional(
    secretRef(
      "The private key to log in with, in OpenSSH's format, PEM or PKCS #8. A `file` of this user that others may read is " +
        "refused. When not set, the SSH agent is asked.",
    ),
  ),
  passphrase: Type.Optional(secretRef("The passphrase of `privateKey`, where it has one.")),
  agent: Type.Boolean({
    default: true,
    description:
      "Whether the keys of the SSH agent (`SSH_AUTH_SOCK`) are used when no `privateKey` is given.",
  }),
};

const hopSchema = fields(hopFields, { title: "Hop" });

/** The input `connection` of each type that works over SSH. */
export const connectionSchema = fields(
  {
    ...hopFields,
    jump: Type.Array(hopSchema, {
      default: [],
      description:
        "Hosts to connect through, first to last, as `ProxyJump` does in OpenSSH's ssh_config. The private keys " +
        "stay on the deploying machine: the agent is never forwarded.",
    }),
    connectTimeoutSeconds: secondsField(
      "How many seconds each step of connecting may take, for the host and each jump host: the TCP connection (of " +
        "several addresses, each gets a quarter of it), the key exchange with the SSH banner, the login, opening a " +
        "session, and the start of the login shell. The last may take as long as the command's own timeout, up to " +
        "60 s, if that is more.",
      { default: 10 },
    ),
  },
  { title: "Connection", description: "How to reach a host over SSH." },
);

export type ConnectionSettings = Static<typeof connectionSchema>;
export type Hop = Static<typeof hopSchema>;

/** Returns the violations that the schema cannot express, for the `check` of a resource. `path` is the path of the connection in its inputs. */
export function checkConnection(connection: ConnectionSettings, path = "connection"): Violation[] {
  return [
    ...checkHop(connection, path),
    ...connection.jump.flatMap((hop, index) => checkHop(hop, `${path}.jump[${index}]`)),
  ];
}

function checkHop(hop: Hop, path: string): Violation[] {
  const { host, hostPublicKeys, privateKey, passphrase, agent } = hop;
  const violations: Violation[] = [];
  const report = (field: string, message: string | undefined) => {
    if (message !== undefined) violations.push({ path: `${path}.${field}`, message });
  };
  report("host", hostProblem(host));
  hostPublicKeys.forEach((line, index) => report(`hostPublicKeys[${index}]`, hostKeyProblem(line, hop)));
  if (privateKey === undefined && !agent) {
    report("privateKey", "is required when agent is false");
  }
  if (privateKey === undefined && passphrase !== undefined) {
    report("passphrase", "is given without a privateKey");
  }
  return violations;
}
