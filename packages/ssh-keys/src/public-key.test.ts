import { describe, expect, it } from "@jest/globals";
import { ecdsaKeyPair, ed25519KeyPair } from "./key-pair.ts";
import {
  CURVES,
  fingerprint,
  formatPublicKey,
  keySpec,
  parsePublicKey,
  publicKeyFromBlob,
  sshfp,
} from "./public-key.ts";
import { mpint, string } from "./wire.ts";

// A key of ssh-keygen (OpenSSH 9.2), and what ssh-keygen prints about it.
const BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIOzFsB2+plTNbzZDsNHn5s5Ow93ELQ8wA8XMCNTm00sh";
const FINGERPRINT = "SHA256:zvlC6o6weaD29vlrOjg02pQh1MuVeqb4kaFsZ9Rpiig";
const SSHFP = "4 2 cef942ea8eb079a0f6f6f96b3a3834da9421d4cb957aa6f891a16c67d4698a28";

const rsaBlob = (modulus: Buffer, exponent = Buffer.of(1, 0, 1)) =>
  Buffer.concat([string("ssh-rsa"), mpint(exponent), mpint(modulus)]);
const line = (blob: Buffer, type = "ssh-ed25519") => `${type} ${blob.toString("base64")}`;

describe("parsePublicKey", () => {
  it.each([
    ["without a comment", `ssh-ed25519 ${BLOB}`, ""],
    ["with a comment", `ssh-ed25519 ${BLOB} alice@laptop`, "alice@laptop"],
    ["with spaces in the comment", `ssh-ed25519 ${BLOB} the key  of Zoë`, "the key  of Zoë"],
    ["with space around", `  ssh-ed25519\t${BLOB}  x \n`, "x"],
  ])("reads a line %s", (_, text, comment) => {
    const blob = Buffer.from(BLOB, "base64");
    expect(parsePublicKey(text)).toEqual({ type: "ssh-ed25519", blob, comment });
  });

  it("is undone by formatPublicKey", () => {
    for (const text of [`ssh-ed25519 ${BLOB}`, `ssh-ed25519 ${BLOB} a  b\u2028c`]) {
      expect(formatPublicKey(parsePublicKey(text))).toBe(text);
    }
  });

  const ed25519 = Buffer.from(BLOB, "base64");
  const point = ecdsaKeyPair(CURVES[0], Buffer.of(1), "").publicKey.blob;
  const offCurve = Buffer.from(point).fill(7, point.length - 8);
  const hybrid = Buffer.from(point);
  hybrid[point.length - 65] = 6;
  it.each([
    ["an empty line", "", "expected one line"],
    ["a blob alone", BLOB, "expected one line"],
    ["two lines", `ssh-ed25519 ${BLOB}\nssh-ed25519 ${BLOB}`, "expected one line"],
    ["options in front", `no-pty ssh-ed25519 ${BLOB}`, "its type is none of ssh-ed25519"],
    ["a type of hardware keys", `sk-ssh-ed25519@openssh.com ${BLOB}`, "type sk-ssh-ed25519@openssh.com is"],
    ["base64 with a hole", `ssh-ed25519 ${BLOB.replace("OzF", "O*F")}`, "not valid base64"],
    ["base64 that is cut", `ssh-ed25519 ${BLOB.slice(0, -1)}`, "not valid base64"],
    ["a type that is not the blob's", `ssh-rsa ${BLOB}`, "says ssh-rsa, but its data is of type ssh-ed25519"],
    ["a blob that is cut", line(ed25519.subarray(0, -3)), "damaged ssh-ed25519 key: it is cut off"],
    ["a blob that goes on", line(Buffer.concat([ed25519, Buffer.of(0)])), "more data than belongs to it"],
    ["a short point", line(Buffer.concat([string("ssh-ed25519"), string("short")])), "wrong length"],
    ["a point off its curve", line(offCurve, "ecdsa-sha2-nistp256"), "not on the curve nistp256"],
    ["a point in hybrid form", line(hybrid, "ecdsa-sha2-nistp256"), "wrong length or form"],
    [
      "an exponent of zero",
      line(rsaBlob(Buffer.alloc(256, 255), Buffer.of(0)), "ssh-rsa"),
      "its exponent is zero",
    ],
    ["a small modulus", line(rsaBlob(Buffer.alloc(127, 255)), "ssh-rsa"), "has 1016 bits, less than 1024"],
  ])("refuses %s", (_, text, message) => {
    expect(() => parsePublicKey(text)).toThrow(message);
  });

  it("does not quote a secret that was given instead", () => {
    const secret = "correct horse battery staple";
    for (const text of [secret, `-----BEGIN ${secret}`, secret.replaceAll(" ", "\n")]) {
      expect(() => parsePublicKey(text)).toThrow(/^not a (?!.*(?:horse|BEGIN))/);
    }
  });
});

it("describes a key as ssh-keygen does", () => {
  const { blob } = parsePublicKey(`ssh-ed25519 ${BLOB}`);
  expect(fingerprint(blob)).toBe(FINGERPRINT);
  expect(sshfp(blob)).toEqual([SSHFP]);
});

it.each([1024, 2047, 2048, 3072, 8192])("counts the %d bits of a modulus", (bits) => {
  const modulus = Buffer.from(
    (1n << BigInt(bits - 1)).toString(16).padStart(2 * Math.ceil(bits / 8), "0"),
    "hex",
  );
  expect(keySpec(rsaBlob(modulus))).toEqual({ algorithm: "rsa", bits });
});

it("takes a blob by itself", () => {
  const { publicKey } = ed25519KeyPair(Buffer.alloc(32), "comment");
  expect(publicKeyFromBlob(publicKey.blob)).toEqual({ ...publicKey, comment: "" });
});
