import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { parsePublicKey, publicKeyFromBlob } from "./public-key.ts";
import { verifySignature } from "./sshsig.ts";
import { mpint, string, uint32 } from "./wire.ts";

// Made by ssh-keygen 9.2: printf 'hello\n' | ssh-keygen -Y sign -n test -f KEY
const ED25519_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAW+qCM7N1kX8eVjKkvtPlXcmK9zDbeLhx0McxkRfb4g";
const ED25519_SIGNATURE = armor(
  "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgBb6oIzs3WRfx5WMqS+0+VdyYr3" +
    "MNt4uHHQxzGRF9viAAAAAEdGVzdAAAAAAAAAAGc2hhNTEyAAAAUwAAAAtzc2gtZWQyNTUx" +
    "OQAAAEDlyeH0R/rLF40Ac3qBs0T91gVtwuZ78lKNcrLrVfQpnKbp8NCwDPingeXj5Mx+iS" +
    "q7Znd6FIzTV8L4lJ8qbi0K",
);
const ECDSA_KEY =
  "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMJnWhLunRWgcm44Pn8u23tjN+YDheeqQ" +
  "KPEfsBxUJqUCmqHjU669i0kMZEmN7WXAlexVipuNyJrkT6VFlr2/Bg=";
const ECDSA_SIGNATURE = armor(
  "U1NIU0lHAAAAAQAAAGgAAAATZWNkc2Etc2hhMi1uaXN0cDI1NgAAAAhuaXN0cDI1NgAAAE" +
    "EEwmdaEu6dFaBybjg+fy7be2M35gOF56pAo8R+wHFQmpQKaoeNTrr2LSQxkSY3tZcCV7FW" +
    "Km43ImuRPpUWWvb8GAAAAAR0ZXN0AAAAAAAAAAZzaGE1MTIAAABjAAAAE2VjZHNhLXNoYT" +
    "ItbmlzdHAyNTYAAABIAAAAIF8HSU7LeuYYzf8nPohmxdvsyJ61Zh2a45LIMIwseNTtAAAA" +
    "IHSrEe935sd6o6MMBvD1p0JYNcqMiOxUvw2CeJQuLMf6",
);

const signers = [parsePublicKey(ECDSA_KEY), parsePublicKey(ED25519_KEY)];
const use = { message: "hello\n", namespace: "test", signers };

