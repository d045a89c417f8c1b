import { createPrivateKey, type KeyObject } from "node:crypto";
import { ED25519_SEED_BYTES, ed25519KeyPair } from "./key-pair.ts";
import { encodePrivateKey, PrivateKeyError } from "./private-key.ts";

/** Whether a text is a private key in the format PKCS #8 (RFC 5958), as OpenSSL writes it. */
export function isPkcs8(text: string): boolean {
  return /^-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/.test(text.trimStart());
}

/**
 * Rewrites a private key in PKCS #8 in a format that all SSH libraries read, without a passphrase. Throws
 * {@link PrivateKeyError}, which quotes nothing of the key.
 */
export async function convertPkcs8(text: string, passphrase: string | undefined): Promise<string> {
  const key = open(text, passphrase);
  const { asymmetricKeyType: type } = key;
  if (type === "rsa") return key.export({ format: "pem", type: "pkcs1" }) as string;
  if (type === "ec") return key.export({ format: "pem", type: "sec1" }) as string;
  if (type === "ed25519") {
    const der = key.export({ format: "der", type: "pkcs8" });
    return encodePrivateKey(ed25519KeyPair(der.subarray(-ED25519_SEED_BYTES), ""));
  }
  throw new PrivateKeyError("format", `SSH has no keys of the type ${type}`);
}

function open(text: string, passphrase: string | undefined): KeyObject {
  const isEncrypted = text.trimStart().startsWith("-----BEGIN ENCRYPTED");
  if (isEncrypted && passphrase === undefined) {
    throw new PrivateKeyError("passphrase", "it is encrypted and no passphrase is given");
  }
  try {
    return createPrivateKey({ key: text, passphrase: passphrase ?? "" });
  } catch (cause) {
    const [reason, message] = isEncrypted
      ? (["passphrase", "the passphrase is wrong, or the file is damaged"] as const)
      : (["damaged", "it is damaged"] as const);
    throw new PrivateKeyError(reason, message, { cause });
  }
}
