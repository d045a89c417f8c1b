import { execFile } from "node:child_process";
import { chmod, chown, copyFile, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import { fingerprint, parsePublicKey } from "@nixops4-providers/ssh-keys";
import { makeSshKey, startSshLab, type SshKey, type SshLab } from "@nixops4-providers/test-servers";
import { connect, type ConnectionSettings } from "../src/index.ts";
import { connectionTo, describeWithSshd, printed } from "./lab.ts";
import { testContext } from "./test-context.ts";

const run = promisify(execFile);

async function whoAmI(connection: ConnectionSettings): Promise<string> {
  const ssh = await connect(connection, testContext());
  const name = await printed(ssh, "id -un");
  ssh.end();
  return name.trim();
}

async function failToConnect(connection: ConnectionSettings): Promise<string> {
  try {
    (await connect(connection, testContext())).end();
  } catch (error) {
    return describeError(error);
  }
  throw new Error("it connected");
}

describeWithSshd("logging in with a key", () => {
  let lab: SshLab;
  let encrypted: SshKey;
  let stranger: SshKey;

  beforeAll(async () => {
    lab = await startSshLab();
    encrypted = await makeSshKey(lab.folder, "encrypted", ["-N", "open sesame"]);
    stranger = await makeSshKey(lab.folder, "stranger");
  });
  afterAll(() => lab.stop());

  it.each([
    ["ed25519", ["-t", "ed25519"]],
    ["ecdsa", ["-t", "ecdsa", "-b", "384"]],
    ["rsa", ["-t", "rsa", "-b", "2048"]],
    ["rsa in PEM format", ["-t", "rsa", "-b", "2048", "-m", "PEM"]],
    ["rsa in PKCS #8", ["-t", "rsa", "-b", "2048", "-m", "PKCS8"]],
    ["ecdsa in PKCS #8", ["-t", "ecdsa", "-b", "521", "-m", "PKCS8"]],
  ])("works with %s", async (name, args) => {
    const key = await makeSshKey(lab.folder, `user ${name}`, args);
    await lab.sshd.reload({ authorizedKeys: [key.publicKey] });
    expect(await whoAmI(connectionTo(lab, { privateKey: { file: key.file } }))).toBe(lab.sshd.user);
  });

  it("works with ed25519 in PKCS #8, as OpenSSL writes it", async () => {
    const file = join(lab.folder, "openssl-key");
    await run("openssl", ["genpkey", "-algorithm", "ed25519", "-out", file]);
    const { stdout } = await run("openssl", [
      "pkey",
      "-in",
      file,
      "-pubout",
      "-outform",
      "DER",
      "-out",
      `${file}.der`,
    ]);
    expect(stdout).toBe("");
    const point = (await readFile(`${file}.der`)).subarray(-32);
    const blob = Buffer.concat([Buffer.from("0000000b7373682d6564323535313900000020", "hex"), point]);
    await lab.sshd.reload({ authorizedKeys: [`ssh-ed25519 ${blob.toString("base64")}`] });
    expect(await whoAmI(connectionTo(lab, { privateKey: { file } }))).toBe(lab.sshd.user);
  });

  it("takes the key from a value, a variable or a command", async () => {
    await lab.sshd.reload({ authorizedKeys: [lab.userKey.publicKey] });
    const value = await readFile(lab.userKey.file, "utf8");
    process.env["TEST_SSH_KEY"] = value;
    const refs = [{ value }, { env: "TEST_SSH_KEY" }, { command: ["cat", lab.userKey.file] }];
    for (const privateKey of refs)
      expect(await whoAmI(connectionTo(lab, { privateKey }))).toBe(lab.sshd.user);
    delete process.env["TEST_SSH_KEY"];
  });

  it.each([
    ["OpenSSH's format", []],
    ["OpenSSH's format by chacha20-poly1305", ["-Z", "chacha20-poly1305@openssh.com"]],
    ["OpenSSH's format by aes128-gcm", ["-Z", "aes128-gcm@openssh.com"]],
    ["PEM format", ["-t", "rsa", "-b", "2048", "-m", "PEM"]],
    ["PKCS #8", ["-t", "rsa", "-b", "2048", "-m", "PKCS8"]],
    ["PKCS #8 (ecdsa)", ["-t", "ecdsa", "-m", "PKCS8"]],
  ])("opens an encrypted key in %s, and says when the passphrase is missing or wrong", async (name, args) => {
    const key = await makeSshKey(lab.folder, `encrypted ${name}`, [...args, "-N", "open sesame"]);
    await lab.sshd.reload({ authorizedKeys: [key.publicKey] });
    const privateKey = { file: key.file };
    const passphrase = (value: string) => connectionTo(lab, { privateKey, passphrase: { value } });
    expect(await whoAmI(passphrase("open sesame"))).toBe(lab.sshd.user);
    expect(await failToConnect(connectionTo(lab, { privateKey }))).toContain(
      "it is encrypted, and no passphrase is given",
    );
    const wrong = await failToConnect(passphrase("open barley"));
    expect(wrong).toContain("the passphrase is wrong");
    expect(wrong).not.toContain("barley");
  });

  it("says what a thing is that is not a private key, and quotes none of it", async () => {
    const noKey = await failToConnect(connectionTo(lab, { privateKey: { value: "hunter2 is not a key" } }));
    expect(noKey).toContain("it is damaged or of a format that is not supported");
    expect(noKey).not.toContain("hunter2");
    const publicKey = await failToConnect(
      connectionTo(lab, { privateKey: { file: `${encrypted.file}.pub` } }),
    );
    expect(publicKey).toContain("it is a public key");
  });

  it.each([0o640, 0o604, 0o610, 0o777])(
    "refuses a key whose file has mode %o, as OpenSSH does",
    async (mode) => {
      const file = join(lab.folder, `open ${mode}`);
      await copyFile(lab.userKey.file, file);
      await chmod(file, mode);
      await lab.sshd.reload({ authorizedKeys: [lab.userKey.publicKey] });
      const link = `${file} link`;
      await symlink(file, link);
      for (const path of [file, link]) {
        const message = await failToConnect(connectionTo(lab, { privateKey: { file: path } }));
        expect(message).toContain(
          `others may read the file ${path} (owner: uid ${process.getuid!()}, mode: 0${mode.toString(8)})`,
        );
        expect(message).toContain(`\`chmod 600 ${path}\``);
      }
      await expect(run("ssh-keygen", ["-y", "-P", "", "-f", file])).rejects.toThrow(
        /UNPROTECTED PRIVATE KEY/,
      );
      await chmod(file, 0o600);
      expect(await whoAmI(connectionTo(lab, { privateKey: { file } }))).toBe(lab.sshd.user);
    },
  );

  const asRoot = process.getuid!() === 0 ? it : it.skip;
  asRoot("takes a key of another user, who decides who reads it, as OpenSSH does", async () => {
    const file = join(lab.folder, "of another user");
    await copyFile(lab.userKey.file, file);
    await chown(file, 65534, 65534);
    await chmod(file, 0o644);
    await lab.sshd.reload({ authorizedKeys: [lab.userKey.publicKey] });
    await run("ssh-keygen", ["-y", "-P", "", "-f", file]);
    expect(await whoAmI(connectionTo(lab, { privateKey: { file } }))).toBe(lab.sshd.user);
  });

  it("refuses a key of 1 to 3 characters, and a passphrase", async () => {
    for (const short of ["a", "abc"]) {
      expect(await failToConnect(connectionTo(lab, { privateKey: { value: short } }))).toMatch(
        /^the private key for \S+ has fewer than 4 characters$/m,
      );
      const privateKey = { file: encrypted.file };
      expect(await failToConnect(connectionTo(lab, { privateKey, passphrase: { value: short } }))).toMatch(
        /^the passphrase of the private key for \S+ has fewer than 4 characters$/m,
      );
    }
  });

  it("says which key was refused, for whom and where", async () => {
    const message = await failToConnect(connectionTo(lab, { privateKey: { file: stranger.file } }));
    expect(message).toContain(`127.0.0.1:${lab.sshd.port} refused the login of ${lab.sshd.user}`);
    expect(message).toContain(`ssh-ed25519 ${fingerprint(parsePublicKey(stranger.publicKey).blob)}`);
    expect(message).toContain("it accepts publickey");
    expect(message).toContain("authorized keys");
  });
});

describeWithSshd("logging in where a key is not enough", () => {
  let lab: SshLab;
  beforeAll(async () => void (lab = await startSshLab()));
  afterAll(() => lab.stop());

  it.each([
    ["publickey,password", /accepted the key ssh-ed25519 \S+ for .* and then requires password/],
    ["password,publickey", /accepts only password for/],
    ["password", /accepts only password for/],
  ])("says what %s wants, and that a key must be enough", async (methods, message) => {
    await lab.sshd.reload({
      extraConfig: [`AuthenticationMethods ${methods}`, "PasswordAuthentication yes"],
    });
    const text = await failToConnect(connectionTo(lab));
    expect(text).toMatch(message);
    expect(text).toContain("AuthenticationMethods publickey");
    expect(text).not.toContain("authorized keys");
  });
});

describeWithSshd("logging in with an SSH agent", () => {
  let lab: SshLab;
  let pid = 0;
  const before = process.env["SSH_AUTH_SOCK"];
  const socket = () => join(lab.folder, "agent");

  beforeAll(async () => {
    lab = await startSshLab();
    const { stdout } = await run("ssh-agent", ["-s", "-a", socket()]);
    pid = Number(/SSH_AGENT_PID=(\d+)/.exec(stdout)![1]);
    process.env["SSH_AUTH_SOCK"] = socket();
  });
  afterAll(async () => {
    if (before === undefined) delete process.env["SSH_AUTH_SOCK"];
    else process.env["SSH_AUTH_SOCK"] = before;
    process.kill(pid);
    await lab.stop();
  });

  const byAgent = () => {
    const { privateKey: _, ...rest } = connectionTo(lab);
    return rest;
  };
  const sshAdd = (...args: string[]) => run("ssh-add", ["-q", ...args], { env: { SSH_AUTH_SOCK: socket() } });

  it("says so when the agent has no keys or is not there", async () => {
    expect(await failToConnect(byAgent())).toContain(`the SSH agent at ${socket()} has none`);
    process.env["SSH_AUTH_SOCK"] = "/nonexistent";
    expect(await failToConnect(byAgent())).toContain("cannot ask the SSH agent at /nonexistent for its keys");
    delete process.env["SSH_AUTH_SOCK"];
    expect(await failToConnect(byAgent())).toContain("SSH_AUTH_SOCK is not set");
    process.env["SSH_AUTH_SOCK"] = socket();
  });

  it("tries each of its keys, RSA without SHA-1", async () => {
    const rsa = await makeSshKey(lab.folder, "agent rsa", ["-t", "rsa", "-b", "2048"]);
    await sshAdd((await makeSshKey(lab.folder, "agent stranger")).file);
    expect(await failToConnect(byAgent())).toContain("from the SSH agent");
    await sshAdd(rsa.file);
    await lab.sshd.reload({ authorizedKeys: [rsa.publicKey] });
    expect(await whoAmI(byAgent())).toBe(lab.sshd.user);
    expect(lab.sshd.log()).toContain("Accepted publickey");
  });

  it("says so when it has nothing but a certificate", async () => {
    await sshAdd("-D");
    const key = await makeSshKey(lab.folder, "certified");
    await run("ssh-keygen", [
      "-q",
      "-s",
      lab.userKey.file,
      "-I",
      "id",
      "-n",
      lab.sshd.user,
      `${key.file}.pub`,
    ]);
    await sshAdd(key.file);
    // The public key is in a separate file, so that ssh-add only removes the key and keeps the certificate.
    await copyFile(`${key.file}.pub`, join(lab.folder, "to be removed.pub"));
    await sshAdd("-d", join(lab.folder, "to be removed.pub"));
    const message = await failToConnect(byAgent());
    expect(message).toContain(`the SSH agent at ${socket()} has none that can be used here`);
    expect(message).toContain("it has only ssh-ed25519-cert-v01@openssh.com");
    expect(message).toContain("Certificates");
  });

  it("explains what happens when it has too many keys", async () => {
    await sshAdd("-D");
    for (let number = 1; number <= 7; number += 1)
      await sshAdd((await makeSshKey(lab.folder, `stranger ${number}`)).file);
    const message = await failToConnect(byAgent());
    expect(message).toContain("Too many authentication failures");
    expect(message).toContain("MaxAuthTries");
  });
});
