import {
  type Context,
  type ConvergeRequest,
  defineResource,
  exactlyOne,
  fields,
  type Static,
  Type,
  type Violation,
  secondsField,
  sudoField,
} from "@nixops4-providers/provider-sdk";
import { checkKeySize, keyInputs, keyOutputs } from "@nixops4-providers/ssh-keys/key-fields";
import { checkConnection, connectionSchema } from "@nixops4-providers/ssh-client";
import docs from "./host-key.md";

const inputs = fields({
  connection: connectionSchema,
  ...keyInputs,
  directory: Type.String({
    pattern: "^/.",
    patternError: "must be an absolute path, such as /etc/ssh",
    default: "/etc/ssh",
    description:
      "The folder on the host for the record of rotations (`ssh_host_key_rotations`, which has no secrets) and the lock " +
      "file. The user who logs in must be able to read the record.",
  }),
  reload: Type.Optional(
    exactlyOne(
      {
        unit: Type.Optional(
          Type.String({
            pattern: "^[A-Za-z0-9@_.:-]+$",
            patternError: "must be the name of a unit of systemd, such as sshd.service",
            description: "A unit of systemd, such as `sshd.service`, for `systemctl reload`.",
          }),
        ),
        command: Type.Optional(Type.String({ minLength: 1, description: "A command for `sh` on the host." })),
      },
      {
        title: "Reload",
        description:
          "How to make sshd reload its host keys. When not set, SIGHUP is sent to the sshd that answers at the address.",
      },
    ),
  ),
  oldKey: Type.Enum(["remove", "keep"], {
    default: "remove",
    description:
      "Whether to remove or keep the private half of the old key. With `keep` it stays on the host until a later run with " +
      "`remove`: as `….old` beside the new key, or, if it has another algorithm, in its file, so that sshd still offers it as " +
      "a second host key.",
  }),
  keepers: Type.Record(Type.String(), Type.Unknown(), {
    default: {},
    description: "Arbitrary values, such as a date. When one changes, the host makes a new key.",
  }),
  sudo: sudoField("the keys are handled"),
  timeoutSeconds: secondsField(
    "How many seconds each of these may take: waiting for SSH, waiting for another run, a step on the host, and, " +
      "after sshd was reloaded, until it presents the new key. When it does not, it is given the old one back.",
    { default: 300 },
  ),
});

const outputs = fields({
  hostPublicKey: Type.String({ description: "The public key of the host, as a line for `hostPublicKeys`." }),
  ...keyOutputs,
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

export const hostKey = defineResource({
  type: "host_key",
  description:
    "A host key that the host generates and that never leaves it, which replaces the key of the installation. The resource waits " +
    "for SSH with the keys in `connection.hostPublicKeys`, lets the old key sign a statement about the new one, and tests a " +
    "login with the new key before it replaces the old one. An interrupted run is continued by the next one: a host that " +
    "presents an unknown key is accepted only with such a statement by a known key. Concurrent runs wait for each other. Until the new key is in the " +
    "state, anybody who has the private half of a key in `hostPublicKeys` can make such a statement. From then on only " +
    "the recorded key counts, and a key that is added to `hostPublicKeys` later.",
  docs,
  stateful: true,
  inputs,
  outputs,
  check,
  create: ensure,
  update: ensure,
});

function check(inputs: Inputs): Violation[] {
  return [...checkConnection(inputs.connection), ...checkKeySize(inputs)];
}

async function ensure(request: ConvergeRequest<Inputs, Outputs>, context: Context): Promise<Outputs> {
  // It brings node:crypto, which the other resource types need not wait for.
  const { ensureHostKey } = await import("../host-key/ensure-host-key.ts");
  return ensureHostKey(request, context);
}
