// The file format openssh-key-v1: PROTOCOL.key in the sources of OpenSSH.
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
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
  /** Of the key derivation; the default is what OpenSSH uses since 2023. */
  rounds?: number;
  /** A number of 32 bits that {@link decodePrivateKey} returns again; random by default, as OpenSSH does it. */
  check?: number | undefined;
}

/** What can be read without the passphrase. */
export interface PrivateKeyInfo {
  /** Without the comment, which is in the part that may be encrypted. */
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

const CIPHER = "aes256-ctr";
/** OpenSSL's names. */
const CIPHERS = new Map([
  [CIPHER, "aes-256-ctr"],
  ["aes256-cbc", "aes-256-cbc"],
]);
const KEY_BYTES = 32;
const IV_BYTES = 16;
const SALT_BYTES = 16;
const DEFAULT_ROUNDS = 24;
/** About a minute of work; a damaged file may ask for years. */
const MAX_ROUNDS = 4096;

const PLAIN_BLOCK_BYTES = 8;
const CIPHER_BLOCK_BYTES = 16;

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
  const { encrypted, publicKey } = envelope;
  const section = encrypted ? await decrypt(envelope, passphrase) : envelope.section;
  return orDamaged(() => {
    const reader = new WireReader(section);
    const check = reader.uint32();
    if (reader.uint32() !== check) {
      if (!encrypted) throw new Error("its check numbers differ");
      throw new PrivateKeyError("passphrase", "the passphrase is wrong, or the file is damaged");
    }
    const start = reader.offset;
    const rebuild = readSecretNumbers(reader, publicKey);
    const privateFields = section.subarray(start, reader.offset);
    const keyPair = rebuild(reader.text());
    requirePadding(reader.rest(), encrypted ? CIPHER_BLOCK_BYTES : PLAIN_BLOCK_BYTES);
    if (!keyPair.publicKey.blob.equals(publicKey.blob) || !keyPair.privateFields.equals(privateFields)) {
      throw new Error("its private half does not belong to its public half");
    }
    return { keyPair, encrypted, check };
  });
}

interface Envelope extends PrivateKeyInfo {
  cipher: string;
  kdf: string;
  kdfOptions: Buffer;
  /** Padded, and encrypted unless the cipher is "none". */
  section: Buffer;
}

function readEnvelope(text: string): Envelope {
  const bytes = unarmor(text);
  return orDamaged(() => {
    const reader = new WireReader(bytes);
    if (reader.take(MAGIC.length).toString("latin1") !== MAGIC) throw new Error("its first bytes are wrong");
    const cipher = reader.text();
    const kdf = reader.text();
    const encrypted = requireSupported(cipher, kdf);
    const kdfOptions = reader.string();
    if (reader.uint32() !== 1) throw new Error("it does not hold exactly one key");
    const publicKey = publicKeyFromBlob(reader.string());
    const section = reader.string();
    reader.end();
    if (section.length % (encrypted ? CIPHER_BLOCK_BYTES : PLAIN_BLOCK_BYTES) !== 0) {
      throw new Error("its private part has a wrong length");
    }
    return { publicKey, encrypted, cipher, kdf, kdfOptions, section };
  });
}

/** Returns whether the file is encrypted. */
function requireSupported(cipher: string, kdf: string): boolean {
  if (cipher === "none" && kdf === "none") return false;
  if (CIPHERS.has(cipher) && kdf === "bcrypt") return true;
  throw new PrivateKeyError(
    "format",
    `it is encrypted otherwise than by ${[...CIPHERS.keys()].join(" or ")}; \`ssh-keygen -p -Z ${CIPHER} -f <file>\` changes it`,
  );
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

/** Reads the private fields; what it returns makes the key pair anew from the secret numbers alone. */
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

type ProtectedSection = Omit<Envelope, keyof PrivateKeyInfo>;

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
  const { key, iv } = await deriveKey(passphrase, salt, rounds);
  const cipher = createCipheriv(CIPHERS.get(CIPHER)!, key, iv).setAutoPadding(false);
  return {
    cipher: CIPHER,
    kdf: "bcrypt",
    kdfOptions: Buffer.concat([string(salt), uint32(rounds)]),
    section: Buffer.concat([cipher.update(pad(fields, CIPHER_BLOCK_BYTES)), cipher.final()]),
  };
}

async function decrypt({ cipher, kdfOptions, section }: Envelope, passphrase: string | undefined) {
  if (passphrase === undefined) {
    throw new PrivateKeyError("passphrase", "it is encrypted and no passphrase is given");
  }
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
  const { key, iv } = await deriveKey(passphrase, salt, rounds);
  const decipher = createDecipheriv(CIPHERS.get(cipher)!, key, iv).setAutoPadding(false);
  return Buffer.concat([decipher.update(section), decipher.final()]);
}

async function deriveKey(
  passphrase: string,
  salt: Buffer,
  rounds: number,
): Promise<{ key: Buffer; iv: Buffer }> {
  const bcrypt = (await import("bcrypt-pbkdf")).default;
  const bytes = Buffer.from(passphrase, "utf8");
  const derived = Buffer.alloc(KEY_BYTES + IV_BYTES);
  if (bcrypt.pbkdf(bytes, bytes.length, salt, salt.length, derived, derived.length, rounds) !== 0) {
    throw new PrivateKeyError("passphrase", "the passphrase is empty");
  }
  return { key: derived.subarray(0, KEY_BYTES), iv: derived.subarray(KEY_BYTES) };
}

/** Fills up the last block by 1, 2, 3 and so on. */
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
