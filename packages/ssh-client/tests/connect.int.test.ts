import { createServer } from "node:net";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import { fingerprint, parsePublicKey } from "@nixops4-providers/ssh-keys";
import {
  makeSshKey,
  startSshLab,
  type SshKey,
  type SshLab,
  TcpProxy,
  timeSince,
} from "@nixops4-providers/test-servers";
import { connect, ConnectError, type ConnectionSettings } from "../src/index.ts";
import { connectionTo, describeWithSshd, eventually, printed, sh } from "./lab.ts";
import { testContext } from "./test-context.ts";

async function failToConnect(connection: ConnectionSettings): Promise<ConnectError> {
  const error: unknown = await connect(connection, testContext()).then(
    (ssh) => ssh.end(),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConnectError);
  return error as ConnectError;
}

const fingerprintOf = (key: SshKey) => fingerprint(parsePublicKey(key.publicKey).blob);

describeWithSshd("host keys", () => {
  let lab: SshLab;
  let other: SshKey;
  const types = {
    ed25519: ["-t", "ed25519"],
    "ecdsa 256": ["-t", "ecdsa", "-b", "256"],
    "ecdsa 384": ["-t", "ecdsa", "-b", "384"],
    "ecdsa 521": ["-t", "ecdsa", "-b", "521"],
    "rsa 2048": ["-t", "rsa", "-b", "2048"],
  };
  const keys: Record<string, SshKey> = {};

  beforeAll(async () => {
    lab = await startSshLab();
    other = await makeSshKey(lab.folder, "other");
    for (const [name, args] of Object.entries(types)) {
      keys[name] = await makeSshKey(lab.folder, `host ${name}`, args);
    }
    await lab.sshd.reload({ hostKeyFiles: Object.values(keys).map(({ file }) => file) });
  });
  afterAll(() => lab.stop());

  it.each(Object.keys(types))("accepts a pinned %s key among others that the host has", async (name) => {
    const { publicKey } = keys[name]!;
    const ssh = await connect(connectionTo(lab, { hostPublicKeys: [publicKey] }), testContext());
    expect(publicKey.startsWith(ssh.hostPublicKey)).toBe(true);
    expect(await printed(ssh, "echo connected")).toBe("connected\n");
    ssh.end();
  });

  it("accepts any of several pins", async () => {
    const hostPublicKeys = [other.publicKey, keys["ed25519"]!.publicKey];
    const ssh = await connect(connectionTo(lab, { hostPublicKeys }), testContext());
    expect(keys["ed25519"]!.publicKey).toContain(ssh.hostPublicKey);
    ssh.end();
  });

  it("does not use SHA-1 signatures for RSA keys", async () => {
    await lab.sshd.reload({ extraConfig: ["HostKeyAlgorithms ssh-rsa"] });
    const error = await failToConnect(connectionTo(lab, { hostPublicKeys: [keys["rsa 2048"]!.publicKey] }));
    expect(error.reason).toBe("host-key");
    await lab.sshd.reload({ extraConfig: [] });
  });

  it("names both fingerprints when the key is another, and does not try to log in", async () => {
    const seen = lab.sshd.log().length;
    const error = await failToConnect(connectionTo(lab, { hostPublicKeys: [other.publicKey] }));
    expect(error.reason).toBe("host-key");
    expect(error.message).toContain(`127.0.0.1:${lab.sshd.port}`);
    expect(error.message).toContain(`expected ${fingerprintOf(other)}`);
    expect(error.message).toContain(`presented ${fingerprintOf(keys["ed25519"]!)}`);
    await expectNoLogin(lab, seen);
  });

  it("names the key that the host has when it has none of the pinned types", async () => {
    await lab.sshd.reload({ hostKeyFiles: [keys["ecdsa 256"]!.file] });
    const seen = lab.sshd.log().length;
    const error = await failToConnect(connectionTo(lab, { hostPublicKeys: [other.publicKey] }));
    expect(error.reason).toBe("host-key");
    expect(error.message).toContain(`expected ${fingerprintOf(other)} (ssh-ed25519)`);
    expect(error.message).toContain(`presented ${fingerprintOf(keys["ecdsa 256"]!)} (ecdsa-sha2-nistp256)`);
    await expectNoLogin(lab, seen);
  });
});

/** Expects that the log of sshd since `seen` shows a connection that ended before it named a user. */
async function expectNoLogin(lab: SshLab, seen: number): Promise<void> {
  const log = () => lab.sshd.log().slice(seen);
  await eventually(() => /(closed|reset|disconnect|negotiate)/i.test(log()));
  expect(log()).toContain("Connection from 127.0.0.1");
  expect(log()).not.toMatch(/publickey|authenticating|Accepted|Failed|user/i);
}

