import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import { encodePrivateKey, fingerprint, formatPublicKey, generateKeyPair } from "@nixops4-providers/ssh-keys";
import { testContext } from "../tests/test-context.ts";
import { loadLogin } from "./login.ts";

const { privateKey: rsaKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = (type: "pkcs1" | "pkcs8", passphrase?: string) =>
  rsaKey.export({
    type,
    format: "pem",
    ...(passphrase !== undefined && { cipher: "aes-128-cbc", passphrase }),
  }) as string;

const load = (login: object, signal?: AbortSignal) =>
  loadLogin(login as never, "bob at web1", testContext(signal));
const failure = (login: object, signal?: AbortSignal) =>
  load(login, signal).then(
    () => "no error",
    (error: unknown) => describeError(error),
  );

describe("a login by a private key", () => {
  let folder: string;
  let publicKey: string;
  let printed: string;
  const keys: Record<string, string> = {};

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "login-"));
    const pair = await generateKeyPair({ algorithm: "ed25519", bits: 256, comment: "bob" });
    publicKey = formatPublicKey(pair.publicKey);
    printed = fingerprint(pair.publicKey.blob);
    keys["openssh"] = await encodePrivateKey(pair);
    keys["encrypted openssh"] = await encodePrivateKey(pair, { passphrase: "open sesame" });
    keys["PKCS #1"] = pem("pkcs1");
    keys["PKCS #8"] = pem("pkcs8");
    keys["encrypted PKCS #1"] = pem("pkcs1", "open sesame");
    keys["encrypted PKCS #8"] = pem("pkcs8", "open sesame");
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("names the key by its type and fingerprint", async () => {
    const { type, keys: names } = await load({ privateKey: { value: keys["openssh"] } });
    expect({ type, names }).toEqual({ type: "publickey", names: [`ssh-ed25519 ${printed}`] });
  });

  it.each(["openssh", "PKCS #1", "PKCS #8"])("takes a key in the format %s", async (format) => {
    expect((await load({ privateKey: { value: keys[format] } })).type).toBe("publickey");
  });

  describe.each(["encrypted openssh", "encrypted PKCS #1", "encrypted PKCS #8"])(
    "takes an %s key",
    (format) => {
      it("with its passphrase", async () => {
        const login = { privateKey: { value: keys[format] }, passphrase: { value: "open sesame" } };
        expect((await load(login)).type).toBe("publickey");
      });

      it("not with another passphrase", async () => {
        const login = { privateKey: { value: keys[format] }, passphrase: { value: "close sesame" } };
        expect(await failure(login)).toBe(
          "cannot use the private key for bob at web1: the passphrase is wrong, or the key is damaged",
        );
      });

      it("not without a passphrase", async () => {
        expect(await failure({ privateKey: { value: keys[format] } })).toBe(
          "cannot use the private key for bob at web1: it is encrypted, and no passphrase is given\n" +
            "Set `passphrase`, or add the key to an SSH agent and drop `privateKey`.",
        );
      });
    },
  );

  it("refuses a public key", async () => {
    expect(await failure({ privateKey: { value: publicKey } })).toBe(
      "cannot use the private key for bob at web1: it is a public key\n" +
        "Point `privateKey` at the other file, the one without `.pub`.",
    );
  });

  it.each([
    "this is no key at all",
    "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
  ])("refuses %j, and does not quote it", async (value) => {
    expect(await failure({ privateKey: { value } })).toBe(
      "cannot use the private key for bob at web1: it is damaged or of a format that is not supported\n" +
        "`ssh-keygen -p -f FILE` rewrites a key in OpenSSH's own format, which is.",
    );
  });

  it("refuses a key in a file that others can read", async () => {
    const file = join(folder, "key");
    await writeFile(file, keys["openssh"]!, { mode: 0o600 });
    expect((await load({ privateKey: { file } })).type).toBe("publickey");
    await chmod(file, 0o644);
    expect(await failure({ privateKey: { file } })).toContain(file);
  });
});

