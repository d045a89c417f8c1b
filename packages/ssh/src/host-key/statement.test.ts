import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { fingerprint, formatPublicKey, publicKeyFromBlob } from "@nixops4-providers/ssh-keys";
import {
  addEntry,
  formatEntry,
  formatStatement,
  NAMESPACE,
  successorsOf,
  verifyRecord,
} from "./statement.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAW+qCM7N1kX8eVjKkvtPlXcmK9zDbeLhx0McxkRfb4g";

describe("successorsOf", () => {
  const chain = [
    ["a", "b"],
    ["x", "y"],
    ["b", "c"],
  ].map(([oldKey, newKey]) => ({ oldKey: oldKey!, newKey: newKey!, operationId: "" }));

  it("follows a key through all that took its place", () => {
    expect(successorsOf("a", chain)).toEqual(["b", "c"]);
    expect(successorsOf("b", chain)).toEqual(["c"]);
    expect(successorsOf("c", chain)).toEqual([]);
  });
});

describe("addEntry", () => {
  it.each([
    ["an empty record", "", "new\n"],
    ["other entries", "one\ntwo\n", "one\ntwo\nnew\n"],
    ["a record without a final newline", "one", "one\nnew\n"],
    ["an entry with the same statement", 'one\n{"statement":"text"}\ntwo\n', "one\ntwo\nnew\n"],
    ["a statement that contains it", 'one\n{"statement":"a text"}\n', 'one\n{"statement":"a text"}\nnew\n'],
  ])("adds to %s", (_, record, expected) => {
    expect(addEntry(record, "text", "new\n")).toBe(expected);
  });

  it("keeps a hundred entries", () => {
    const lines = Array.from({ length: 100 }, (_, index) => `${index}\n`);
    expect(addEntry(lines.join(""), "text", "new\n")).toBe([...lines.slice(1), "new\n"].join(""));
  });
});

describe("verifyRecord", () => {
  const statement = (fields: object) => JSON.stringify({ statement: JSON.stringify(fields), signature: "" });

  it.each([
    ["", undefined],
    ["nonsense", "it is not JSON"],
    ["null", "its fields are not those of a statement"],
    ['{"statement":"{}"}', "its fields are not those of a statement"],
    [statement({ version: 1, host: "h:22", more: 1 }), "its fields are not those of a statement"],
  ])("finds nothing in %j", (record, problem) => {
    expect(verifyRecord(`${record}\n`, "h:22", [KEY])).toEqual({ successions: [], problem });
  });
});

/** A host key that signs as `ssh-keygen -Y sign` does (PROTOCOL.sshsig of OpenSSH). */
function hostKey() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const point = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const blob = Buffer.concat([string("ssh-ed25519"), string(point)]);
  const signText = (text: string, namespace = NAMESPACE) => {
    const hash = createHash("sha512").update(text).digest();
    const facts = [string(namespace), string(""), string("sha512")];
    const signature = sign(null, Buffer.concat([Buffer.from("SSHSIG"), ...facts, string(hash)]), privateKey);
    const inner = string(Buffer.concat([string("ssh-ed25519"), string(signature)]));
    const version = Buffer.from([0, 0, 0, 1]);
    const whole = Buffer.concat([Buffer.from("SSHSIG"), version, string(blob), ...facts, inner]);
    return `-----BEGIN SSH SIGNATURE-----\n${whole.toString("base64")}\n-----END SSH SIGNATURE-----\n`;
  };
  return { line: formatPublicKey(publicKeyFromBlob(blob)), fingerprint: fingerprint(blob), sign: signText };
}
type HostKey = ReturnType<typeof hostKey>;

function string(value: Buffer | string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, Buffer.from(value)]);
}

