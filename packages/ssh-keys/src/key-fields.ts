import { Type, type Violation } from "@nixops4-providers/provider-sdk";
import type { Algorithm } from "./public-key.ts";

/** The inputs of each resource type that generates a key. */
export const keyInputs = {
  algorithm: Type.Enum(["ed25519", "ecdsa", "rsa"], {
    default: "ed25519",
    description: "The algorithm of the key. A change makes a new key.",
  }),
  bits: Type.Optional(
    Type.Integer({
      description:
        "The size of the key in bits: 256, 384 or 521 for `ecdsa` (256 when not set), 2048 to 8192 for `rsa` " +
        "(3072 when not set); `ed25519` has one size. A change makes a new key.",
    }),
  ),
};

/** The outputs that describe the public key. */
export const keyOutputs = {
  fingerprint: Type.String({
    description: "The fingerprint of the public key, `SHA256:...`, as `ssh-keygen -l` shows it.",
  }),
  sshfp: Type.Array(Type.String(), {
    description:
      "The data of DNS records of type SSHFP for a host with this key, such as `4 2 <SHA-256 in hex>`.",
  }),
};

/** Returns the violation of a size that the algorithm does not have. OpenSSH also supports larger RSA keys, which are slow. */
export function checkKeySize({ algorithm, bits }: { algorithm: Algorithm; bits?: number }): Violation[] {
  const message = bits === undefined ? undefined : sizeProblem(algorithm, bits);
  return message === undefined ? [] : [{ path: "bits", message }];
}

function sizeProblem(algorithm: Algorithm, bits: number): string | undefined {
  switch (algorithm) {
    case "ed25519":
      return "must not be set: an ed25519 key has one size";
    case "ecdsa":
      return [256, 384, 521].includes(bits) ? undefined : "must be 256, 384 or 521 for an ecdsa key";
    case "rsa":
      return bits >= 2048 && bits <= 8192 ? undefined : "must be 2048 to 8192 for an rsa key";
  }
}
