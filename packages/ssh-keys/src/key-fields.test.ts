import { expect, it } from "@jest/globals";
import { checkKeySize } from "./key-fields.ts";

const ECDSA = "must be 256, 384 or 521 for an ecdsa key";
const RSA = "must be 2048 to 8192 for an rsa key";

it.each([
  ["ed25519", 256, "must not be set: an ed25519 key has one size"],
  ["ecdsa", 256, undefined],
  ["ecdsa", 384, undefined],
  ["ecdsa", 521, undefined],
  ["ecdsa", 512, ECDSA],
  ["ecdsa", 2048, ECDSA],
  ["rsa", 2047, RSA],
  ["rsa", 2048, undefined],
  ["rsa", 8192, undefined],
  ["rsa", 8193, RSA],
] as const)("%s keys of %d bits: %s", (algorithm, bits, problem) => {
  expect(checkKeySize({ algorithm, bits })).toEqual(
    problem === undefined ? [] : [{ path: "bits", message: problem }],
  );
});

it.each(["ed25519", "ecdsa", "rsa"] as const)("accepts %s without a size", (algorithm) => {
  expect(checkKeySize({ algorithm })).toEqual([]);
});
