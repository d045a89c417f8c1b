import { describe, expect, it } from "@jest/globals";
import { check, type Inputs } from "./schema.ts";

const defaults: Inputs = {
  algorithm: "ed25519",
  comment: "",
  ageRecipients: [],
  privateKeyInState: true,
  keepers: {},
};
const violationsOf = (inputs: Partial<Inputs>) =>
  check({ ...defaults, ...inputs }).map(({ path, message }) => `${path}: ${message}`);

it.each<Partial<Inputs>>([
  {},
  { algorithm: "ecdsa", bits: 521 },
  { algorithm: "rsa", bits: 2048 },
  { algorithm: "rsa", bits: 8192 },
  { comment: "Zoë's key, the 2nd" },
  {
    ageRecipients: ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"],
    privateKeyInState: false,
  },
  { privateKeyFile: "/keys/id", privateKeyInState: false },
])("accepts %j", (inputs) => {
  expect(violationsOf(inputs)).toEqual([]);
});

describe("refuses", () => {
  it.each([
    ["ed25519", 256, "bits: must not be set: an ed25519 key has one size"],
    ["ecdsa", 512, "bits: must be 256, 384 or 521 for an ecdsa key"],
    ["rsa", 2047, "bits: must be 2048 to 8192 for an rsa key"],
    ["rsa", 8193, "bits: must be 2048 to 8192 for an rsa key"],
  ] as const)("%s keys of %d bits", (algorithm, bits, violation) => {
    expect(violationsOf({ algorithm, bits })).toEqual([violation]);
  });

  it.each(["a\nb", "a\0b", "\u007f", "a\u0085b"])("the comment %j", (comment) => {
    expect(violationsOf({ comment })).toEqual(["comment: must be one line of text"]);
  });

  it("a comment that would not be read back as it is", () => {
    expect(violationsOf({ comment: " a" })).toEqual(["comment: must not begin or end with a space"]);
  });

  it("a private key without a place, or with two", () => {
    expect(violationsOf({ privateKeyInState: false })).toEqual([
      expect.stringContaining(
        "one of privateKeyFile and ageRecipients is required; or privateKeyInState = true",
      ),
    ]);
    expect(violationsOf({ privateKeyFile: "/keys/id" })).toEqual([
      expect.stringContaining("privateKeyInState must not be set together"),
    ]);
  });

  it("recipients that are not of age, and never quotes them", () => {
    const ageRecipients = ["ssh-ed25519 AAAA", "AGE-SECRET-KEY-1SECRET", "age-secret-key-1secret", "secret"];
    const violations = violationsOf({ ageRecipients, privateKeyInState: false });
    expect(violations).toEqual([
      expect.stringContaining("ageRecipients[0]: is an SSH key: give a recipient of age"),
      expect.stringContaining("ageRecipients[1]: is a secret key of age: give the public one"),
      expect.stringContaining("ageRecipients[2]: is a secret key of age: give the public one"),
      "ageRecipients[3]: is not a recipient of age (`age1...`)",
    ]);
    for (const violation of violations) expect(violation).not.toMatch(/1?SECRET\b(?! key)|AAAA/);
  });
});
