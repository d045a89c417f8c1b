import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  type Algorithm,
  decodePrivateKey,
  encodePrivateKey,
  fingerprint,
  formatPublicKey,
  generateKeyPair,
  inspectPrivateKey,
  type KeyPair,
  parsePublicKey,
  sshfp,
} from "../src/index.ts";
import { WireReader } from "../src/wire.ts";

const execute = promisify(execFile);
const isInstalled = spawnSync("ssh-keygen", ["-?"]).error === undefined;
const suite = isInstalled ? describe : describe.skip;

const PASSPHRASE = 'correct horse, battery\'s "staple" ö';

const KINDS: [Algorithm, number][] = [
  ["ed25519", 256],
  ["ecdsa", 256],
  ["ecdsa", 384],
  ["ecdsa", 521],
  ["rsa", 2048],
];

/** The ciphers with which this ssh-keygen can encrypt a key. */
const CIPHERS = spawnSync("ssh", ["-Q", "cipher"], { encoding: "utf8" }).stdout?.trim().split("\n") ?? [];

suite(`against the real ssh-keygen${isInstalled ? "" : " (skipped: ssh-keygen is not installed)"}`, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ssh-keys-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const sshKeygen = async (...args: string[]) => (await execute("ssh-keygen", args, { cwd: folder })).stdout;

  async function write(name: string, contents: string): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, contents, { mode: 0o600 });
    return path;
  }

  /** Expects ssh-keygen to read the same key from both halves. */
  async function expectAccepted(keys: KeyPair[], passphrase?: string): Promise<void> {
    const lines = keys.map(({ publicKey }) => formatPublicKey(publicKey));
    const listed = await sshKeygen("-l", "-f", await write("all.pub", `${lines.join("\n")}\n`));
    expect(
      listed
        .trim()
        .split("\n")
        .map((text) => text.split(" ")[1]),
    ).toEqual(keys.map(({ publicKey }) => fingerprint(publicKey.blob)));
    await inParallel(keys, async (key, index) => {
      const file = await write(`key-${index}`, await encodePrivateKey(key, { passphrase }));
      const printed = await sshKeygen("-y", "-P", passphrase ?? "", "-f", file);
      expect(printed.trim()).toBe(lines[index]);
    });
  }

  /** Expects that the halves belong together, which ssh-keygen -y does not check. */
  async function expectSigns({ publicKey, privateFields }: KeyPair): Promise<void> {
    const file = await write("signer", await encodePrivateKey({ publicKey, privateFields }));
    await rm(join(folder, "message.sig"), { force: true });
    const message = await write("message", "signed\n");
    await sshKeygen("-Y", "sign", "-n", "test", "-f", file, message);
    const signers = await write("signers", `me ${formatPublicKey({ ...publicKey, comment: "" })}\n`);
    const verify = `ssh-keygen -Y verify -n test -I me -f ${signers} -s ${message}.sig < ${message}`;
    expect((await execute("sh", ["-c", verify])).stdout).toContain("Good");
  }

  it("600 ed25519 keys, and some whose seed or point begins with zero", async () => {
    const keys = await generate("ed25519", 256, 600);
    const special = [
      await generateUntil("ed25519", 256, (key) => ed25519Seed(key)[0] === 0),
      await generateUntil("ed25519", 256, (key) => ed25519Point(key)[0] === 0),
      await generateUntil("ed25519", 256, (key) => ed25519Point(key)[31] === 0),
    ];
    await expectAccepted([...keys, ...special]);
    for (const key of special) await expectSigns(key);
  }, 240_000);

  it.each([
    [256, 32],
    [384, 48],
    [521, 66],
  ])(
    "100 ecdsa keys of %d bits, and some with leading zeros",
    async (bits, length) => {
      const keys = await generate("ecdsa", bits, 100);
      const x = ({ publicKey }: KeyPair) => publicKey.blob.subarray(-2 * length, -length);
      const special = [
        // A number of 521 bits uses one bit of its first byte of 66.
        await generateUntil("ecdsa", bits, (key) => scalarOf(key).length < length),
        await generateUntil("ecdsa", bits, (key) => x(key)[0] === 0),
        await generateUntil("ecdsa", bits, (key) => scalarOf(key)[0]! >= 0x80),
      ];
      await expectAccepted([...keys, ...special]);
      for (const key of special) await expectSigns(key);
    },
    240_000,
  );

  it.each([
    [2048, 20],
    [3072, 2],
    [4096, 1],
  ])(
    "rsa keys of %d bits",
    async (bits, count) => {
      const keys = await generate("rsa", bits, count);
      await expectAccepted(keys);
      await expectSigns(keys[0]!);
    },
    120_000,
  );

  it("keys of all types with a passphrase", async () => {
    const keys = await Promise.all(
      KINDS.map(([algorithm, bits]) => generateKeyPair({ algorithm, bits, comment: "" })),
    );
    await expectAccepted(keys, PASSPHRASE);
  }, 240_000);

  it("SSHFP data", async () => {
    for (const [algorithm, bits] of KINDS) {
      const { publicKey } = await generateKeyPair({ algorithm, bits, comment: "" });
      const records = await sshKeygen(
        "-r",
        "host",
        "-f",
        await write("host.pub", formatPublicKey(publicKey)),
      );
      const theirs = records
        .trim()
        .split("\n")
        .map((record) => record.replace("host IN SSHFP ", ""));
      for (const ours of sshfp(publicKey.blob)) expect(theirs).toContain(ours);
    }
  });

  describe.each(KINDS)("reads what ssh-keygen wrote: %s %d", (algorithm, bits) => {
    it.each([
      ["without a passphrase", "", []],
      ["with a passphrase", PASSPHRASE, []],
      ["with a passphrase, aes256-cbc and 3 rounds", PASSPHRASE, ["-Z", "aes256-cbc", "-a", "3"]],
    ])("%s", async (_, passphrase, options) => {
      const file = join(folder, `theirs-${algorithm}-${bits}-${passphrase.length}-${options.length}`);
      const kind = ["-t", algorithm, ...(algorithm === "ed25519" ? [] : ["-b", String(bits)])];
      await sshKeygen("-q", ...kind, "-C", "Zoë's key", "-N", passphrase, ...options, "-f", file);
      const publicKey = parsePublicKey(await readFile(`${file}.pub`, "utf8"));
      const text = await readFile(file, "utf8");
      expect(inspectPrivateKey(text).publicKey).toEqual({ ...publicKey, comment: "" });
      const { keyPair, encrypted } = await decodePrivateKey(text, passphrase);
      expect(keyPair.publicKey).toEqual(publicKey);
      expect(encrypted).toBe(passphrase !== "");
    });
  });

  it.each(CIPHERS)("reads what ssh-keygen has encrypted by %s", async (cipher) => {
    for (const [algorithm, bits] of KINDS) {
      const file = join(folder, `${cipher}-${algorithm}-${bits}`);
      const kind = ["-t", algorithm, ...(algorithm === "ed25519" ? [] : ["-b", String(bits)])];
      await sshKeygen("-q", ...kind, "-C", "a key", "-N", PASSPHRASE, "-Z", cipher, "-a", "2", "-f", file);
      const text = await readFile(file, "utf8");
      const { keyPair, encrypted } = await decodePrivateKey(text, PASSPHRASE);
      expect(keyPair.publicKey).toEqual(parsePublicKey(await readFile(`${file}.pub`, "utf8")));
      expect(encrypted).toBe(true);
      for (const wrong of [undefined, "wrong"]) {
        await expect(decodePrivateKey(text, wrong)).rejects.toMatchObject({ reason: "passphrase" });
      }
    }
  });

  it("says what to do about another format", async () => {
    const pem = join(folder, "pem");
    await sshKeygen("-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", pem);
    await expect(decodePrivateKey(await readFile(pem, "utf8"))).rejects.toThrow("ssh-keygen -p");
  });
});