describe("verifySignature", () => {
  it.each([
    ["ed25519", ED25519_SIGNATURE, signers[1]],
    ["ecdsa", ECDSA_SIGNATURE, signers[0]],
  ])("takes what ssh-keygen made with %s, and names the signer", (_, signature, signer) => {
    expect(verifySignature(signature, use)).toEqual(signer);
    expect(verifySignature(signature.replaceAll("\n", "\r\n"), use)).toEqual(signer);
  });

  it("refuses another message, namespace and signer", () => {
    const refuses = (change: object) =>
      expect(() => verifySignature(ED25519_SIGNATURE, { ...use, ...change }));
    refuses({ message: "hello" }).toThrow("the signature does not match the message");
    refuses({ namespace: "tests" }).toThrow('the signature is for "test"');
    refuses({ signers: [signers[0]] }).toThrow(/the signature is by another key, SHA256:/);
    refuses({ signers: [] }).toThrow("by another key");
  });

  it.each([
    ["ed25519", ED25519_SIGNATURE],
    ["ecdsa", ECDSA_SIGNATURE],
  ])("refuses an %s signature with any bit of any byte changed, or cut off, or longer", (_, signature) => {
    const blob = Buffer.from(signature.split("\n").slice(1, -2).join(""), "base64");
    for (let index = 0; index < blob.length; index++) {
      const changed = Buffer.from(blob);
      changed[index]! ^= 1 << (index % 8);
      expect(() => verifySignature(armor(changed.toString("base64")), use)).toThrow();
      expect(() => verifySignature(armor(blob.subarray(0, index).toString("base64")), use)).toThrow();
    }
    const longer = Buffer.concat([blob, Buffer.of(0)]);
    expect(() => verifySignature(armor(longer.toString("base64")), use)).toThrow(
      "more data than belongs to it",
    );
  });

  it("refuses what is no signature", () => {
    for (const text of [
      "",
      "hello",
      "-----BEGIN SSH SIGNATURE-----\n\n-----END SSH SIGNATURE-----",
      armor("A!"),
      armor("A"),
      armor("AB=="),
    ]) {
      expect(() => verifySignature(text, use)).toThrow("its armor is missing or damaged");
    }
  });

  it("takes RSA signatures without their leading zeros, and none that are too long", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const { e, n } = privateKey.export({ format: "jwk" });
    const numbers = [e!, n!].map((number) => mpint(Buffer.from(number, "base64url")));
    const key = publicKeyFromBlob(Buffer.concat([string("ssh-rsa"), ...numbers]));
    const signatureOf = (message: string) => {
      const facts = ["test", "", "sha256", hashOf("sha256", message)].map((field) => string(field));
      return sign("sha256", Buffer.concat([Buffer.from("SSHSIG"), ...facts]), privateKey);
    };
    const verify = (message: string, bytes: Buffer) => {
      const inner = Buffer.concat([string("rsa-sha2-256"), string(bytes)]);
      const fields = [key.blob, "test", "", "sha256", inner].map((field) => string(field));
      const text = Buffer.concat([Buffer.from("SSHSIG"), uint32(1), ...fields]).toString("base64");
      return verifySignature(armor(text), { message, namespace: "test", signers: [key] });
    };
    let message = "";
    while (signatureOf(message)[0] !== 0) message += "x";
    expect(verify(message, signatureOf(message).subarray(1))).toEqual(key);
    expect(verify(message, signatureOf(message))).toEqual(key);
    expect(() => verify(message, Buffer.concat([Buffer.of(0), signatureOf(message)]))).toThrow(
      "one of its numbers is too large",
    );
  });

  it("takes RSA with SHA-2 and refuses it with SHA-1, and a weak hash of the message", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const { e, n } = privateKey.export({ format: "jwk" });
    const [exponent, modulus] = [e!, n!].map((number) => mpint(Buffer.from(number, "base64url")));
    const key = publicKeyFromBlob(Buffer.concat([string("ssh-rsa"), exponent!, modulus!]));
    const make = (format: string, hash: string, messageHash: string) => {
      const signed = Buffer.concat([
        Buffer.from("SSHSIG"),
        ...["test", "", messageHash, hashOf(messageHash, "hello\n")].map((field) => string(field)),
      ]);
      const signature = Buffer.concat([string(format), string(sign(hash, signed, privateKey))]);
      const fields = [key.blob, "test", "", messageHash, signature].map((field) => string(field));
      return armor(Buffer.concat([Buffer.from("SSHSIG"), uint32(1), ...fields]).toString("base64"));
    };
    const verify = (...how: Parameters<typeof make>) =>
      verifySignature(make(...how), { ...use, signers: [key] });
    expect(verify("rsa-sha2-256", "sha256", "sha256")).toEqual(key);
    expect(verify("rsa-sha2-512", "sha512", "sha512")).toEqual(key);
    expect(() => verify("rsa-sha2-512", "sha256", "sha512")).toThrow("does not match");
    expect(() => verify("ssh-rsa", "sha1", "sha512")).toThrow("not of a format that is accepted");
    expect(() => verify("rsa-sha2-256", "sha256", "sha1")).toThrow("none of sha256, sha512");
    expect(() => verify("ssh-ed25519", "sha256", "sha512")).toThrow("not of a format that is accepted");
  });
});

function hashOf(algorithm: string, message: string): Buffer {
  return createHash(algorithm).update(message).digest();
}

function armor(base64: string): string {
  return `-----BEGIN SSH SIGNATURE-----\n${base64}\n-----END SSH SIGNATURE-----\n`;
}
