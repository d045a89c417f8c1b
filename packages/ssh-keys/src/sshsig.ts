import type { KeyObject } from "node:crypto";
import { curveOf, fingerprint, type PublicKey, publicKeyFromBlob } from "./public-key.ts";
import { messageOf, string, WireReader } from "./wire.ts";

/** The expected use of a signature. */
export interface SignatureUse {
  message: string | Uint8Array;
  /** The purpose of the signature, such as `file` or `git`. */
  namespace: string;
  /** The keys that may have signed. */
  signers: readonly PublicKey[];
}

/** Constants of PROTOCOL.sshsig of OpenSSH. */
const ARMOR = /^-----BEGIN SSH SIGNATURE-----\r?\n([A-Za-z0-9+/=\r\n]+?)\r?\n-----END SSH SIGNATURE-----\s*$/;
const MAGIC = "SSHSIG";
const VERSION = 1;
const MESSAGE_HASHES = ["sha256", "sha512"];

/** The algorithms by the name of the signature's format. RSA is accepted only with SHA-2. */
const SIGNATURE_HASHES: Record<string, string | null> = {
  "ssh-ed25519": null,
  "ecdsa-sha2-nistp256": "sha256",
  "ecdsa-sha2-nistp384": "sha384",
  "ecdsa-sha2-nistp521": "sha512",
  "rsa-sha2-256": "sha256",
  "rsa-sha2-512": "sha512",
};

/**
 * Verifies an armored signature of `ssh-keygen -Y sign` and returns the key that signed. Throws an `Error` with the reason
 * if the signature is not valid for this use.
 */
export function verifySignature(armored: string, { message, namespace, signers }: SignatureUse): PublicKey {
  const signature = readSignature(armored);
  if (signature.namespace !== namespace) {
    throw new Error(`the signature is for ${JSON.stringify(signature.namespace.slice(0, 100))}`);
  }
  const signer = signers.find(({ blob }) => blob.equals(signature.signer.blob));
  if (signer === undefined) {
    throw new Error(`the signature is by another key, ${fingerprint(signature.signer.blob)}`);
  }
  const { createHash, verify } = crypto();
  const signed = Buffer.concat([
    Buffer.from(MAGIC),
    string(namespace),
    string(signature.reserved),
    string(signature.messageHash),
    string(createHash(signature.messageHash).update(message).digest()),
  ]);
  const key = { key: toKeyObject(signer), dsaEncoding: "ieee-p1363" as const };
  if (!verify(signature.hash, signed, key, signature.bytes)) {
    throw new Error("the signature does not match the message");
  }
  return signer;
}

interface Signature {
  signer: PublicKey;
  namespace: string;
  reserved: Buffer;
  messageHash: string;
  /** `null` if the algorithm includes its own hash. */
  hash: string | null;
  /** The signature in the form of node:crypto. */
  bytes: Buffer;
}

function readSignature(armored: string): Signature {
  const base64 = ARMOR.exec(armored)?.[1]?.replaceAll(/[\r\n]/g, "");
  const blob = Buffer.from(base64 ?? "", "base64");
  if (base64 === undefined || blob.toString("base64") !== base64) {
    throw new Error("not a signature of ssh-keygen: its armor is missing or damaged");
  }
  try {
    return readBlob(new WireReader(blob));
  } catch (cause) {
    throw new Error(`not a usable signature: ${messageOf(cause)}`, { cause });
  }
}

function readBlob(reader: WireReader): Signature {
  if (reader.take(MAGIC.length).toString("latin1") !== MAGIC) throw new Error("its first bytes are wrong");
  const version = reader.uint32();
  if (version !== VERSION) throw new Error(`its version is ${version}, not ${VERSION}`);
  const signer = publicKeyFromBlob(reader.string());
  const namespace = reader.text();
  const reserved = reader.string();
  const messageHash = reader.text();
  if (!MESSAGE_HASHES.includes(messageHash)) {
    throw new Error(`it hashes the message by none of ${MESSAGE_HASHES.join(", ")}`);
  }
  const inner = new WireReader(reader.string());
  reader.end();
  const format = inner.text();
  const hash = SIGNATURE_HASHES[format];
  const keyType = format.startsWith("rsa-") ? "ssh-rsa" : format;
  if (hash === undefined || keyType !== signer.type) {
    throw new Error(`it is not of a format that is accepted for a key of type ${signer.type}`);
  }
  const bytes = readBytes(inner.string(), signer);
  inner.end();
  return { signer, namespace, reserved, messageHash, hash, bytes };
}

/** RFC 8709, RFC 5656 section 3.1.2, RFC 8332 section 3 */
function readBytes(bytes: Buffer, { type, blob }: PublicKey): Buffer {
  const curve = curveOf(type);
  if (curve !== undefined) {
    const numbers = new WireReader(bytes);
    const [r, s] = [numbers.mpint(), numbers.mpint()];
    numbers.end();
    const length = Math.ceil(curve.bits / 8);
    return Buffer.concat([padded(r, length), padded(s, length)]);
  }
  if (type === "ssh-rsa") return padded(bytes, rsaNumbers(blob).n.length);
  return bytes;
}

function padded(digits: Buffer, length: number): Buffer {
  if (digits.length > length) throw new Error("one of its numbers is too large");
  return Buffer.concat([Buffer.alloc(length - digits.length), digits]);
}

function toKeyObject({ type, blob }: PublicKey): KeyObject {
  const jwk = (key: Record<string, string>) => crypto().createPublicKey({ key, format: "jwk" });
  const curve = curveOf(type);
  if (curve !== undefined) {
    const [x, y] = coordinates(blob, Math.ceil(curve.bits / 8));
    return jwk({ kty: "EC", crv: `P-${curve.bits}`, x: toBase64Url(x), y: toBase64Url(y) });
  }
  if (type === "ssh-rsa") {
    const { e, n } = rsaNumbers(blob);
    return jwk({ kty: "RSA", e: toBase64Url(e), n: toBase64Url(n) });
  }
  return jwk({ kty: "OKP", crv: "Ed25519", x: toBase64Url(blob.subarray(-32)) });
}

function coordinates(blob: Buffer, length: number): [Buffer, Buffer] {
  return [blob.subarray(-2 * length, -length), blob.subarray(-length)];
}

function rsaNumbers(blob: Buffer): { e: Buffer; n: Buffer } {
  const reader = new WireReader(blob);
  reader.string();
  return { e: reader.mpint(), n: reader.mpint() };
}

function toBase64Url(bytes: Buffer): string {
  return bytes.toString("base64url");
}

/** Loads node:crypto on first use, as in public-key.ts. */
function crypto() {
  return process.getBuiltinModule("node:crypto");
}
