import { messageOf, WireReader } from "./wire.ts";

/** A public key as OpenSSH writes it: `<type> <blob in base64> <comment>`. */
export interface PublicKey {
  /** A key type such as `ssh-ed25519`. */
  type: string;
  /** RFC 4253 section 6.6; the type is its first field. */
  blob: Buffer;
  comment: string;
}

export type Algorithm = "ed25519" | "ecdsa" | "rsa";

/** The curves of RFC 5656, with the sizes for `ssh-keygen -b`. */
export const CURVES = [
  { bits: 256, name: "nistp256", openssl: "prime256v1", pointBytes: 65 },
  { bits: 384, name: "nistp384", openssl: "secp384r1", pointBytes: 97 },
  { bits: 521, name: "nistp521", openssl: "secp521r1", pointBytes: 133 },
] as const;

export type Curve = (typeof CURVES)[number];

/** The first byte of the only point format that OpenSSH accepts. */
const UNCOMPRESSED = 4;

const ED25519_POINT_BYTES = 32;
/** OpenSSH refuses smaller moduli. */
const RSA_MIN_BITS = 1024;

/** The algorithm numbers of RFC 4255, 6594 and 7479. */
const SSHFP_ALGORITHMS: Record<Algorithm, number> = { rsa: 1, ecdsa: 3, ed25519: 4 };
const SSHFP_SHA256 = 2;

/**
 * Reads a line of a `.pub` file or of `authorized_keys` without options: ssh-ed25519, ecdsa-sha2-nistp256,
 * -nistp384, -nistp521 and ssh-rsa. Throws an `Error` that says what is wrong and quotes nothing of the key.
 */
export function parsePublicKey(line: string): PublicKey {
  const match = /^(\S+)[ \t]+(\S+)(?:[ \t]+([^ \t\r\n][^\r\n]*))?$/.exec(line.trim());
  if (match === null) {
    throw new Error("not a public key: expected one line of the form `ssh-ed25519 AAAA... comment`");
  }
  const [, type = "", base64 = "", comment = ""] = match;
  requireKnown(type);
  const blob = Buffer.from(base64, "base64");
  if (blob.toString("base64") !== base64) {
    throw new Error(`not a ${type} public key: its second word is not valid base64`);
  }
  const key = publicKeyFromBlob(blob);
  if (key.type !== type) throw new Error(`the public key says ${type}, but its data is of type ${key.type}`);
  return { ...key, comment };
}

/** Writes the line that {@link parsePublicKey} reads, without a newline. */
export function formatPublicKey({ type, blob, comment }: PublicKey): string {
  return `${type} ${blob.toString("base64")}${comment === "" ? "" : ` ${comment}`}`;
}

/** Checks a blob of a server's host key, and returns it as a key without comment. */
export function publicKeyFromBlob(blob: Uint8Array): PublicKey {
  return { type: readBlob(blob).type, blob: Buffer.from(blob), comment: "" };
}

/** Returns the algorithm and size of a key; `bits` is 256 for ed25519. */
export function keySpec(blob: Uint8Array): { algorithm: Algorithm; bits: number } {
  const { algorithm, bits } = readBlob(blob);
  return { algorithm, bits };
}

/** Returns the fingerprint that `ssh-keygen -lf` prints: `SHA256:` and base64 without padding. */
export function fingerprint(blob: Uint8Array): string {
  return `SHA256:${crypto().createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/**
 * Returns the data of the SSHFP records for a host key, such as `4 2 <hex>`. Only SHA-256 is used: SHA-1 can be forged, and
 * OpenSSH prefers SHA-256 if both exist.
 */
export function sshfp(blob: Uint8Array): string[] {
  const digest = crypto().createHash("sha256").update(blob).digest("hex");
  return [`${SSHFP_ALGORITHMS[keySpec(blob).algorithm]} ${SSHFP_SHA256} ${digest}`];
}

/** Returns the curve of an ecdsa type. */
export function curveOf(type: string): Curve | undefined {
  return CURVES.find(({ name }) => type === `ecdsa-sha2-${name}`);
}

const KNOWN_TYPES: readonly string[] = [
  "ssh-ed25519",
  ...CURVES.map(({ name }) => `ecdsa-sha2-${name}`),
  "ssh-rsa",
];

function requireKnown(type: string): void {
  if (KNOWN_TYPES.includes(type)) return;
  // Any other word might be a secret in the wrong place, so it is not quoted.
  const name = /^(sk-)?(ssh|ecdsa)-[a-z0-9-]+(@openssh\.com)?$/.test(type) ? `type ${type}` : "its type";
  throw new Error(`not a usable public key: ${name} is none of ${KNOWN_TYPES.join(", ")}`);
}

function readBlob(blob: Uint8Array): { type: string; algorithm: Algorithm; bits: number } {
  const reader = new WireReader(blob);
  const type = orDamaged("public", () => reader.text());
  requireKnown(type);
  const spec = orDamaged(type, () => {
    const fields = readFields(reader, type);
    reader.end();
    return fields;
  });
  return { type, ...spec };
}

function orDamaged<T>(type: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new Error(`damaged ${type} key: ${messageOf(cause)}`, { cause });
  }
}

function readFields(reader: WireReader, type: string): { algorithm: Algorithm; bits: number } {
  if (type === "ssh-ed25519") {
    if (reader.string().length !== ED25519_POINT_BYTES) throw new Error("its point has the wrong length");
    return { algorithm: "ed25519", bits: 256 };
  }
  if (type === "ssh-rsa") {
    const exponent = reader.mpint();
    const bits = bitLength(reader.mpint());
    if (exponent.length === 0) throw new Error("its exponent is zero");
    if (bits < RSA_MIN_BITS) throw new Error(`its modulus has ${bits} bits, less than ${RSA_MIN_BITS}`);
    return { algorithm: "rsa", bits };
  }
  const curve = curveOf(type)!;
  if (reader.text() !== curve.name) throw new Error("its curve is not the one of its type");
  requirePointOnCurve(reader.string(), curve);
  return { algorithm: "ecdsa", bits: curve.bits };
}

function requirePointOnCurve(point: Buffer, curve: Curve): void {
  if (point.length !== curve.pointBytes || point[0] !== UNCOMPRESSED) {
    throw new Error("its point has the wrong length or form");
  }
  try {
    crypto().ECDH.convertKey(point, curve.openssl);
  } catch {
    throw new Error(`its point is not on the curve ${curve.name}`);
  }
}

function bitLength(digits: Buffer): number {
  return digits.length === 0 ? 0 : digits.length * 8 - (Math.clz32(digits[0]!) - 24);
}

/** Loads node:crypto on first use, since it slows down the start of a process. */
function crypto() {
  return process.getBuiltinModule("node:crypto");
}
