import { createCipheriv } from "node:crypto";
import bcrypt from "bcrypt-pbkdf";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { generateKeyPair } from "./generate.ts";
import { ecdsaKeyPair, ed25519KeyPair, type KeyPair } from "./key-pair.ts";
import { decodePrivateKey, encodePrivateKey, inspectPrivateKey, PrivateKeyError } from "./private-key.ts";
import { CURVES, keySpec } from "./public-key.ts";
import { string, uint32, WireReader } from "./wire.ts";

const BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
const END = "-----END OPENSSH PRIVATE KEY-----\n";

const unwrap = (text: string) => Buffer.from(text.split("\n").slice(1, -2).join(""), "base64");
const wrap = (bytes: Buffer) => `${BEGIN}${bytes.toString("base64")}\n${END}`;

async function failureOf(text: string, passphrase?: string): Promise<PrivateKeyError> {
  const error: unknown = await decodePrivateKey(text, passphrase).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PrivateKeyError);
  return error as PrivateKeyError;
}

describe.each([
  { algorithm: "ed25519", bits: 256 },
  { algorithm: "ecdsa", bits: 256 },
  { algorithm: "ecdsa", bits: 384 },
  { algorithm: "ecdsa", bits: 521 },
  { algorithm: "rsa", bits: 2048 },
] as const)("a key of $algorithm with $bits bits", ({ algorithm, bits }) => {
  let keyPair: KeyPair;
  beforeAll(async () => {
    keyPair = await generateKeyPair({ algorithm, bits, comment: "Zoë's key" });
  });

  it("is of that kind", () => {
    expect(keySpec(keyPair.publicKey.blob)).toEqual({ algorithm, bits });
  });

  it.each([undefined, "a pass phrase"])(
    "is the same after it was written with the passphrase %p",
    async (passphrase) => {
      const text = await encodePrivateKey(keyPair, { passphrase, rounds: 1, check: 42 });
      const encrypted = passphrase !== undefined;
      expect(inspectPrivateKey(text)).toEqual({
        publicKey: { ...keyPair.publicKey, comment: "" },
        encrypted,
      });
      expect(await decodePrivateKey(text, passphrase)).toEqual({ keyPair, encrypted, check: 42 });
    },
  );

  it("is refused with the private half of another", async () => {
    const other = await generateKeyPair({ algorithm, bits, comment: "" });
    const { message } = await failureOf(
      await encodePrivateKey({ ...keyPair, privateFields: other.privateFields }),
    );
    expect(message).toBe("it is damaged: its private half does not belong to its public half");
  });
});

describe("leading zeros", () => {
  it.each([
    ["an ed25519 seed", ed25519KeyPair(Buffer.concat([Buffer.alloc(3), Buffer.alloc(29, 9)]), "")],
    ["an ed25519 point", ed25519KeyWithZeroPoint()],
    ["an ecdsa number", ecdsaKeyPair(CURVES[2], Buffer.concat([Buffer.alloc(60), Buffer.of(0x80)]), "")],
    ["an ecdsa number without them", ecdsaKeyPair(CURVES[0], Buffer.of(1), "")],
  ])("of %s are kept or dropped as the format wants it", async (_, key) => {
    expect((await decodePrivateKey(await encodePrivateKey(key))).keyPair).toEqual(key);
    const reader = new WireReader(key.privateFields);
    const fields = [reader.string(), reader.string(), reader.string()];
    if (key.publicKey.type === "ssh-ed25519")
      expect(fields.map(({ length }) => length)).toEqual([11, 32, 64]);
    else expect(() => reader.mpint()).not.toThrow();
  });
});

describe("a passphrase", () => {
  const key = ed25519KeyPair(Buffer.alloc(32, 5), "");
  const encode = (passphrase?: string) => encodePrivateKey(key, { passphrase, rounds: 1 });

  it("that is wrong is told from damage as well as can be", async () => {
    const { reason, message } = await failureOf(await encode("right"), "wrong");
    expect(reason).toBe("passphrase");
    expect(message).toBe("the passphrase is wrong, or the file is damaged");
  });

  it("is asked for", async () => {
    const { reason, message } = await failureOf(await encode("right"));
    expect(reason).toBe("passphrase");
    expect(message).toBe("it is encrypted and no passphrase is given");
  });

  it("is not needed for a file that is not encrypted", async () => {
    expect(await decodePrivateKey(await encode(), "any")).toMatchObject({ keyPair: key, encrypted: false });
  });

  it("must not be empty", async () => {
    await expect(encode("")).rejects.toThrow("the passphrase is empty");
  });

  it("makes another file each time", async () => {
    expect(await encode("right")).not.toBe(await encode("right"));
  });
});