describe("a login by an SSH agent", () => {
  let folder: string;
  let server: Server | undefined;
  let before: string | undefined;

  beforeEach(async () => {
    before = process.env["SSH_AUTH_SOCK"];
    folder = await mkdtemp(join(tmpdir(), "agent-"));
    process.env["SSH_AUTH_SOCK"] = join(folder, "socket");
  });
  afterEach(async () => {
    server?.close();
    server = undefined;
    if (before === undefined) delete process.env["SSH_AUTH_SOCK"];
    else process.env["SSH_AUTH_SOCK"] = before;
    await rm(folder, { recursive: true });
  });

  const hint = "Set `privateKey`, or run `ssh-add` and pass SSH_AUTH_SOCK on.";
  const string = (bytes: Buffer | string) => {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(bytes.length);
    return Buffer.concat([size, Buffer.from(bytes)]);
  };

  /** Starts an agent with keys, by the protocol of OpenSSH's PROTOCOL.agent; `undefined` for one that does not answer. */
  async function startAgent(blobs: Buffer[] | undefined): Promise<void> {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(blobs?.length ?? 0);
    const identities = (blobs ?? []).map((blob) => Buffer.concat([string(blob), string("a comment")]));
    const answer = string(Buffer.concat([Buffer.of(12), count, ...identities]));
    server = createServer((socket) => {
      socket.on("error", () => {}).on("data", () => void (blobs !== undefined && socket.write(answer)));
    });
    await new Promise<void>((resolve) => server!.listen(process.env["SSH_AUTH_SOCK"], resolve));
  }

  it("names the keys of the agent", async () => {
    const { publicKey } = await generateKeyPair({ algorithm: "ed25519", bits: 256, comment: "" });
    await startAgent([publicKey.blob]);
    const { type, keys } = await load({});
    expect({ type, keys }).toEqual({ type: "agent", keys: [`ssh-ed25519 ${fingerprint(publicKey.blob)}`] });
  });

  it.each([undefined, ""])("needs an agent, with SSH_AUTH_SOCK=%s", async (value) => {
    if (value === undefined) delete process.env["SSH_AUTH_SOCK"];
    else process.env["SSH_AUTH_SOCK"] = value;
    expect(await failure({})).toBe(
      `there is no key to log in with as bob at web1: no privateKey is given, and SSH_AUTH_SOCK is not set\n${hint}`,
    );
  });

  it("reports an agent that cannot be reached", async () => {
    expect(await failure({})).toContain(
      `cannot ask the SSH agent at ${process.env["SSH_AUTH_SOCK"]} for its keys`,
    );
  });

  it("stops waiting for an agent when it is interrupted", async () => {
    await startAgent(undefined);
    const controller = new AbortController();
    const result = failure({}, controller.signal);
    controller.abort(new Error("interrupted by SIGINT"));
    expect(await result).toContain("interrupted by SIGINT");
  });

  it("reports an agent without keys", async () => {
    await startAgent([]);
    expect(await failure({})).toBe(
      `there is no key to log in with as bob at web1: the SSH agent at ${process.env["SSH_AUTH_SOCK"]} has none\n${hint}`,
    );
  });

  it("names the types of keys that cannot be used, each once", async () => {
    const blob = Buffer.concat([string("sk-ssh-ed25519@openssh.com"), string("the rest")]);
    await startAgent([blob, blob]);
    expect(await failure({})).toBe(
      `there is no key to log in with as bob at web1: the SSH agent at ${process.env["SSH_AUTH_SOCK"]} has none ` +
        "that can be used here; it has only sk-ssh-ed25519@openssh.com\n" +
        "Certificates and keys on FIDO tokens (sk-…) are not supported: add an ordinary key to the agent " +
        "and to the authorized keys on the host, or set `privateKey`.",
    );
  });
});
