import { beforeAll, describe, expect, it } from "@jest/globals";
import {
  encodePrivateKey,
  generateKeyPair,
  type KeyPair,
  PrivateKeyError,
} from "@nixops4-providers/ssh-keys";
import { openKey, storedAs } from "./stored-key.ts";

let keyPair: KeyPair;
beforeAll(async () => {
  keyPair = await generateKeyPair({ algorithm: "ed25519", bits: 256, comment: "comment" });
});

const encode = (passphrase?: string) => encodePrivateKey(keyPair, { passphrase, rounds: 1, check: 7 });

describe("a stored key is opened", () => {
  it.each([
    // The passphrase of the key, the wanted one, the previous one, the one that opens it, whether the previous one is read.
    [undefined, undefined, undefined, undefined, false],
    [undefined, "new", "old", undefined, false],
    ["new", "new", "old", "new", false],
    ["old", "new", "old", "old", true],
    ["old", undefined, "old", "old", true],
  ])(
    "with the passphrase %s, when %s is wanted and %s was before",
    async (own, wanted, former, used, isRead) => {
      let reads = 0;
      const previous = async () => {
        reads += 1;
        return former;
      };
      const text = await encode(own);
      expect(await openKey(text, { wanted, previous })).toEqual({
        keyPair,
        text,
        passphrase: used,
        check: 7,
      });
      expect(reads).toBe(isRead ? 1 : 0);
    },
  );

  it.each([
    ["old", "new", undefined],
    ["old", "new", "other"],
    ["old", undefined, undefined],
  ])("neither with %s: when %s is wanted and %s was before", async (own, wanted, former) => {
    const opened = openKey(await encode(own), { wanted, previous: async () => former });
    await expect(opened).rejects.toMatchObject({ reason: "passphrase" });
  });

  it("only once with a passphrase that is wanted and was before", async () => {
    let attempts = 0;
    const passphrases = {
      get wanted() {
        attempts += 1;
        return "same";
      },
      previous: async () => "same",
    };
    await expect(openKey(await encode("other"), passphrases)).rejects.toBeInstanceOf(PrivateKeyError);
    // One attempt and one comparison read it.
    expect(attempts).toBe(2);
  });

  it("never when it is damaged, and then no other passphrase is read", async () => {
    const previous = async () => {
      throw new Error("the source of the previous passphrase is gone");
    };
    const text = (await encode()).replace("AAAA", "AAAB");
    await expect(openKey(text, { wanted: "new", previous })).rejects.toBeInstanceOf(PrivateKeyError);
  });
});

describe("the text to store", () => {
  const wanted = { comment: "comment", passphrase: "p", check: 7 };
  const storedText = (changes: object, text: string | undefined = "TEXT") =>
    storedAs({ keyPair, text, passphrase: "p", check: 7 }, { ...wanted, ...changes });

  it("is the existing one when comment and passphrase are as wanted", async () => {
    expect(await storedText({})).toBe("TEXT");
    expect(await storedText({ check: 8 })).toBe("TEXT");
  });

  it.each([
    ["another comment", { comment: "other", passphrase: undefined }],
    ["another comment alone", { comment: "other" }],
    ["another passphrase", { passphrase: "other" }],
    ["no passphrase", { passphrase: undefined }],
  ])("is a new one with %s", async (_, changes) => {
    const text = await storedText(changes);
    const { comment, passphrase } = { ...wanted, ...changes };
    const opened = await openKey(text, { wanted: passphrase, previous: async () => undefined });
    expect(opened).toMatchObject({ passphrase, check: 7 });
    expect(opened.keyPair.publicKey).toEqual({ ...keyPair.publicKey, comment });
  });

  it("is a new one for a key that is not stored yet", async () => {
    const text = await storedAs({ keyPair }, { comment: "comment", passphrase: undefined, check: undefined });
    expect(text).toContain("BEGIN OPENSSH PRIVATE KEY");
  });
});
