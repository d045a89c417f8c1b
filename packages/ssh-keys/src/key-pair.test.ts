import { describe, expect, it } from "@jest/globals";
import { generateKeyPair } from "./generate.ts";
import { ecdsaKeyPair, ed25519KeyPair, rsaKeyPair } from "./key-pair.ts";
import { CURVES } from "./public-key.ts";

const bytes = (number: number) => Buffer.from(number.toString(16).padStart(8, "0"), "hex");
const numbers = { n: 3233, e: 17, d: 2753, iqmp: 38, p: 61, q: 53 };
const rsa = (changes: Partial<typeof numbers>) => {
  const { n, e, d, iqmp, p, q } = { ...numbers, ...changes };
  return () =>
    rsaKeyPair({ n: bytes(n), e: bytes(e), d: bytes(d), iqmp: bytes(iqmp), p: bytes(p), q: bytes(q) }, "");
};

describe("the numbers of an RSA key", () => {
  it("belong together", () => {
    // The numbers are accepted: only the size is refused.
    expect(rsa({})).toThrow("its modulus has 12 bits");
  });

  it.each([
    ["another modulus", { n: 3234 }],
    ["another exponent", { e: 19 }],
    ["a private exponent that fits one factor", { d: 53 }],
    ["a private exponent that fits the other factor", { d: 49 }],
    ["another inverse", { iqmp: 39 }],
    ["factors in another order", { p: 53, q: 61 }],
    ["a factor of 1", { p: 1, n: 53 }],
    ["another factor of 1", { q: 1, n: 61 }],
    ["a factor of 2", { p: 2, n: 106 }],
    ["a factor of 0", { p: 0, n: 0 }],
    ["nothing", { n: 0, e: 0, d: 0, iqmp: 0, p: 0, q: 0 }],
  ])("do not, with %s", (_, changes) => {
    expect(rsa(changes)).toThrow("its RSA numbers do not belong together");
  });
});

it.each([0, 31, 33, 64])("refuses an ed25519 seed of %d bytes", (length) => {
  expect(() => ed25519KeyPair(Buffer.alloc(length, 1), "")).toThrow("its ed25519 seed has the wrong length");
});

it.each([Buffer.alloc(0), Buffer.of(0), Buffer.alloc(32, 255), Buffer.alloc(33, 1)])(
  "refuses a private number of ecdsa that is out of range",
  (scalar) => {
    expect(() => ecdsaKeyPair(CURVES[0], scalar, "")).toThrow("its private number is out of range");
  },
);

it.each([0, 255, 512, 520])("makes no ecdsa key of %d bits", async (bits) => {
  await expect(generateKeyPair({ algorithm: "ecdsa", bits, comment: "" })).rejects.toThrow(
    `there is no ecdsa curve of ${bits} bits`,
  );
});