async function generate(algorithm: Algorithm, bits: number, count: number): Promise<KeyPair[]> {
  const keys: KeyPair[] = [];
  for (let index = 0; index < count; index++) {
    keys.push(await generateKeyPair({ algorithm, bits, comment: `key ${index}` }));
  }
  return keys;
}

async function generateUntil(
  algorithm: Algorithm,
  bits: number,
  holds: (key: KeyPair) => boolean,
): Promise<KeyPair> {
  for (;;) {
    const key = await generateKeyPair({ algorithm, bits, comment: "special" });
    if (holds(key)) return key;
  }
}

function ed25519Seed({ privateFields }: KeyPair): Buffer {
  return privateFields.subarray(-64, -32);
}

function ed25519Point({ publicKey }: KeyPair): Buffer {
  return publicKey.blob.subarray(-32);
}

function scalarOf({ privateFields }: KeyPair): Buffer {
  const reader = new WireReader(privateFields);
  for (const _ of ["type", "curve", "point"]) reader.string();
  return reader.mpint();
}

async function inParallel<T>(items: T[], work: (item: T, index: number) => Promise<void>): Promise<void> {
  const entries = items.entries();
  const worker = async () => {
    for (const [index, item] of entries) await work(item, index);
  };
  await Promise.all(Array.from({ length: 2 * availableParallelism() }, worker));
}
