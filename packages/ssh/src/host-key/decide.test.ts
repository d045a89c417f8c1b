import { beforeAll, describe, expect, it } from "@jest/globals";
import { formatPublicKey, generateKeyPair } from "@nixops4-providers/ssh-keys";
import { bitsOf, isUsable, isWanted, keysOf, replacedFiles, wantedType } from "./decide.ts";
import type { Inputs } from "./schema.ts";

const makeKey = async (algorithm: "ed25519" | "ecdsa" | "rsa", bits = 256) =>
  formatPublicKey((await generateKeyPair({ algorithm, bits, comment: "" })).publicKey);

let [a, b, c] = ["", "", ""];
beforeAll(async () => {
  [a, b, c] = await Promise.all([makeKey("ed25519"), makeKey("ed25519"), makeKey("ed25519")]);
});

const inputsWith = (hostPublicKeys: string[], changes: Partial<Inputs> = {}) =>
  ({ connection: { hostPublicKeys }, algorithm: "ed25519", keepers: {}, ...changes }) as Inputs;

describe("keysOf", () => {
  it("are those of the inputs before the first run", () => {
    expect(keysOf(inputsWith([`${a} comment`, b]), undefined)).toMatchObject({
      pins: [a, b],
      history: [a, b],
      settled: undefined,
    });
  });

  it("are the recorded key and the keys that were added, after a run for the same key", () => {
    const previous = { inputs: inputsWith([`web1 ${a}`]), outputs: { hostPublicKey: b } };
    expect(keysOf(inputsWith([a, c]), previous)).toMatchObject({
      pins: [b, c],
      history: [b, a, c],
      settled: b,
    });
  });

  it.each<[string, Partial<Inputs>]>([
    ["other keepers", { keepers: { date: 1 } }],
    ["another algorithm", { algorithm: "rsa" }],
    ["another size", { algorithm: "ecdsa", bits: 384 }],
  ])("are the recorded key and all keys of the inputs, with %s", (_, changes) => {
    const previous = { inputs: inputsWith([a]), outputs: { hostPublicKey: b } };
    expect(keysOf(inputsWith([a], changes), previous)).toMatchObject({
      pins: [b, a],
      history: [b, a],
      settled: undefined,
    });
  });

  it("are those of the inputs when the earlier run has recorded none", () => {
    expect(keysOf(inputsWith([a]), { inputs: inputsWith([a]), outputs: {} })).toMatchObject({
      pins: [a],
      history: [a],
      settled: undefined,
    });
  });

  it.each<[string, boolean, Partial<Inputs>, Partial<Inputs>]>([
    ["ed25519 has one size", true, { algorithm: "ed25519" }, {}],
    ["256 is the default of ecdsa", true, { algorithm: "ecdsa" }, { algorithm: "ecdsa", bits: 256 }],
    ["3072 is the default of rsa", true, { algorithm: "rsa" }, { algorithm: "rsa", bits: 3072 }],
    ["the order of keepers does not count", true, { keepers: { x: 1, y: 2 } }, { keepers: { y: 2, x: 1 } }],
    ["the size counts", false, { algorithm: "rsa" }, { algorithm: "rsa", bits: 2048 }],
    ["keepers count", false, { keepers: { x: 1 } }, { keepers: { x: 2 } }],
  ])("have an id of the wanted key: %s", (_, isSame, one, other) => {
    const idOf = (changes: Partial<Inputs>) => keysOf(inputsWith([], changes), undefined).operationId;
    expect(idOf(one) === idOf(other)).toBe(isSame);
  });

  it("have the same id for the inputs of an older version, without these fields", () => {
    const previous = { inputs: {}, outputs: { hostPublicKey: b } };
    expect(keysOf(inputsWith([a]), previous).settled).toBe(b);
  });
});

const succession = (oldKey: string, newKey: string, operationId = "id") => ({ oldKey, newKey, operationId });

describe("isWanted", () => {
  it.each<[string, boolean, string | undefined, ReturnType<typeof succession>[]]>([
    ["the recorded key", true, "new", []],
    ["a key that was made for this operation", true, undefined, [succession("old", "new")]],
    ["a key that was made for another", false, undefined, [succession("old", "new", "other")]],
    ["the key that another was made in place of", false, "other", [succession("new", "next")]],
    ["an unknown key", false, undefined, []],
  ])("%s: %s", (_, expected, settled, successions) => {
    expect(isWanted({ settled, operationId: "id" }, { presented: "new", successions })).toBe(expected);
  });
});

it("replacedFiles are those with the keys before the presented one", () => {
  const file = (key: string) => ({ path: `/${key}`, key, newKey: "" });
  const files = ["first", "second", "third", "other", ""].map(file);
  const successions = [
    succession("first", "second"),
    succession("second", "third"),
    succession("x", "other"),
  ];
  expect(replacedFiles(files, "third", successions)).toEqual([file("first"), file("second")]);
  expect(replacedFiles(files, "second", successions)).toEqual([file("first")]);
  expect(replacedFiles(files, "first", successions)).toEqual([]);
  // A key may come back.
  const back = [succession("first", "second"), succession("second", "first")];
  expect(replacedFiles(files, "first", back)).toEqual([file("second")]);
});

describe("the wanted kind of key", () => {
  it.each([
    ["ed25519", undefined, "ssh-ed25519", undefined],
    ["ecdsa", undefined, "ecdsa-sha2-nistp256", 256],
    ["ecdsa", 521, "ecdsa-sha2-nistp521", 521],
    ["rsa", undefined, "ssh-rsa", 3072],
    ["rsa", 2048, "ssh-rsa", 2048],
  ] as const)("for %s with %s bits is %s", (algorithm, bits, type, size) => {
    const wanted = { algorithm, ...(bits === undefined ? {} : { bits }) };
    expect([wantedType(wanted), bitsOf(wanted)]).toEqual([type, size]);
  });

  it("is that of a usable key", async () => {
    const [p256, p384, rsa] = [
      await makeKey("ecdsa"),
      await makeKey("ecdsa", 384),
      await makeKey("rsa", 2048),
    ];
    expect(isUsable(a, { algorithm: "ed25519" })).toBe(true);
    expect(isUsable(a, { algorithm: "rsa" })).toBe(false);
    expect(isUsable(p256, { algorithm: "ecdsa" })).toBe(true);
    expect(isUsable(p384, { algorithm: "ecdsa" })).toBe(false);
    expect(isUsable(p384, { algorithm: "ecdsa", bits: 384 })).toBe(true);
    expect(isUsable(rsa, { algorithm: "rsa", bits: 2048 })).toBe(true);
    expect(isUsable(rsa, { algorithm: "rsa" })).toBe(false);
    expect(isUsable("", { algorithm: "ed25519" })).toBe(false);
  });
});