describeWithSshd("jump hosts", () => {
  let first: SshLab;
  let second: SshLab;
  let target: SshLab;

  beforeAll(async () => {
    [first, second, target] = await Promise.all([startSshLab(), startSshLab(), startSshLab()]);
  });
  afterAll(() => Promise.all([first, second, target].map((lab) => lab.stop())));

  const hop = (lab: SshLab) => ({ ...lab.connection, agent: false });

  it("goes through all of them", async () => {
    const jump = [hop(first), hop(second)];
    const ssh = await connect(connectionTo(target, { jump }), testContext());
    const { stdout } = await sh(ssh, "echo $SSH_CONNECTION; cat", { stdin: Buffer.alloc(3_000_000, "x") });
    expect(stdout.toString()).toContain(` ${target.sshd.port}\n`);
    expect(stdout.length).toBeGreaterThan(3_000_000);
    ssh.end();
    for (const lab of [first, second, target])
      await eventually(() => /Disconnected from|Connection (closed|reset)/.test(lab.sshd.log()));
  });

  it("does not get past one with a wrong key", async () => {
    const seen = [first, second, target].map((lab) => lab.sshd.log().length);
    const jump = [hop(first), { ...hop(second), hostPublicKeys: first.connection.hostPublicKeys }];
    const error = await failToConnect(connectionTo(target, { jump }));
    expect(error.reason).toBe("host-key");
    expect(error.message).toContain(`the host key of 127.0.0.1:${second.sshd.port}`);
    await expectNoLogin(second, seen[1]!);
    expect(target.sshd.log().length).toBe(seen[2]);
  });

  it("names the hop from which a host is not reached", async () => {
    const error = await failToConnect(connectionTo(target, { port: 1, jump: [hop(first)] }));
    expect(error.reason).toBe("unreachable");
    expect(describeError(error)).toMatch(
      new RegExp(`connect to 127.0.0.1:1 from the jump host 127.0.0.1:${first.sshd.port}: .*refused`),
    );
  });

  it("says so when forwarding is not allowed", async () => {
    await first.sshd.reload({ extraConfig: ["AllowTcpForwarding no"] });
    const error = await failToConnect(connectionTo(target, { jump: [hop(first)] }));
    expect(error.reason).toBe("protocol");
    expect(error.hint).toContain("AllowTcpForwarding");
    await first.sshd.reload({ extraConfig: [] });
  });
});

describeWithSshd("a host that cannot be reached", () => {
  let lab: SshLab;
  beforeAll(async () => void (lab = await startSshLab()));
  afterAll(() => lab.stop());

  it("is an error at once when the port is closed", async () => {
    const started = Date.now();
    const error = await failToConnect(connectionTo(lab, { port: 1 }));
    expect(error.reason).toBe("unreachable");
    expect(describeError(error)).toMatch(/cannot connect to 127.0.0.1:1: .*ECONNREFUSED/);
    expect(await timeSince(started)).toBeLessThan(2_000);
  });

  it("is an error after connectTimeoutSeconds when it says nothing", async () => {
    const silent = await TcpProxy.start();
    const started = Date.now();
    const error = await failToConnect(connectionTo(lab, { port: silent.port, connectTimeoutSeconds: 1 }));
    expect(error.reason).toBe("unreachable");
    expect(error.message).toContain("no SSH banner within 1 s");
    expect(Date.now() - started).toBeGreaterThan(990);
    expect(await timeSince(started)).toBeLessThan(3_000);
    await silent.stop();
  });

  it("is an error when key exchange stops half-way", async () => {
    const server = createServer((socket) => socket.on("error", () => {}).write("SSH-2.0-OpenSSH_9.9\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const error = await failToConnect(connectionTo(lab, { port, connectTimeoutSeconds: 1 }));
    expect(error.message).toContain("key exchange did not finish within 1 s");
    server.close();
  });

  it("stops waiting when it is interrupted", async () => {
    const silent = await TcpProxy.start();
    const abort = new AbortController();
    const connecting = connect(connectionTo(lab, { port: silent.port }), testContext(abort.signal));
    setTimeout(() => abort.abort(new Error("interrupted by the test")), 100);
    await expect(connecting).rejects.toThrow("interrupted by the test");
    await silent.stop();
  });
});

describeWithSshd("a host with too many connections", () => {
  it("is tried again", async () => {
    const lab = await startSshLab({ extraConfig: ["MaxStartups 1:100:1"] });
    const connections = Array.from({ length: 8 }, async () => {
      const ssh = await connect(connectionTo(lab), testContext());
      const { stdout } = await sh(ssh, "echo in");
      ssh.end();
      return stdout.toString();
    });
    expect(await Promise.all(connections)).toEqual(Array.from({ length: 8 }, () => "in\n"));
    expect(lab.sshd.log()).toMatch(/MaxStartups|drop connection/);
    await lab.stop();
  });
});
