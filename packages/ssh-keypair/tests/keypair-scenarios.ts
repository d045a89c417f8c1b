import { execFile, spawnSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { parseJson } from "@nixops4-providers/json";
import type { KeypairOutputs, Member } from "./member.ts";

const execute = promisify(execFile);
const isMissing = (program: string, ...args: string[]) => spawnSync(program, args).error !== undefined;
const missing = isMissing("ssh-keygen", "-?") ? " (skipped: ssh-keygen is not installed)" : "";

/** Skips its tests, visibly, if there is no ssh-keygen. */
export function describeWithSshKeygen(what: string, tests: () => void): void {
  (missing === "" ? describe : describe.skip)(`${what}${missing}`, tests);
}

const itAsRoot = process.geteuid?.() === 0 ? it : it.skip;

const PASSPHRASE = "correct horse 'battery' staple";
const OTHER_PASSPHRASE = "tr0ub4dor & 3";

/** What the resource does, whatever runs it: the built executable, or this process. */
export function describeKeypair(newMember: () => Member): void {
  describeWithSshKeygen("keypair", () => {
    let folder: string;
    let file: string;
    let member: Member;
    beforeEach(async () => {
      folder = await fs.mkdtemp(join(tmpdir(), "ssh-keypair-"));
      file = join(folder, "keys", "id");
      member = newMember();
    });
    afterEach(async () => {
      const secrets = [PASSPHRASE, OTHER_PASSPHRASE];
      for (const path of await fs.readdir(folder, { recursive: true })) {
        const text = await fs.readFile(join(folder, path), "utf8").catch(() => "");
        if (text.includes("PRIVATE KEY"))
          secrets.push(...text.split("\n").filter((line) => /^[\w+/=]{8,}$/.test(line)));
      }
      await fs.rm(folder, { recursive: true });
      for (const secret of secrets) expect(member.log).not.toContain(secret);
    });

    const sshKeygen = async (...args: string[]) => (await execute("ssh-keygen", args)).stdout.trim();
    const publicOf = (path: string, passphrase = "") => sshKeygen("-y", "-P", passphrase, "-f", path);
    const secret = (value: string) => ({ passphrase: { value } });
    const read = (path = file) => fs.readFile(path, "utf8");
    const exists = (path: string) =>
      fs.access(path).then(
        () => true,
        () => false,
      );
    const blobOf = ({ publicKey }: { publicKey: string }) => publicKey.split(" ")[1];

    /** Writes something else than this resource's key to the path. */
    async function put(text: string, path = file, mode = 0o600): Promise<string> {
      await fs.mkdir(join(path, ".."), { recursive: true });
      await fs.writeFile(path, text);
      await fs.chmod(path, mode);
      return text;
    }

    async function foreignKey(...options: string[]): Promise<string> {
      const path = join(folder, `foreign-${Math.random()}`);
      await sshKeygen("-q", "-t", "ed25519", "-N", "", "-C", "foreign", ...options, "-f", path);
      return read(path);
    }

    /** Expects that the apply fails and does not touch the file. */
    async function expectRefused(inputs: object, message: string | RegExp): Promise<void> {
      const before = await snapshot(file);
      await expect(member.applyUnrecorded(inputs)).rejects.toThrow(message);
      expect(await snapshot(file)).toEqual(before);
    }

    /** Returns what changes when a file is written or replaced. */
    async function snapshot(path: string) {
      const stats = await fs.stat(path).catch(() => undefined);
      if (stats === undefined) return undefined;
      const { ino, mtimeMs, ctimeMs, mode } = stats;
      return { ino, mtimeMs, ctimeMs, mode, text: stats.isFile() ? await read(path) : undefined };
    }

    async function expectKeyFile(outputs: KeypairOutputs, passphrase = ""): Promise<void> {
      const path = outputs.privateKeyFile!;
      expect(await publicOf(path, passphrase)).toBe(outputs.publicKey);
      expect((await fs.stat(path)).mode & 0o7777).toBe(0o600);
      expect((await read(path)).includes(PASSPHRASE)).toBe(false);
      if (passphrase !== "") await expect(publicOf(path)).rejects.toThrow("incorrect passphrase");
    }

    describe("create", () => {
      it("writes the private key to a file of mode 0600 in folders of mode 0700", async () => {
        const outputs = await member.apply({ privateKeyFile: file, comment: "Zoë's key" });
        await expectKeyFile(outputs);
        expect((await fs.stat(join(folder, "keys"))).mode & 0o777).toBe(0o700);
        const publicFile = join(folder, "id.pub");
        await fs.writeFile(publicFile, outputs.publicKey);
        expect(await sshKeygen("-l", "-f", publicFile)).toBe(
          `256 ${outputs.fingerprint} Zoë's key (ED25519)`,
        );
        const records = await sshKeygen("-r", "host", "-f", publicFile);
        for (const data of outputs.sshfp) expect(records.split("\n")).toContain(`host IN SSHFP ${data}`);
        const { privateKey, privateKeyEncrypted, privateKeyFile } = outputs;
        expect({ privateKey, privateKeyEncrypted, privateKeyFile }).toEqual({
          privateKey: null,
          privateKeyEncrypted: null,
          privateKeyFile: file,
        });
      });

      it.each([
        ["ecdsa", {}, "256", "ECDSA"],
        ["ecdsa", { bits: 384 }, "384", "ECDSA"],
        ["ecdsa", { bits: 521 }, "521", "ECDSA"],
        ["rsa", {}, "3072", "RSA"],
        ["rsa", { bits: 2048 }, "2048", "RSA"],
      ])("makes a key of %s with %j", async (algorithm, bits, length, name) => {
        const outputs = await member.apply({ privateKeyFile: file, algorithm, ...bits, comment: "c" });
        await expectKeyFile(outputs);
        expect(await sshKeygen("-l", "-f", file)).toBe(`${length} ${outputs.fingerprint} c (${name})`);
      });

      it("refuses to put the private key into the state unless told so", async () => {
        await expectRefused({ comment: "c" }, "one of privateKeyFile and ageRecipients is required");
        await expectRefused({ privateKeyFile: file, privateKeyInState: true }, "must not be set together");
        expect(await exists(file)).toBe(false);
      });

      it("refuses a path that begins with a tilde", async () => {
        await expectRefused({ privateKeyFile: "~/id" }, "privateKeyFile: must not begin with `~`");
      });

      it("refuses a passphrase that could be told from what is left out of messages", async () => {
        await expectRefused({ privateKeyFile: file, ...secret("abc") }, "has fewer than 4 characters");
        expect(await exists(file)).toBe(false);
      });

      it("makes a new key when a keeper changes beyond 2^53, and none for another way to write a number", async () => {
        const keyOf = async (id: string) =>
          (
            await member.apply(
              parseJson(`{"privateKeyFile":${JSON.stringify(file)},"keepers":{"id":${id}}}`) as object,
            )
          ).publicKey;
        const first = await keyOf("9007199254740993");
        expect(await keyOf("9007199254740993.0")).toBe(first);
        expect(await keyOf("9007199254740992")).not.toBe(first);
      });

      it("warns of a file that Nix would copy into its store, and not of one that git ignores", async () => {
        await fs.writeFile(join(folder, "flake.nix"), "{ outputs = _: { }; }");
        await member.apply({ privateKeyFile: file });
        expect(member.log).toContain(`Nix copies the folder of ${join(folder, "flake.nix")} into its store`);
        await execute("git", ["init", "-q", folder]);
        await fs.writeFile(join(folder, ".gitignore"), "*\n");
        member.log = "";
        await member.apply({ privateKeyFile: file, comment: "again" });
        expect(member.log).not.toContain("Nix copies");
      });

      it("gives the private key as an output when there is no other place for it", async () => {
        for (const passphrase of [undefined, PASSPHRASE]) {
          const inputs = {
            privateKeyInState: true,
            comment: "c",
            ...(passphrase === undefined ? {} : secret(passphrase)),
          };
          const outputs = await newMember().apply(inputs);
          await put(outputs.privateKey!);
          expect(await publicOf(file, passphrase)).toBe(outputs.publicKey);
          expect(outputs).toMatchObject({ privateKeyFile: null, privateKeyEncrypted: null });
          await fs.rm(file);
        }
      });

      it("says everything that is wrong with the inputs", async () => {
        const ageRecipients = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", "AGE-SECRET-KEY-1QQQ", "bob"];
        await expectRefused({ algorithm: "ecdsa", bits: 257, comment: "a\nb", ageRecipients }, /bits: .*521/);
        expect(member.log).toMatch(
          /comment: must be one line.*\[0\]: is an SSH key.*\[1\]: is a secret key.*\[2\]: is not a recipient/s,
        );
        expect(member.log).not.toContain("QQQ");
        await expectRefused({ bits: 256 }, "bits: must not be set");
        await expectRefused({ algorithm: "rsa", bits: 1024 }, "bits: must be 2048 to 8192");
        await expectRefused({ algorithm: "dsa" }, "algorithm: must be one of");
        await expectRefused({ privateKeyFile: file, passphrase: { value: "" } }, "passphrase: is empty");
      });

      it("takes over what a run that left no record has written, without writing it again", async () => {
        const inputs = { privateKeyFile: file, comment: "c", ...secret(PASSPHRASE) };
        const first = await member.applyUnrecorded(inputs);
        const before = await snapshot(file);
        expect(await member.apply(inputs)).toEqual(first);
        expect(await snapshot(file)).toEqual(before);
      });

      it("takes over a key of ssh-keygen, with the wanted comment, passphrase and mode", async () => {
        const key = await foreignKey();
        await put(key, file, 0o400);
        const { publicKey } = await member.apply({ privateKeyFile: file, comment: "foreign" });
        expect(await read()).toBe(key);
        expect((await fs.stat(file)).mode & 0o777).toBe(0o600);
        member.forget();
        const outputs = await member.apply({ privateKeyFile: file, comment: "mine", ...secret(PASSPHRASE) });
        expect(outputs.publicKey).toBe(publicKey.replace("foreign", "mine"));
        await expectKeyFile(outputs, PASSPHRASE);
      });

      it("leaves alone what it cannot take over", async () => {
        const inputs = { privateKeyFile: file };
        await put("my shopping list");
        await expectRefused(inputs, /not an OpenSSH private key\nIt was left as it is\. Move it away/);
        await put("");
        await expectRefused(inputs, "not an OpenSSH private key");
        await put((await foreignKey()).replace(/\n.{20}/, "\n"));
        await expectRefused(inputs, "damaged");
        await put((await foreignKey()).slice(0, 200));
        await expectRefused(inputs, "cut off");
        await put(await foreignKey(), file, 0o640);
        await expectRefused(inputs, /has mode 0640: other users can read it\nIf nobody did, run: chmod 600/);
        await put(await foreignKey("-t", "ecdsa", "-b", "384"));
        await expectRefused(
          inputs,
          "holds an ecdsa key of 384 bits where one of ed25519 with 256 bits is wanted",
        );
        await expectRefused({ ...inputs, algorithm: "ecdsa" }, "where one of ecdsa with 256 bits is wanted");
        await put(await foreignKey("-N", PASSPHRASE));
        await expectRefused(inputs, "it is encrypted and no passphrase is given");
        await expectRefused({ ...inputs, ...secret(OTHER_PASSPHRASE) }, "the passphrase is wrong");
        await fs.rm(file);
        await fs.mkdir(file);
        await expectRefused(inputs, "not a regular file");
      });

      itAsRoot("refuses a key that another user has put there, who would know it", async () => {
        await put(await foreignKey());
        await fs.chown(file, 65534, 65534);
        await expectRefused(
          { privateKeyFile: file },
          "it belongs to another user (uid 65534, mode 0600), who knows the key",
        );
      });
    });

    describe("update without a reason for a new key", () => {
      it("does not touch the file when nothing changed for it", async () => {
        const inputs = { privateKeyFile: file, algorithm: "ecdsa", comment: "c" };
        const first = await member.apply(inputs);
        const before = await snapshot(file);
        for (const same of [{ bits: 256 }, { bits: null }, { keepers: {} }, { keepers: null }]) {
          expect(await member.apply({ ...inputs, ...same })).toEqual(first);
        }
        expect(await snapshot(file)).toEqual(before);
      });

      it("does not mind the order of keepers", async () => {
        const first = await member.apply({ privateKeyFile: file, keepers: { a: { x: 1, y: [2] }, b: null } });
        const second = await member.apply({
          privateKeyFile: file,
          keepers: { b: null, a: { y: [2], x: 1 } },
        });
        expect(second).toEqual(first);
      });

      it("reports a file that is lost, damaged or another key, and makes no new one", async () => {
        const inputs = { privateKeyFile: file };
        const changed = { ...inputs, comment: "new" };
        await member.apply(inputs);
        const key = await read();

        await put(key.replace(/\n.{20}/, "\n"));
        await expectRefused(
          changed,
          /cannot use the private key file .*damaged.*\n.*Put this resource's key back there/,
        );
        await put(withOtherLastByte(key));
        await expectRefused(
          changed,
          /damaged: its padding is wrong\nIt was left as it is\. Put this resource's key back there/,
        );
        await put(key.slice(0, -50));
        await expectRefused(changed, "cut off");
        await put("");
        await expectRefused(changed, "not an OpenSSH private key");
        await put(await foreignKey());
        await expectRefused(
          changed,
          /holds another key \(SHA256:.*\) than the one of this resource \(SHA256:/,
        );
        await fs.rm(file);
        await expectRefused(
          changed,
          /private key file .* is lost.*\nRestore it from a backup, or change `keepers`/,
        );

        await put(key);
        expect((await member.apply(changed)).publicKey).toMatch(/ new$/);
      });

      it("repairs the mode", async () => {
        const outputs = await member.apply({ privateKeyFile: file });
        await fs.chmod(file, 0o666);
        const before = await snapshot(file);
        expect(await member.apply({ privateKeyFile: file })).toEqual(outputs);
        expect(await snapshot(file)).toMatchObject({ ino: before!.ino, text: before!.text });
        await expectKeyFile(outputs);
      });

      it("changes the comment of the same key", async () => {
        const first = await member.apply({ privateKeyFile: file, comment: "old" });
        const second = await member.apply({ privateKeyFile: file, comment: "new" });
        expect(second).toEqual({ ...first, publicKey: first.publicKey.replace("old", "new") });
        await expectKeyFile(second);
      });

      it("adds, changes and removes the passphrase, also when the run before was not recorded", async () => {
        const inputs = { privateKeyFile: file, comment: "c" };
        const outputs = await member.apply(inputs);
        const steps: [object, string][] = [
          [secret(PASSPHRASE), PASSPHRASE],
          [secret(OTHER_PASSPHRASE), OTHER_PASSPHRASE],
          [{}, ""],
        ];
        for (const [passphrase, expected] of steps) {
          expect(await member.applyUnrecorded({ ...inputs, ...passphrase })).toEqual(outputs);
          await expectKeyFile(outputs, expected);
          const before = await snapshot(file);
          expect(await member.apply({ ...inputs, ...passphrase })).toEqual(outputs);
          expect(await snapshot(file)).toEqual(before);
        }
      });

      it("takes a passphrase from the environment and from a file", async () => {
        const passphraseFile = join(folder, "passphrase");
        await fs.writeFile(passphraseFile, `${OTHER_PASSPHRASE}\n`);
        const first = await member.apply(
          { privateKeyFile: file, passphrase: { env: "SECRET" } },
          { SECRET: PASSPHRASE },
        );
        await expectKeyFile(first, PASSPHRASE);
        const inputs = { privateKeyFile: file, passphrase: { file: passphraseFile } };
        // The old passphrase is needed.
        await expect(member.applyUnrecorded(inputs)).rejects.toThrow(
          /cannot use the private key file .*: cannot read the passphrase of the last run: .*SECRET is not set/,
        );
        await expectKeyFile(await member.apply(inputs, { SECRET: PASSPHRASE }), OTHER_PASSPHRASE);
        // The old passphrase is not read if it is not needed.
        await fs.rm(passphraseFile);
        await put(await read());
        await expectRefused({ privateKeyFile: file }, "cannot read the passphrase of the last run");
        await sshKeygen("-q", "-p", "-P", OTHER_PASSPHRASE, "-N", "", "-f", file);
        await expectKeyFile(await member.apply({ privateKeyFile: file }));
      });

      it("reports a passphrase that does not fit", async () => {
        await member.apply({ privateKeyFile: file, ...secret(PASSPHRASE) });
        await sshKeygen("-q", "-p", "-P", PASSPHRASE, "-N", "by hand", "-f", file);
        await expectRefused(
          { privateKeyFile: file, comment: "c", ...secret(PASSPHRASE) },
          /the passphrase is wrong, or the file is damaged\nSet `passphrase` to the one that it is encrypted with/,
        );
      });
    });

    describe("a new path", () => {
      let moved: string;
      beforeEach(() => {
        moved = join(folder, "new", "place", "id");
      });

      it("moves the file", async () => {
        const first = await member.apply({ privateKeyFile: file });
        const second = await member.apply({ privateKeyFile: moved });
        expect(second).toEqual({ ...first, privateKeyFile: moved });
        await expectKeyFile(second);
        expect(await exists(file)).toBe(false);
      });

      it("is converged to from wherever the run before was killed", async () => {
        const first = await member.apply({ privateKeyFile: file });
        const key = await read();
        // As if killed after the file at the new path was written.
        await put(key, moved);
        await member.applyUnrecorded({ privateKeyFile: moved });
        expect(await exists(file)).toBe(false);
        // As if killed after the file at the old path was removed.
        const second = await member.apply({ privateKeyFile: moved });
        expect(second).toEqual({ ...first, privateKeyFile: moved });
        expect(await read(moved)).toBe(key);
      });

      it("is refused while another file is there", async () => {
        await member.apply({ privateKeyFile: file });
        for (const text of ["my shopping list", await foreignKey()]) {
          await put(text, moved);
          await expectRefused(
            { privateKeyFile: moved },
            "Move it away, or choose another path for `privateKeyFile`",
          );
          await expectRefused(
            { privateKeyFile: moved, keepers: { new: 1 } },
            "Move it away, or choose another path",
          );
          expect(await read(moved)).toBe(text);
        }
      });

      it("that leads to the same file is not the end of that file", async () => {
        const first = await member.apply({ privateKeyFile: file });
        const link = join(folder, "link");
        await fs.symlink(join(folder, "keys"), link);
        const second = await member.apply({ privateKeyFile: join(link, "id"), comment: "changed" });
        await expectKeyFile(second);
        const third = await member.apply({ privateKeyFile: `${folder}/keys/../keys/id` });
        await expectKeyFile(third);
        expect(third.publicKey).toBe(first.publicKey);
      });

      it("does not remove what is not the key from the old one", async () => {
        await member.apply({ privateKeyFile: file });
        await put(await read(), moved);
        const text = await put(await foreignKey());
        await member.apply({ privateKeyFile: moved });
        expect(await read()).toBe(text);
        expect(member.log).toContain(`${file} was left there`);
      });

      it("reports that the key is lost", async () => {
        await member.apply({ privateKeyFile: file });
        await fs.rm(file);
        await expect(member.apply({ privateKeyFile: moved })).rejects.toThrow(`file ${file} is lost`);
        expect(await exists(moved)).toBe(false);
      });

      it("goes along with a new key", async () => {
        const first = await member.apply({ privateKeyFile: file });
        const inputs = { privateKeyFile: moved, keepers: { year: 2027 } };
        const second = await member.applyUnrecorded(inputs);
        expect(blobOf(second)).not.toBe(blobOf(first));
        await expectKeyFile(second);
        expect(await exists(file)).toBe(false);
        expect(await member.apply(inputs)).toEqual(second);
      });

      it("from or to the outputs takes the key along", async () => {
        const first = await member.apply({ privateKeyFile: file });
        const second = await member.apply({ privateKeyInState: true });
        expect(second).toEqual({ ...first, privateKeyFile: null, privateKey: await read() });
        expect(member.log).toContain(`${file} is no longer used and was left there`);
        const third = await member.applyUnrecorded({ privateKeyFile: moved });
        expect(third).toEqual({ ...first, privateKeyFile: moved });
        expect(await read(moved)).toBe(second.privateKey);
        expect(await member.apply({ privateKeyFile: moved })).toEqual(third);
        const fourth = await member.apply({ privateKeyInState: true, ...secret(PASSPHRASE) });
        await put(fourth.privateKey!);
        expect(await publicOf(file, PASSPHRASE)).toBe(first.publicKey);
        const fifth = await member.apply({
          privateKeyInState: true,
          ...secret(OTHER_PASSPHRASE),
          comment: "x",
        });
        await put(fifth.privateKey!);
        expect(await publicOf(file, OTHER_PASSPHRASE)).toBe(`${first.publicKey} x`);
        // afterEach looks for this secret in the log.
        await put(second.privateKey!, join(folder, "second"));
      });
    });

    describe("a new key", () => {
      const keepers = { year: 2027 };

      it("replaces the file when keepers, algorithm or bits change", async () => {
        let last = await member.apply({ privateKeyFile: file });
        for (const change of [{ keepers }, { algorithm: "ecdsa" }, { algorithm: "ecdsa", bits: 521 }, {}]) {
          const outputs = await member.apply({ privateKeyFile: file, ...change });
          expect(blobOf(outputs)).not.toBe(blobOf(last));
          await expectKeyFile(outputs);
          last = outputs;
        }
      });

      it("is the same after a run that was not recorded", async () => {
        const first = await member.apply({ privateKeyFile: file });
        const second = await member.applyUnrecorded({ privateKeyFile: file, keepers });
        const third = await member.applyUnrecorded({
          privateKeyFile: file,
          keepers,
          comment: "c",
          ...secret(PASSPHRASE),
        });
        const fourth = await member.apply({
          privateKeyFile: file,
          keepers,
          comment: "c",
          ...secret(PASSPHRASE),
        });
        expect(blobOf(second)).not.toBe(blobOf(first));
        expect(blobOf(third)).toBe(blobOf(second));
        expect(fourth).toEqual(third);
        await expectKeyFile(fourth, PASSPHRASE);
        expect(member.log).toContain("left in");
      });

      it("of another kind replaces one that was not recorded", async () => {
        await member.apply({ privateKeyFile: file });
        await member.applyUnrecorded({ privateKeyFile: file, keepers });
        const outputs = await member.apply({ privateKeyFile: file, algorithm: "ecdsa" });
        expect(outputs.publicKey).toMatch(/^ecdsa/);
        await expectKeyFile(outputs);
      });

      it("is made when the file is lost, but replaces nothing unknown", async () => {
        const first = await member.apply({ privateKeyFile: file });
        await put(await foreignKey());
        await expectRefused({ privateKeyFile: file, keepers }, "holds another key");
        await put("my shopping list");
        await expectRefused({ privateKeyFile: file, keepers }, "not an OpenSSH private key");
        await fs.rm(file);
        const second = await member.apply({ privateKeyFile: file, keepers });
        expect(blobOf(second)).not.toBe(blobOf(first));
        await expectKeyFile(second);
      });

      it("needs no passphrase of the old one", async () => {
        await member.apply({ privateKeyFile: file, passphrase: { env: "SECRET" } }, { SECRET: PASSPHRASE });
        await expectKeyFile(await member.apply({ privateKeyFile: file, keepers }));
      });

      it("in the outputs replaces the old one", async () => {
        const first = await member.apply({ privateKeyInState: true });
        const second = await member.apply({ privateKeyInState: true, keepers });
        expect(second.privateKey).not.toBe(first.privateKey);
        await put(first.privateKey!);
        await put(second.privateKey!, join(folder, "second"));
        expect(await publicOf(join(folder, "second"))).toBe(second.publicKey);
      });
    });

    const ageMissing = isMissing("age", "--version") ? " (skipped: age is not installed)" : "";
    (ageMissing === "" ? describe : describe.skip)(`age${ageMissing}`, () => {
      let identities: string[];
      let recipients: string[];
      beforeEach(async () => {
        identities = [join(folder, "alice"), join(folder, "bob")];
        recipients = [];
        for (const identity of identities) {
          await execute("age-keygen", ["-o", identity]);
          recipients.push((await execute("age-keygen", ["-y", identity])).stdout.trim());
        }
      });

      async function decrypt(
        { privateKeyEncrypted }: KeypairOutputs,
        identity: string,
        path: string,
      ): Promise<void> {
        const ciphertext = await put(privateKeyEncrypted!, join(folder, "ciphertext"));
        expect(ciphertext).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----\n/);
        await execute("age", ["--decrypt", "-i", identity, "-o", path, join(folder, "ciphertext")]);
        await fs.chmod(path, 0o600);
      }

      it("decrypts what was encrypted for each recipient", async () => {
        const outputs = await member.apply({
          ageRecipients: recipients,
          comment: "c",
          ...secret(PASSPHRASE),
        });
        expect(outputs).toMatchObject({ privateKey: null, privateKeyFile: null });
        for (const [index, identity] of identities.entries()) {
          const path = join(folder, `decrypted-${index}`);
          await decrypt(outputs, identity, path);
          expect(await publicOf(path, PASSPHRASE)).toBe(outputs.publicKey);
        }
      });

      it("cannot reach a key that is not in a file any more, and says so", async () => {
        const [alice, bob] = recipients;
        const inputs = { ageRecipients: [alice], comment: "c" };
        const outputs = await member.apply(inputs);
        expect(await member.apply({ ...inputs, ageRecipients: [alice, alice], bits: null })).toEqual(outputs);
        for (const change of [{ ageRecipients: [bob] }, { comment: "d" }, secret(PASSPHRASE)]) {
          await expectRefused(
            { ...inputs, ...change },
            /its comment, passphrase and recipients cannot change\n.*`keepers`/,
          );
        }
        await expectRefused({ privateKeyInState: true }, "it cannot be returned");
        await expectRefused({ ...inputs, privateKeyFile: file }, `it cannot be written to ${file}`);
        expect(member.log).toContain("`age --decrypt` into a file");
        // Follows the hint of the error.
        await fs.mkdir(join(folder, "keys"));
        await decrypt(outputs, identities[0]!, file);
        const inFile = await member.apply({
          ...inputs,
          ageRecipients: [bob],
          comment: "d",
          privateKeyFile: file,
        });
        expect(blobOf(inFile)).toBe(blobOf(outputs));
        await expectKeyFile(inFile);
        await decrypt(inFile, identities[1]!, join(folder, "decrypted"));
        expect(await publicOf(join(folder, "decrypted"))).toBe(inFile.publicKey);
        const rotated = await member.apply({ ageRecipients: [bob], keepers: { new: 1 } });
        expect(blobOf(rotated)).not.toBe(blobOf(outputs));
      });

      it("gets what is in the file, and a new ciphertext only when something changed", async () => {
        const inputs = { ageRecipients: recipients, privateKeyFile: file };
        const first = await member.apply(inputs);
        expect(await member.apply({ ...inputs, ageRecipients: recipients.toReversed() })).toEqual(first);
        const changed = { ...inputs, ...secret(PASSPHRASE) };
        await member.applyUnrecorded(changed);
        // The file has the new passphrase, and the recorded ciphertext still has the old one.
        const second = await member.apply(changed);
        expect(second.privateKeyEncrypted).not.toBe(first.privateKeyEncrypted);
        await decrypt(second, identities[0]!, join(folder, "decrypted"));
        expect(await read(join(folder, "decrypted"))).toBe(await read());
        await fs.rm(file);
        await expectRefused(
          { ...changed, comment: "c" },
          /is lost.*\n.*Or decrypt the output `privateKeyEncrypted`/,
        );
        expect(await member.apply({ ageRecipients: recipients, ...secret(PASSPHRASE) })).toEqual({
          ...second,
          privateKeyFile: null,
        });
      });

      it.each([
        ["is kept when the same one is given in another way", PASSPHRASE, PASSPHRASE, true],
        ["is new with another one", PASSPHRASE, OTHER_PASSPHRASE, false],
        ["is new when the last one cannot be read", OTHER_PASSPHRASE, OTHER_PASSPHRASE, false],
        ["is new without one, when the last one cannot be read", "", "", false],
      ])("has a passphrase: the ciphertext %s", async (_, inFile, wanted, isKept) => {
        const inputs = { ageRecipients: recipients, privateKeyFile: file };
        const former = { SECRET: PASSPHRASE };
        const first = await member.apply({ ...inputs, passphrase: { env: "SECRET" } }, former);
        await sshKeygen("-q", "-p", "-P", PASSPHRASE, "-N", inFile, "-C", "", "-f", file);
        const second = await member.apply(
          { ...inputs, ...(wanted === "" ? {} : secret(wanted)) },
          inFile === PASSPHRASE ? former : {},
        );
        expect(second.publicKey).toBe(first.publicKey);
        expect(second.privateKeyEncrypted === first.privateKeyEncrypted).toBe(isKept);
        await decrypt(second, identities[0]!, join(folder, "decrypted"));
        expect(await publicOf(join(folder, "decrypted"), wanted)).toBe(second.publicKey);
      });

      it("is not given anything when a recipient is wrong", async () => {
        const wrong = recipients[0]!.replace(/.$/, (last) => (last === "q" ? "p" : "q"));
        await expectRefused(
          { ageRecipients: [recipients[1], wrong], privateKeyFile: file },
          /ageRecipients\[1\]: is not a recipient that age can encrypt for/,
        );
        await expectRefused({ ageRecipients: ["age1yubikey1qqq"], privateKeyFile: file }, "ageRecipients[0]");
      });
    });
  });
}

/** Damages the padding after the private half. */
function withOtherLastByte(key: string): string {
  const [begin, ...rest] = key.trim().split("\n");
  const bytes = Buffer.from(rest.slice(0, -1).join(""), "base64");
  bytes[bytes.length - 1]! ^= 1;
  return [begin, bytes.toString("base64"), rest.at(-1), ""].join("\n");
}
