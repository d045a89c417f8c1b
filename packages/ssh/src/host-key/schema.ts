import {
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

export const inputs = fields({
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

export const outputs = fields({
  hostPublicKey: Type.String({ description: "The public key of the host, as a line for `hostPublicKeys`." }),
  ...keyOutputs,
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

export function check(inputs: Inputs): Violation[] {
  return [...checkConnection(inputs.connection), ...checkKeySize(inputs)];
}
