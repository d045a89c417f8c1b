import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parsePublicKey, verifySignature } from "../src/index.ts";

const isInstalled = spawnSync("ssh-keygen", ["-?"]).error === undefined;
const suite = isInstalled ? describe : describe.skip;

suite(
  `signatures against the real ssh-keygen${isInstalled ? "" : " (skipped: ssh-keygen is not installed)"}`,
  () => {
    let folder: string;
    beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "sshsig-"))));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const makeKey = (name: string, kind: string[]) => {
      const file = join(folder, name);
      sshKeygen(["-q", "-N", "", "-C", "", "-f", file, ...kind]);
      return { file, publicKey: parsePublicKey(readFileSync(`${file}.pub`, "utf8")) };
    };

    it.each([
      ["-t", "ed25519"],
      ["-t", "ecdsa", "-b", "256"],
      ["-t", "ecdsa", "-b", "384"],
      ["-t", "ecdsa", "-b", "521"],
      ["-t", "rsa", "-b", "2048"],
      ["-t", "rsa", "-b", "3072"],
    ])("%s %s %s %s: takes and refuses what ssh-keygen takes and refuses", (...kind) => {
      const { file, publicKey } = makeKey(kind.join(""), kind.filter(Boolean));
      const namespace = "test@example.org";
      for (const hash of ["sha256", "sha512"]) {
        // Several signatures, because the numbers of ecdsa and rsa are sometimes shorter.
        for (let round = 0; round < 4; round++) {
          const message = `message ${round}\0ä\n`;
          const args = ["-Y", "sign", "-O", `hashalg=${hash}`, "-n", namespace, "-f", file];
          const signature = sshKeygen(args, message).stdout;
          const verdicts = (ours: { message?: string; namespace?: string; signature?: string }) => {
            const given = { message, namespace, signature, ...ours };
            return [oursTakes({ ...given, signers: [publicKey] }), theirsTakes(given)];
          };
          expect(verdicts({})).toEqual([true, true]);
          expect(verdicts({ message: `${message}!` })).toEqual([false, false]);
          expect(verdicts({ namespace: "test@example.com" })).toEqual([false, false]);
          expect(verdicts({ signature: damage(signature, -20) })).toEqual([false, false]);
          const renamed = replaceInBlob(signature, hash, hash === "sha256" ? "sha512" : "sha256");
          expect(verdicts({ signature: renamed })).toEqual([false, false]);
          if (kind[1] === "rsa") {
            const weaker = replaceInBlob(signature, "rsa-sha2-512", "rsa-sha2-256");
            expect(verdicts({ signature: weaker })).toEqual([false, false]);
          }
        }
      }
    });

    it("refuses a signature by a key that is not asked for, though ssh-keygen finds nothing wrong with it", () => {
      const [one, other] = [makeKey("one", ["-t", "ed25519"]), makeKey("other", ["-t", "ed25519"])];
      const signature = sshKeygen(["-Y", "sign", "-n", "test", "-f", one.file], "message").stdout;
      const given = { message: "message", namespace: "test", signature };
      expect(theirsTakes(given)).toBe(true);
      expect(oursTakes({ ...given, signers: [other.publicKey] })).toBe(false);
      expect(oursTakes({ ...given, signers: [other.publicKey, one.publicKey] })).toBe(true);
    });

    function theirsTakes(given: { message: string; namespace: string; signature: string }): boolean {
      const file = join(folder, "checked.sig");
      writeFileSync(file, given.signature);
      const args = ["-Y", "check-novalidate", "-n", given.namespace, "-s", file];
      return spawnSync("ssh-keygen", args, { input: given.message }).status === 0;
    }
  },
);

type Given = Parameters<typeof verifySignature>[1] & { signature: string };

function oursTakes({ signature, ...use }: Given): boolean {
  try {
    verifySignature(signature, use);
    return true;
  } catch {
    return false;
  }
}

function sshKeygen(args: string[], input = "") {
  const result = spawnSync("ssh-keygen", args, { input, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`ssh-keygen failed: ${result.stderr}`);
  return result;
}

function damage(signature: string, at: number): string {
  return changeBlob(signature, (blob) => {
    blob[blob.length + at]! ^= 1;
    return blob;
  });
}

function replaceInBlob(signature: string, from: string, to: string): string {
  return changeBlob(signature, (blob) => Buffer.from(blob.toString("latin1").replace(from, to), "latin1"));
}

function changeBlob(signature: string, change: (blob: Buffer) => Buffer): string {
  const lines = signature.trimEnd().split("\n");
  const blob = change(Buffer.from(lines.slice(1, -1).join(""), "base64"));
  const base64 = blob.toString("base64").replaceAll(/.{70}(?=.)/g, "$&\n");
  return `${lines[0]}\n${base64}\n${lines.at(-1)}\n`;
}
