import {
  fields,
  nullable,
  secretRef,
  sensitive,
  type Static,
  Type,
  type Violation,
} from "@nixops4-providers/provider-sdk";
import { checkKeySize, keyInputs, keyOutputs } from "@nixops4-providers/ssh-keys/key-fields";

export const inputs = fields({
  ...keyInputs,
  comment: Type.String({
    default: "",
    description: "The comment of the public key, such as `alice@laptop`. A change keeps the key.",
  }),
  privateKeyFile: Type.Optional(
    Type.String({
      minLength: 1,
      localPath: true,
      description:
        "The file for the private key, in OpenSSH's format and with mode 0600; missing folders get mode 0700. A relative " +
        "path starts from the folder in which nixops4 runs. An existing key of the same type and size becomes this " +
        "resource's key; any other file is refused. When the path changes, the file moves.",
    }),
  ),
  ageRecipients: Type.Array(Type.String(), {
    default: [],
    description:
      "The recipients of age, such as `age1...`, for which the private key is encrypted in `privateKeyEncrypted`. SSH keys " +
      "are not accepted.",
  }),
  privateKeyInState: Type.Boolean({
    default: false,
    description:
      "Whether the private key is returned as `privateKey`. Required without `privateKeyFile` and `ageRecipients`, and " +
      "refused with them. **Anybody who can read the state or the log then has the key**: nixops4 prints all " +
      "outputs at the end of each apply.",
  }),
  passphrase: Type.Optional(
    secretRef("Encrypts the private key, in the file and in all outputs. It can change while the key stays."),
  ),
  keepers: Type.Record(Type.String(), Type.Unknown(), {
    default: {},
    description: "Any values, such as a date or a host name. A change makes a new key.",
  }),
});

export const outputs = fields({
  publicKey: Type.String({ description: "The public key in one line, with the comment." }),
  ...keyOutputs,
  privateKey: nullable(sensitive(Type.String()), {
    description:
      "The private key in OpenSSH's format, encrypted if there is a `passphrase`; `null` unless `privateKeyInState` is " +
      "set. It is stored in the state, and nixops4 prints it at the end of each apply.",
  }),
  privateKeyFile: nullable(Type.String(), {
    description: "The file that holds the private key; `null` if there is none.",
  }),
  privateKeyEncrypted: nullable(Type.String(), {
    description:
      "The private key in ASCII armor of age; `null` without `ageRecipients`. After `age --decrypt`, it is still encrypted " +
      "with the `passphrase` if there is one.",
  }),
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

export function check(inputs: Inputs): Violation[] {
  const { comment, ageRecipients } = inputs;
  const violations = [...refusePlace(inputs), ...checkKeySize(inputs)];
  if (/\p{Cc}/u.test(comment)) violations.push({ path: "comment", message: "must be one line of text" });
  if (comment !== comment.trim()) {
    violations.push({ path: "comment", message: "must not begin or end with a space" });
  }
  for (const [index, recipient] of ageRecipients.entries()) {
    const message = refuseRecipient(recipient);
    if (message !== undefined) violations.push({ path: `ageRecipients[${index}]`, message });
  }
  return violations;
}

function refusePlace({ privateKeyFile, ageRecipients, privateKeyInState }: Inputs): Violation[] {
  const isElsewhere = privateKeyFile !== undefined || ageRecipients.length > 0;
  if (isElsewhere !== privateKeyInState) return [];
  const message = isElsewhere
    ? "privateKeyInState must not be set together with privateKeyFile or ageRecipients"
    : "one of privateKeyFile and ageRecipients is required; or privateKeyInState = true, which puts the private key " +
      "into the state and into the output that nixops4 prints";
  return [{ path: "", message }];
}

function refuseRecipient(recipient: string): string | undefined {
  if (recipient.startsWith("age1")) return undefined;
  if (recipient.startsWith("ssh-")) {
    return "is an SSH key: give a recipient of age (`age1...`), as `age-keygen` or `ssh-to-age` makes it";
  }
  if (recipient.toUpperCase().startsWith("AGE-SECRET-KEY-")) {
    return "is a secret key of age: give the public one (`age1...`), which `age-keygen -y` prints";
  }
  return "is not a recipient of age (`age1...`)";
}