describe("a damaged file", () => {
  const seed = Buffer.alloc(32, 0xa7);
  const key = ed25519KeyPair(seed, "comment");

  it("is found whatever byte is flipped, unless it is the comment's", async () => {
    const bytes = unwrap(await encodePrivateKey(key, { check: 0x01020304 }));
    const commentAt = bytes.indexOf("comment");
    for (let index = 0; index < bytes.length; index++) {
      if (index >= commentAt && index < commentAt + "comment".length) continue;
      const flipped = Buffer.from(bytes);
      flipped[index]! ^= 0x10;
      const error = await failureOf(wrap(flipped));
      // The change may have hit the name of the cipher or of the key derivation.
      expect(["damaged", "format"]).toContain(error.reason);
      expect(error.message).not.toMatch(/[^ -~]|a7a7|p6en/);
    }
  });

  it("is found wherever it was cut", async () => {
    const text = await encodePrivateKey(key);
    for (let length = 0; length < text.length - 1; length++) {
      expect(["damaged", "format"]).toContain((await failureOf(text.slice(0, length))).reason);
    }
    const bytes = unwrap(text);
    for (let length = 0; length < bytes.length; length++) {
      expect((await failureOf(wrap(bytes.subarray(0, length)))).reason).toBe("damaged");
    }
  });

  it("is found when it is encrypted and a byte is flipped in the encrypted part", async () => {
    const bytes = unwrap(await encodePrivateKey(key, { passphrase: "right", rounds: 1 }));
    for (const index of [bytes.length - 150, bytes.length - 100, bytes.length - 60, bytes.length - 1]) {
      const flipped = Buffer.from(bytes);
      flipped[index]! ^= 1;
      await failureOf(wrap(flipped), "right");
    }
  });

  it("does not keep us busy for years", async () => {
    const text = await encodePrivateKey(key, { passphrase: "right", rounds: 1 });
    const bytes = unwrap(text);
    const roundsAt = bytes.indexOf(string("bcrypt")) + 10 + 4 + 4 + 16;
    expect(bytes.readUInt32BE(roundsAt)).toBe(1);
    bytes.writeUInt32BE(0xffffffff, roundsAt);
    expect((await failureOf(wrap(bytes), "right")).message).toContain("rounds of its key derivation");
  });
});

