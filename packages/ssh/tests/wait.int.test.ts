import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { makeSshKey, startSshLab, type SshLab, TcpProxy, timeSince } from "@nixops4-providers/test-servers";
import { create, describeWithSshd, eventually, start } from "./lab.ts";

describeWithSshd("ssh.wait", () => {
  let lab: SshLab;
  beforeAll(async () => void (lab = await startSshLab()));
  afterAll(() => lab.stop());

  it("returns the host key and the boot ID, when all optional inputs are null", async () => {
    const connection = {
      ...lab.connection,
      passphrase: null,
      agent: null,
      jump: null,
      connectTimeoutSeconds: null,
    };
    const { outputs } = await create("wait", { connection, timeoutSeconds: null });
    expect(outputs).toEqual({
      hostPublicKey: lab.hostKey.publicKey.split(" ").slice(0, 2).join(" "),
      bootId: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    });
  });

  it("waits for a server that starts later, and reports what it waits for", async () => {
    await lab.sshd.stop();
    const waiting = create("wait", { connection: lab.connection });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await lab.restart();
    const { error, stderr } = await waiting;
    expect(error).toBeUndefined();
    expect(stderr).toContain(`waiting for SSH as ${lab.sshd.user} on 127.0.0.1:${lab.sshd.port}`);
  });

  it("refuses bad inputs all at once, each with its path", async () => {
    const connection = {
      ...lab.connection,
      hostPublicKeys: [lab.hostKey.publicKey, "nonsense"],
      agent: false,
    };
    const { error } = await create("wait", { connection: { ...connection, privateKey: null } });
    expect(error).toContain("connection.hostPublicKeys[1]: not a public key");
    expect(error).toContain("connection.privateKey: is required when agent is false");
  });

  it("refuses a connection without host keys", async () => {
    const { error } = await create("wait", { connection: { ...lab.connection, hostPublicKeys: [] } });
    expect(error).toContain("connection.hostPublicKeys: must not be empty");
  });

  it("does not advise to wait, unlike a resource that does not wait", async () => {
    const connection = { ...lab.connection, port: 1 };
    const waited = await create("wait", { connection, timeoutSeconds: 0.5 });
    expect(waited.error).toMatch(/cannot connect to 127\.0\.0\.1:1: .*ECONNREFUSED/);
    expect(waited.error).not.toContain("ssh.wait");
    const { error } = await create("exec", { connection, command: "true" });
    expect(error).toMatch(/sshd listens on this port\. To wait for a host, use `ssh\.wait`\.$/);
  });

  it("fails at once on a wrong host key", async () => {
    const { publicKey } = await makeSshKey(lab.folder, "other");
    const { error } = await create("wait", {
      connection: { ...lab.connection, hostPublicKeys: [publicKey] },
    });
    expect(error).toMatch(/is not the expected one: expected SHA256:.*, presented SHA256:/);
  });

  describe("of many members for one host", () => {
    const attempts = (log: string) => log.split("Connection from").length - 1;

    it("makes one attempt for all members, also when the process that tries is killed", async () => {
      const stranger = await makeSshKey(lab.folder, "stranger");
      const connection = { ...lab.connection, privateKey: { file: stranger.file } };
      const before = lab.sshd.log().length;
      const log = () => lab.sshd.log().slice(before);
      const first = start();
      const killed = expect(first.create("wait", { connection })).rejects.toThrow();
      const others: ReturnType<typeof create>[] = [];
      try {
        await eventually(() => attempts(log()) === 1, 30);
        for (let count = 0; count < 12; count += 1)
          others.push(create("wait", { connection, timeoutSeconds: 60 }));
        const late = await create("wait", { connection, timeoutSeconds: 4 });
        expect(late.error).toContain("could not log in to");
        expect(late.error).toMatch(
          /another process is trying; its last error: .* refused the login of .* with the key/,
        );
        // The attempts are at 0, 2 and 6 s.
        expect(attempts(log())).toBeLessThanOrEqual(4);
        await first.kill("SIGKILL");
        await killed;
        const soFar = attempts(log());
        await eventually(() => attempts(log()) > soFar, 30);
      } finally {
        await lab.sshd.reload({ authorizedKeys: [stranger.publicKey] });
        await first.kill("SIGKILL");
      }
      const results = await Promise.all(others);
      expect(results.map(({ error }) => error)).toEqual(results.map(() => undefined));
      // Each member logs in once, and few attempts have failed.
      expect(attempts(log())).toBeLessThanOrEqual(12 + 8);
      await lab.sshd.reload({ authorizedKeys: [lab.userKey.publicKey] });
    });

    it("does not make accepted members wait for each other", async () => {
      const delayed = await TcpProxy.start(lab.sshd.port);
      const connection = { ...lab.connection, port: delayed.port };
      const results = await Promise.all(Array.from({ length: 8 }, () => create("wait", { connection })));
      expect(results.map(({ error }) => error)).toEqual(results.map(() => undefined));
      expect(delayed.connections).toBe(8);
      await delayed.stop();
    });
  });

  it.each(["a closed port", "a host that says nothing"])(
    "ends within 2 s of SIGTERM on %s",
    async (where) => {
      const silent = await TcpProxy.start();
      const { port } = silent;
      if (where === "a closed port") await silent.stop();
      const provider = start();
      const request = provider.create("wait", { connection: { ...lab.connection, port } });
      const failed = expect(request).rejects.toThrow(/was interrupted: interrupted by SIGTERM/);
      await eventually(() => provider.stderr.includes("waiting for SSH"));
      await new Promise((resolve) => setTimeout(resolve, 500));
      const started = Date.now();
      await provider.kill("SIGTERM");
      expect(await timeSince(started)).toBeLessThan(2_000);
      await failed;
      if (where !== "a closed port") await silent.stop();
    },
  );
});
