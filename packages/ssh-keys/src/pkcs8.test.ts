import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { convertPkcs8, isPkcs8 } from "./pkcs8.ts";
import { decodePrivateKey, PrivateKeyError } from "./private-key.ts";

const pem = (key: KeyObject, passphrase?: string) =>
  key.export({
    format: "pem",
    type: "pkcs8",
    ...(passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase }),
  }) as string;
const KEYS = {
  rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
  ec: generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey,
  ed25519: generateKeyPairSync("ed25519").privateKey,
};
const CUT_OFF = pem(KEYS.ed25519).replace(/\n.{40}/, "\n");

async function failureOf(text: string, passphrase?: string): Promise<PrivateKeyError> {
  const error: unknown = await convertPkcs8(text, passphrase).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PrivateKeyError);
  return error as PrivateKeyError;
}

describe.each([undefined, "right"])("a key in PKCS #8 with the passphrase %s", (passphrase) => {
  it.each(["rsa", "ec"] as const)("of the type %s becomes old PEM without a passphrase", async (type) => {
    const text = pem(KEYS[type], passphrase);
    expect(isPkcs8(text)).toBe(true);
    const converted = await convertPkcs8(text, passphrase);
    expect(converted).toMatch(`-----BEGIN ${type.toUpperCase()} PRIVATE KEY-----`);
    expect(isPkcs8(converted)).toBe(false);
    expect(pem(createPrivateKey(converted))).toBe(pem(KEYS[type]));
  });

  it("of the type ed25519 becomes OpenSSH's format", async () => {
    const converted = await convertPkcs8(pem(KEYS.ed25519, passphrase), passphrase);
    const { keyPair, encrypted } = await decodePrivateKey(converted);
    expect(encrypted).toBe(false);
    const point = KEYS.ed25519.export({ format: "jwk" }).x!;
    expect(keyPair.publicKey.blob.subarray(-32).toString("base64url")).toBe(point);
  });

  it("of a type that SSH does not have is refused", async () => {
    const { privateKey } = generateKeyPairSync("x25519");
    expect(await failureOf(pem(privateKey, passphrase), passphrase)).toMatchObject({
      reason: "format",
      message: "SSH has no keys of the type x25519",
    });
  });
});

it.each<[string, string, string | undefined, object]>([
  [
    "without its passphrase",
    pem(KEYS.ec, "right"),
    undefined,
    { reason: "passphrase", message: "it is encrypted and no passphrase is given" },
  ],
  [
    "with another passphrase",
    pem(KEYS.ec, "right"),
    "wrong",
    { reason: "passphrase", message: "the passphrase is wrong, or the file is damaged" },
  ],
  ["that is damaged", CUT_OFF, undefined, { reason: "damaged", message: "it is damaged" }],
  ["that is damaged, with a passphrase", CUT_OFF, "any", { reason: "damaged", message: "it is damaged" }],
])("a key in PKCS #8 %s is refused", async (_, text, passphrase, failure) => {
  expect(await failureOf(text, passphrase)).toMatchObject(failure);
});

it("a key without a passphrase needs none", async () => {
  expect(await convertPkcs8(pem(KEYS.ec), "any")).toContain("BEGIN EC PRIVATE KEY");
});
