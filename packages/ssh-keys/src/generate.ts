import { createECDH, generateKeyPair as generate, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { ecdsaKeyPair, ED25519_SEED_BYTES, ed25519KeyPair, type KeyPair, rsaKeyPair } from "./key-pair.ts";
import { type Algorithm, CURVES } from "./public-key.ts";

export interface KeyPairOptions {
  algorithm: Algorithm;
  /** 256, 384 or 521 for ecdsa, the length of the modulus for rsa; ed25519 has one size and ignores it. */
  bits: number;
  comment: string;
}

/** Makes a new key pair. RSA takes seconds, and a minute or more for 8192 bits, without blocking the event loop. */
export async function generateKeyPair({ algorithm, bits, comment }: KeyPairOptions): Promise<KeyPair> {
  if (algorithm === "rsa") return generateRsa(bits, comment);
  if (algorithm === "ed25519") return ed25519KeyPair(randomBytes(ED25519_SEED_BYTES), comment);
  const curve = CURVES.find((candidate) => candidate.bits === bits);
  if (curve === undefined) throw new Error(`there is no ecdsa curve of ${bits} bits`);
  const ecdh = createECDH(curve.openssl);
  ecdh.generateKeys();
  return ecdsaKeyPair(curve, ecdh.getPrivateKey(), comment);
}

async function generateRsa(bits: number, comment: string): Promise<KeyPair> {
  const { privateKey } = await promisify(generate)("rsa", {
    modulusLength: bits,
    publicKeyEncoding: { format: "der", type: "pkcs1" },
    privateKeyEncoding: { format: "der", type: "pkcs1" },
  });
  // RSAPrivateKey of RFC 8017 appendix A.1.2 begins with a version. OpenSSH does not use numbers 6 and 7.
  const [, n, e, d, p, q, , , iqmp] = readIntegers(privateKey);
  return rsaKeyPair({ n: n!, e: e!, d: d!, iqmp: iqmp!, p: p!, q: q! }, comment);
}

/** Returns the INTEGERs of a DER SEQUENCE. */
function readIntegers(der: Buffer): Buffer[] {
  const integers: Buffer[] = [];
  for (let rest = readElement(der).contents; rest.length > 0;) {
    const element = readElement(rest);
    integers.push(element.contents);
    rest = element.rest;
  }
  return integers;
}

/** Reads one element of DER: a tag of one byte, a length of one or more bytes, and the contents. */
function readElement(der: Buffer): { contents: Buffer; rest: Buffer } {
  const short = der[1]!;
  const lengthBytes = Math.max(0, short - 0x80);
  const start = 2 + lengthBytes;
  const end = start + (lengthBytes === 0 ? short : der.readUIntBE(2, lengthBytes));
  return { contents: der.subarray(start, end), rest: der.subarray(end) };
}
