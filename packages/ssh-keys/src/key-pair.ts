import { createECDH, createPrivateKey, createPublicKey } from "node:crypto";
import { type Curve, type PublicKey, publicKeyFromBlob } from "./public-key.ts";
import { mpint, string } from "./wire.ts";

/** A key with its private half. */
export interface KeyPair {
  publicKey: PublicKey;
  /** Secret. The type and fields of the private section of an OpenSSH key file, without the comment. */
  privateFields: Buffer;
}

/** The numbers of RFC 8017 section 3.2, big-endian. */
export interface RsaNumbers {
  n: Buffer;
  e: Buffer;
  d: Buffer;
  /** The inverse of q modulo p. */
  iqmp: Buffer;
  p: Buffer;
  q: Buffer;
}

export const ED25519_SEED_BYTES = 32;

/** The bytes before the seed in PKCS #8 (RFC 8410 section 7). */
const ED25519_PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** Computes the key pair of a seed (RFC 8032 section 5.1.5). Seed and point keep their leading zeros. */
export function ed25519KeyPair(seed: Buffer, comment: string): KeyPair {
  if (seed.length !== ED25519_SEED_BYTES) throw new Error("its ed25519 seed has the wrong length");
  const der = Buffer.concat([ED25519_PKCS8_PREFIX, seed]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const point = spki.subarray(-32);
  return keyPair([string("ssh-ed25519"), string(point)], [string(Buffer.concat([seed, point]))], comment);
}

/** Computes the key pair of a private scalar, which is big-endian. */
export function ecdsaKeyPair({ name, openssl }: Curve, scalar: Buffer, comment: string): KeyPair {
  const ecdh = createECDH(openssl);
  try {
    ecdh.setPrivateKey(scalar);
  } catch {
    throw new Error("its private number is out of range");
  }
  const publicFields = [string(`ecdsa-sha2-${name}`), string(name), string(ecdh.getPublicKey())];
  return keyPair(publicFields, [mpint(scalar)], comment);
}

export function rsaKeyPair(numbers: RsaNumbers, comment: string): KeyPair {
  requireConsistent(numbers);
  const { n, e, d, iqmp, p, q } = numbers;
  const blob = [string("ssh-rsa"), mpint(e), mpint(n)];
  const privateFields = Buffer.concat([string("ssh-rsa"), ...[n, e, d, iqmp, p, q].map(mpint)]);
  return { publicKey: withComment(blob, comment), privateFields };
}

/** All types except RSA repeat the public fields before the private ones. */
function keyPair(publicFields: Buffer[], privateFields: Buffer[], comment: string): KeyPair {
  return {
    publicKey: withComment(publicFields, comment),
    privateFields: Buffer.concat([...publicFields, ...privateFields]),
  };
}

function withComment(publicFields: Buffer[], comment: string): PublicKey {
  return { ...publicKeyFromBlob(Buffer.concat(publicFields)), comment };
}

/** Checks that the numbers belong together, which OpenSSL does not. */
function requireConsistent(numbers: RsaNumbers): void {
  const [p, q] = [toBigInt(numbers.p), toBigInt(numbers.q)];
  const product = toBigInt(numbers.e) * toBigInt(numbers.d);
  const holds =
    p > 1n &&
    q > 1n &&
    p * q === toBigInt(numbers.n) &&
    product % (p - 1n) === 1n &&
    product % (q - 1n) === 1n &&
    (toBigInt(numbers.iqmp) * q) % p === 1n;
  if (!holds) throw new Error("its RSA numbers do not belong together");
}

function toBigInt(digits: Buffer): bigint {
  return BigInt(`0x0${digits.toString("hex")}`);
}
