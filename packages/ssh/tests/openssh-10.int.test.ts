import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { missingForOpensshHost, type OpensshHost, startOpensshHost } from "@nixops4-providers/test-servers";
import { create, eventually } from "./lab.ts";

const missing = missingForOpensshHost();
const title = `OpenSSH 10, with its penalties and host keys in memory${missing === undefined ? "" : ` (skipped: ${missing})`}`;

(missing === undefined ? describe : describe.skip)(title, () => {
  let host: OpensshHost;
  beforeAll(async () => void (host = await startOpensshHost()), 600_000);
  afterAll(() => host.stop());

  const attempts = () => host.log().split("Connection from").length - 1;

  it("works with every type", async () => {
    const version = await create("exec", { connection: host.connectionOf("root"), command: "sshd -V 2>&1" });
    expect(version.outputs["stdout"]).toMatch(/^OpenSSH_1\d\./);
    const common = { connection: host.connectionOf("deployer"), sudo: true };
    const { outputs, error } = await create("exec", { ...common, command: "id -un; cat", stdin: "in" });
    expect([error, outputs["stdout"]]).toEqual([undefined, "root\nin"]);
    const path = "/root/a file";
    expect((await create("file", { ...common, path, secret: { value: "a secret" } })).error).toBeUndefined();
    expect(host.sh(`stat -c '%a %u' '${path}'; cat '${path}'`)).toBe("600 0\na secret");
    expect((await create("file", { ...common, path, ensure: "absent" })).error).toBeUndefined();
  });

  it("does not block twelve waiting members while pam_nologin refuses all logins", async () => {
    host.sh("echo 'System is booting up.' >/run/nologin");
    const before = attempts();
    const connection = host.connectionOf("deployer");
    const waiting = Array.from({ length: 12 }, () => create("wait", { connection, timeoutSeconds: 120 }));
    // The attempts are at 0, 2, 6 and 14 s. OpenSSH blocks an address from a penalty of 15 s, and each failed login
    // adds 5 s.
    await eventually(() => attempts() - before >= 4, 60);
    expect(host.log()).toContain("penalty: failed authentication");
    host.sh("rm /run/nologin");
    const results = await Promise.all(waiting);
    expect(results.map(({ error }) => error)).toEqual(results.map(() => undefined));
    expect(attempts() - before).toBeLessThanOrEqual(12 + 5);
    expect(host.log()).not.toMatch(/drop connection .* penalty/);
  });

  it("uses a new host key, which it only reads when it is reloaded", async () => {
    const inputs = { connection: host.connectionOf("deployer"), sudo: true, timeoutSeconds: 60 };
    const { outputs, error } = await create("host_key", inputs, true);
    expect(error).toBeUndefined();
    expect(host.sh("cat /etc/ssh/ssh_host_ed25519_key.pub")).toContain(outputs["hostPublicKey"]);
    const again = await create("host_key", inputs, true);
    expect(again.outputs).toEqual(outputs);
  });
});