describe("a signed record of rotations", () => {
  const HOST = "web1:22";
  const [first, second, third, other] = [hostKey(), hostKey(), hostKey(), hostKey()];

  const statementOf = (oldKey: HostKey, newKey: HostKey, changes: object = {}) =>
    formatStatement({
      version: 1,
      host: HOST,
      oldFingerprint: oldKey.fingerprint,
      newFingerprint: newKey.fingerprint,
      newPublicKey: newKey.line,
      operationId: "operation",
      ...changes,
    });
  const entry = (oldKey: HostKey, newKey: HostKey, changes: object = {}, signer = oldKey) => {
    const statement = statementOf(oldKey, newKey, changes);
    return formatEntry(statement, signer.sign(statement));
  };
  const succession = (oldKey: HostKey, newKey: HostKey) => ({
    oldKey: oldKey.line,
    newKey: newKey.line,
    operationId: "operation",
  });

  it("is followed from a trusted key to the last", () => {
    const record = entry(first, second) + entry(second, third);
    const successions = [succession(first, second), succession(second, third)];
    expect(verifyRecord(record, HOST, [first.line])).toEqual({ successions, problem: undefined });
  });

  it("is worth nothing in another order, from a later key on, or without a trusted key", () => {
    const [one, two] = [entry(first, second), entry(second, third)];
    const found = (record: string, trusted: HostKey[]) =>
      verifyRecord(
        record,
        HOST,
        trusted.map(({ line }) => line),
      ).successions;
    expect(found(two + one, [first])).toEqual([succession(first, second)]);
    expect(found(one + two, [second])).toEqual([succession(second, third)]);
    expect(found(one + two, [third])).toEqual([]);
    expect(found(one + two, [])).toEqual([]);
  });

  it("is followed through a hundred rotations", () => {
    const keys = Array.from({ length: 101 }, hostKey);
    const record = keys
      .slice(1)
      .map((key, index) => entry(keys[index]!, key))
      .join("");
    const { successions } = verifyRecord(record, HOST, [keys[0]!.line]);
    expect(successions).toHaveLength(100);
    expect(successorsOf(keys[0]!.line, successions).at(-1)).toBe(keys[100]!.line);
  });

  it.each<[what: string, record: () => string, problem: string]>([
    ["another host", () => entry(first, second, { host: "web2:22" }), 'it is for the host "web2:22"'],
    ["another version", () => entry(first, second, { version: 2 }), 'its version is "2"'],
    [
      "another old key",
      () => entry(first, second, { oldFingerprint: third.fingerprint }),
      "it is not about the key that signed it",
    ],
    [
      "another new key",
      () => entry(first, second, { newFingerprint: third.fingerprint }),
      "its fingerprint is not of its key",
    ],
    ["another signer", () => entry(first, second, {}, other), "the signature is by another key"],
    [
      "a statement that was changed",
      () => formatEntry(statementOf(first, other), first.sign(statementOf(first, second))),
      "the signature does not match the message",
    ],
    [
      "a signature for another use",
      () => formatEntry(statementOf(first, second), first.sign(statementOf(first, second), "file")),
      'the signature is for "file"',
    ],
    ["a key that is none", () => entry(first, second, { newPublicKey: "nonsense" }), "not a public key"],
  ])("is worth nothing with %s, and what follows it neither", (_, record, problem) => {
    const findings = verifyRecord(record(), HOST, [first.line]);
    expect(findings.successions).toEqual([]);
    expect(findings.problem).toContain(problem);
    expect(verifyRecord(record() + entry(second, third), HOST, [first.line]).successions).toEqual([]);
    // What did not hold does not spoil what holds.
    expect(verifyRecord(record() + entry(first, third), HOST, [first.line]).successions).toEqual([
      succession(first, third),
    ]);
  });

  it.each(["[]", "5", '"text"', '{"statement":1,"signature":2,"more":3}'])("has no entry in %s", (line) => {
    expect(verifyRecord(line, HOST, [first.line])).toEqual({
      successions: [],
      problem: "its fields are not those of a statement",
    });
  });
});
