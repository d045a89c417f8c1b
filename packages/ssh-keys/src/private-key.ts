// The file format openssh-key-v1: PROTOCOL.key in the sources of OpenSSH.
import { createCipheriv, createDecipheriv, type DecipherGCM, randomBytes } from "node:crypto";
import { ecdsaKeyPair, ED25519_SEED_BYTES, ed25519KeyPair, type KeyPair, rsaKeyPair } from "./key-pair.ts";
import { curveOf, type PublicKey, publicKeyFromBlob } from "./public-key.ts";
import { messageOf, string, uint32, WireReader } from "./wire.ts";

/** Why a private key file cannot be used. The message quotes nothing of the file. */
export class PrivateKeyError extends Error {
  override readonly name = "PrivateKeyError";
  /** `passphrase`: it is wrong or missing. `format`: not an OpenSSH private key. `damaged`: it was one. */
  readonly reason: "passphrase" | "format" | "damaged";

  constructor(reason: PrivateKeyError["reason"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export interface EncodeOptions {
  /** Encrypts the file; must not be empty. */
  passphrase?: string | undefined;
  /** The rounds of the key derivation. The default is that of OpenSSH since 2023. */
  rounds?: number;
  /** A number of 32 bits that {@link decodePrivateKey} returns. Random by default, as in OpenSSH. */
  check?: number | undefined;
}

/** The parts of a private key file that can be read without the passphrase. */
export interface PrivateKeyInfo {
  /** The public key without its comment, which is in the part that may be encrypted. */
  publicKey: PublicKey;
  encrypted: boolean;
}

export interface DecodedPrivateKey {
  keyPair: KeyPair;
  encrypted: boolean;
  /** See {@link EncodeOptions.check}. */
  check: number;
}

const BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END = "-----END OPENSSH PRIVATE KEY-----";
const LINE_LENGTH = 70;
const MAGIC = "openssh-key-v1\0";

/** An encryption of a file. */
interface Cipher {
  /** The name in OpenSSL. */
  name: string;
  keyBytes: number;
  ivBytes: number;
  blockBytes: number;
  /** The length of the authentication tag, which follows the private part. */
  tagBytes: number;
}

const CIPHER = "aes256-ctr";
/** All ciphers that `ssh-keygen -Z` accepts. */
const CIPHERS = new Map<string, Cipher>([
  ["3des-cbc", { name: "des-ede3-cbc", keyBytes: 24, ivBytes: 8, blockBytes: 8, tagBytes: 0 }],
  ...[128, 192, 256].flatMap((bits) =>
    ["cbc", "ctr"].map((mode) => [`aes${bits}-${mode}`, aes(bits, mode)] as const),
  ),
  ...[128, 256].map((bits) => [`aes${bits}-gcm@openssh.com`, aes(bits, "gcm")] as const),
  // It has two keys; the second is for the lengths of packets. See PROTOCOL.chacha20poly1305 in the sources of OpenSSH.
  [
    "chacha20-poly1305@openssh.com",
    { name: "chacha20", keyBytes: 64, ivBytes: 0, blockBytes: 8, tagBytes: 16 },
  ],
]);
/** The form that OpenSSL uses for packet number 0 and block 1. */
const CHACHA20_IV = Buffer.from([1, ...Array<number>(15).fill(0)]);
const CHACHA20_KEY_BYTES = 32;
const SALT_BYTES = 16;
const DEFAULT_ROUNDS = 24;
/** About a minute of work. A damaged file could demand years. */
const MAX_ROUNDS = 4096;

const PLAIN_BLOCK_BYTES = 8;

/** Writes a private key as ssh-keygen does, encrypted with aes256-ctr when there is a passphrase. */
export async function encodePrivateKey(keyPair: KeyPair, options: EncodeOptions = {}): Promise<string> {
  const { passphrase, rounds = DEFAULT_ROUNDS, check = randomBytes(4).readUInt32BE() } = options;
  const { publicKey, privateFields } = keyPair;
  const fields = Buffer.concat([uint32(check), uint32(check), privateFields, string(publicKey.comment)]);
  const { cipher, kdf, kdfOptions, section } =
    passphrase === undefined ? leavePlain(fields) : await encrypt(fields, passphrase, rounds);
  const header = [string(cipher), string(kdf), string(kdfOptions), uint32(1), string(publicKey.blob)];
  const base64 = Buffer.concat([Buffer.from(MAGIC), ...header, string(section)]).toString("base64");
  const lines = base64.match(new RegExp(`.{1,${LINE_LENGTH}}`, "g")) ?? [];
  return `${[BEGIN, ...lines, END].join("\n")}\n`;
}

/** Reads the public half. Throws {@link PrivateKeyError}. */
export function inspectPrivateKey(text: string): PrivateKeyInfo {
  const { publicKey, encrypted } = readEnvelope(text);
  return { publicKey, encrypted };
}

/**
 * Reads the whole key and checks that its halves belong together. The passphrase is not used when the file is
 * not encrypted. Throws {@link PrivateKeyError}.
 */
export async function decodePrivateKey(text: string, passphrase?: string): Promise<DecodedPrivateKey> {
  const envelope = readEnvelope(text);
  const { encrypted, publicKey, cipher } = envelope;
  const section =
    cipher === undefined ? envelope.section : await decrypt({ ...envelope, cipher }, passphrase);
  return orDamaged(() => {
    const reader = new WireReader(section);
    const check = reader.uint32();
    if (reader.uint32() !== check) {
      if (!encrypted) throw new Error("its check numbers differ");
      throw wrongPassphrase();
    }
    const start = reader.offset;
    const rebuild = readSecretNumbers(reader, publicKey);
    const privateFields = section.subarray(start, reader.offset);
    const keyPair = rebuild(reader.text());
    requirePadding(reader.rest(), cipher?.blockBytes ?? PLAIN_BLOCK_BYTES);
    if (!keyPair.publicKey.blob.equals(publicKey.blob) || !keyPair.privateFields.equals(privateFields)) {
      throw new Error("its private half does not belong to its public half");
    }
    return { keyPair, encrypted, check };
  });
}

interface Envelope extends PrivateKeyInfo {
  /** `undefined` if the file is not encrypted. */
  cipher: Cipher | undefined;
  kdfOptions: Buffer;
  /** The private part: padded, and encrypted if there is a cipher. */
  section: Buffer;
  tag: Buffer;
}

function readEnvelope(text: string): Envelope {
  const bytes = unarmor(text);
  return orDamaged(() => {
    const reader = new WireReader(bytes);
    if (reader.take(MAGIC.length).toString("latin1") !== MAGIC) throw new Error("its first bytes are wrong");
    const cipher = supportedCipher(reader.text(), reader.text());
    const kdfOptions = reader.string();
    if (reader.uint32() !== 1) throw new Error("it does not hold exactly one key");
    const publicKey = publicKeyFromBlob(reader.string());
    const section = reader.string();
    const tag = reader.take(cipher?.tagBytes ?? 0);
    reader.end();
    if (section.length % (cipher?.blockBytes ?? PLAIN_BLOCK_BYTES) !== 0) {
      throw new Error("its private part has a wrong length");
    }
    return { publicKey, encrypted: cipher !== undefined, cipher, kdfOptions, section, tag };
  });
}

/** Reads the encryption; `undefined` if the file is not encrypted. */
function supportedCipher(name: string, kdf: string): Cipher | undefined {
  if (name === "none" && kdf === "none") return undefined;
  const cipher = CIPHERS.get(name);
  if (cipher !== undefined && kdf === "bcrypt") return cipher;
  throw new PrivateKeyError(
    "format",
    `it is encrypted by a cipher that is not supported; \`ssh-keygen -p -Z ${CIPHER} -f <file>\` changes it`,
  );
}

function aes(bits: number, mode: string): Cipher {
  const isGcm = mode === "gcm";
  return {
    name: `aes-${bits}-${mode}`,
    keyBytes: bits / 8,
    ivBytes: isGcm ? 12 : 16,
    blockBytes: 16,
    tagBytes: isGcm ? 16 : 0,
  };
}

function unarmor(text: string): Buffer {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (lines[0] !== BEGIN) {
    const message = /^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text.trimStart())
      ? "it is a private key in another format; `ssh-keygen -p -f <file>` rewrites it in OpenSSH's"
      : "it is not an OpenSSH private key";
    throw new PrivateKeyError("format", message);
  }
  if (lines.at(-1) !== END) throw new PrivateKeyError("damaged", "it is cut off: its last line is missing");
  const base64 = lines.slice(1, -1).join("");
  const bytes = Buffer.from(base64, "base64");
  if (bytes.toString("base64") !== base64) throw new PrivateKeyError("damaged", "it is not valid base64");
  return bytes;
}

/** Reads the private fields. Returns a function that computes the key pair from the secret numbers alone. */
function readSecretNumbers(reader: WireReader, publicKey: PublicKey): (comment: string) => KeyPair {
  if (reader.text() !== publicKey.type) throw new Error("its halves are of different types");
  const curve = curveOf(publicKey.type);
  if (curve !== undefined) {
    reader.string();
    reader.string();
    const scalar = reader.mpint();
    return (comment) => ecdsaKeyPair(curve, scalar, comment);
  }
  if (publicKey.type === "ssh-rsa") {
    const [n, e, d] = [reader.mpint(), reader.mpint(), reader.mpint()];
    const [iqmp, p, q] = [reader.mpint(), reader.mpint(), reader.mpint()];
    return (comment) => rsaKeyPair({ n, e, d, iqmp, p, q }, comment);
  }
  reader.string();
  const seed = reader.string().subarray(0, ED25519_SEED_BYTES);
  return (comment) => ed25519KeyPair(seed, comment);
}

interface ProtectedSection {
  cipher: string;
  kdf: string;
  kdfOptions: Buffer;
  section: Buffer;
}

function leavePlain(fields: Buffer): ProtectedSection {
  return {
    cipher: "none",
    kdf: "none",
    kdfOptions: Buffer.alloc(0),
    section: pad(fields, PLAIN_BLOCK_BYTES),
  };
}

async function encrypt(fields: Buffer, passphrase: string, rounds: number): Promise<ProtectedSection> {
  const salt = randomBytes(SALT_BYTES);
  const { name, keyBytes, ivBytes, blockBytes } = CIPHERS.get(CIPHER)!;
  const derived = await deriveKey(passphrase, salt, rounds, keyBytes + ivBytes);
  const cipher = createCipheriv(name, derived.subarray(0, keyBytes), derived.subarray(keyBytes));
  cipher.setAutoPadding(false);
  return {
    cipher: CIPHER,
    kdf: "bcrypt",
    kdfOptions: Buffer.concat([string(salt), uint32(rounds)]),
    section: Buffer.concat([cipher.update(pad(fields, blockBytes)), cipher.final()]),
  };
}

async function decrypt(envelope: Envelope & { cipher: Cipher }, passphrase: string | undefined) {
  if (passphrase === undefined) {
    throw new PrivateKeyError("passphrase", "it is encrypted and no passphrase is given");
  }
  const { cipher, kdfOptions, section, tag } = envelope;
  const { salt, rounds } = orDamaged(() => {
    const reader = new WireReader(kdfOptions);
    const options = { salt: reader.string(), rounds: reader.uint32() };
    reader.end();
    if (options.salt.length === 0) throw new Error("its key derivation has no salt");
    if (options.rounds < 1 || options.rounds > MAX_ROUNDS) {
      throw new Error(`the rounds of its key derivation are not between 1 and ${MAX_ROUNDS}`);
    }
    return options;
  });
  const derived = await deriveKey(passphrase, salt, rounds, cipher.keyBytes + cipher.ivBytes);
  const key = derived.subarray(0, cipher.keyBytes);
  // The tag is not checked, because the check that the two halves of the key belong together is as strong.
  if (cipher.name === "chacha20") {
    return createDecipheriv(cipher.name, key.subarray(0, CHACHA20_KEY_BYTES), CHACHA20_IV).update(section);
  }
  const decipher = createDecipheriv(cipher.name, key, derived.subarray(cipher.keyBytes));
  decipher.setAutoPadding(false);
  if (cipher.tagBytes > 0) (decipher as DecipherGCM).setAuthTag(tag);
  try {
    return Buffer.concat([decipher.update(section), decipher.final()]);
  } catch (cause) {
    throw wrongPassphrase(cause);
  }
}

function wrongPassphrase(cause?: unknown): PrivateKeyError {
  return new PrivateKeyError("passphrase", "the passphrase is wrong, or the file is damaged", { cause });
}

async function deriveKey(passphrase: string, salt: Buffer, rounds: number, length: number): Promise<Buffer> {
  const bcrypt = (await import("bcrypt-pbkdf")).default;
  const bytes = Buffer.from(passphrase, "utf8");
  const derived = Buffer.alloc(length);
  if (bcrypt.pbkdf(bytes, bytes.length, salt, salt.length, derived, derived.length, rounds) !== 0) {
    throw new PrivateKeyError("passphrase", "the passphrase is empty");
  }
  return derived;
}

/** Pads the last block with the bytes 1, 2, 3 and so on. */
function pad(fields: Buffer, blockBytes: number): Buffer {
  const missing = (blockBytes - (fields.length % blockBytes)) % blockBytes;
  return Buffer.concat([fields, Uint8Array.from({ length: missing }, (_, index) => index + 1)]);
}

function requirePadding(padding: Buffer, blockBytes: number): void {
  if (padding.length >= blockBytes || !padding.every((byte, index) => byte === index + 1)) {
    throw new Error("its padding is wrong");
  }
}

function orDamaged<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof PrivateKeyError) throw cause;
    throw new PrivateKeyError("damaged", `it is damaged: ${messageOf(cause)}`, { cause });
  }
}