describe("a file whose parts do not fit", () => {
  /** The parts of a file without a passphrase, whose private section has `padding` bytes of padding. */
  async function partsWith(padding: number) {
    for (let length = 0; ; length++) {
      const key = ed25519KeyPair(Buffer.alloc(32, 5), "x".repeat(length));
      const reader = new WireReader(unwrap(await encodePrivateKey(key, { check: 7 })));
      const magic = reader.take(15);
      const [cipher, kdf, kdfOptions] = [reader.string(), reader.string(), reader.string()];
      reader.uint32();
      const [blob, section] = [reader.string(), reader.string()];
      const fieldsLength = 8 + key.privateFields.length + 4 + length;
      if (section.length - fieldsLength === padding) {
        return { key, magic, cipher, kdf, kdfOptions, count: 1, blob, section, tag: Buffer.alloc(0) };
      }
    }
  }
  type Parts = Awaited<ReturnType<typeof partsWith>>;
  const join = ({ magic, cipher, kdf, kdfOptions, count, blob, section, tag }: Parts) =>
    wrap(
      Buffer.concat([
        magic,
        ...[cipher, kdf, kdfOptions].map((part) => string(part)),
        uint32(count),
        string(blob),
        string(section),
        tag,
      ]),
    );
  const kdfOptions = (salt: Buffer, rounds: number) => Buffer.concat([string(salt), uint32(rounds)]);
  const SALT = Buffer.alloc(16, 3);
  const AES = { cipher: Buffer.from("aes256-ctr"), kdf: Buffer.from("bcrypt") };

  it("is read when they fit", async () => {
    const parts = await partsWith(3);
    expect((await decodePrivateKey(join(parts))).keyPair).toEqual(parts.key);
  });

  it.each<[string, number, (parts: Parts) => Partial<Parts>, string]>([
    [
      "a section without its padding",
      3,
      ({ section }) => ({ section: section.subarray(0, -3) }),
      "its private part has a wrong length",
    ],
    [
      "a whole block of padding",
      0,
      ({ section }) => ({ section: Buffer.concat([section, Buffer.from([1, 2, 3, 4, 5, 6, 7, 8])]) }),
      "its padding is wrong",
    ],
    [
      "other padding",
      3,
      ({ section }) => ({ section: Buffer.concat([section.subarray(0, -1), Buffer.of(4)]) }),
      "its padding is wrong",
    ],
    ["two keys", 3, () => ({ count: 2 }), "it does not hold exactly one key"],
    ["no cipher with a derivation", 3, () => ({ kdf: AES.kdf }), "a cipher that is not supported"],
    ["a cipher without a derivation", 0, () => ({ cipher: AES.cipher }), "a cipher that is not supported"],
    [
      "no salt",
      0,
      () => ({ ...AES, kdfOptions: kdfOptions(Buffer.alloc(0), 1) }),
      "its key derivation has no salt",
    ],
    [
      "no rounds",
      0,
      () => ({ ...AES, kdfOptions: kdfOptions(SALT, 0) }),
      "the rounds of its key derivation are not between 1 and 4096",
    ],
    [
      "too many rounds",
      0,
      () => ({ ...AES, kdfOptions: kdfOptions(SALT, 4097) }),
      "the rounds of its key derivation",
    ],
  ])("is refused, with %s", async (_, padding, change, message) => {
    const parts = await partsWith(padding);
    // A block of aes has 16 bytes, which are two blocks of a key without a passphrase.
    const section = parts.section.length % 16 === 0 ? parts.section : parts.section.subarray(8);
    const changed = { ...parts, ...change(parts) };
    if (changed.cipher.equals(AES.cipher)) changed.section = section;
    expect((await failureOf(join(changed), "any")).message).toContain(message);
  });

  it.each([1, 4096])("may demand %d rounds", async (rounds) => {
    const parts = await partsWith(0);
    const section = parts.section.subarray(parts.section.length % 16);
    const text = join({ ...parts, ...AES, section, kdfOptions: kdfOptions(SALT, rounds) });
    // An empty passphrase is refused before the work of the rounds.
    expect(await failureOf(text, "")).toMatchObject({
      reason: "passphrase",
      message: "the passphrase is empty",
    });
  });

  it("is read with chacha20, without a look at its tag", async () => {
    const parts = await partsWith(3);
    const passphrase = Buffer.from("right");
    const derived = Buffer.alloc(64);
    bcrypt.pbkdf(passphrase, passphrase.length, SALT, SALT.length, derived, derived.length, 1);
    const iv = Buffer.concat([Buffer.of(1), Buffer.alloc(15)]);
    const text = join({
      ...parts,
      cipher: Buffer.from("chacha20-poly1305@openssh.com"),
      kdf: AES.kdf,
      kdfOptions: kdfOptions(SALT, 1),
      section: createCipheriv("chacha20", derived.subarray(0, 32), iv).update(parts.section),
      tag: Buffer.alloc(16),
    });
    expect((await decodePrivateKey(text, "right")).keyPair).toEqual(parts.key);
    expect((await failureOf(text, "wrong")).reason).toBe("passphrase");
  });
});

it.each([
  ["", "it is not an OpenSSH private key"],
  ["hunter2", "it is not an OpenSSH private key"],
  ["-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n", "`ssh-keygen -p -f <file>`"],
  ["-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "in another format"],
  [`${BEGIN}b3Blb*\n${END}`, "it is not valid base64"],
  [`${BEGIN}b3Blbg==\n${END}`, "it is damaged: it is cut off"],
])("says what is wrong with %j", async (text, message) => {
  expect((await failureOf(text)).message).toContain(message);
});

it("reads a file with carriage returns and space around it", async () => {
  const key = ed25519KeyPair(Buffer.alloc(32, 5), "");
  const text = (await encodePrivateKey(key)).replaceAll("\n", "\r\n");
  expect((await decodePrivateKey(`\n${text}\n`)).keyPair).toEqual(key);
});

function ed25519KeyWithZeroPoint(): KeyPair {
  const seed = Buffer.alloc(32, 1);
  for (let counter = 0; ; counter++) {
    seed.writeUInt32BE(counter, 28);
    const key = ed25519KeyPair(seed, "");
    if (key.publicKey.blob.at(-32) === 0) return key;
  }
}
