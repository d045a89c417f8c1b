import { appendFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { HostKeyLab } from "./host-key-lab.ts";
import { describeWithSshd } from "./lab.ts";

describeWithSshd("ssh.host_key and the reload of sshd", () => {
  let host: HostKeyLab;
  beforeEach(async () => void (host = await HostKeyLab.start({ keysInMemory: true })));
  afterEach(() => host.stop());

  /** Expects that the old key is still in use and in its file, and that the next run continues the rotation. */
  async function expectUnchanged(changes: { algorithm?: string } = {}): Promise<void> {
    expect(host.presented()).toBe(host.temporaryKey);
    expect(host.keyIn("host")).toBe(host.temporaryKey);
    expect(host.publicFile("host")).toBe(host.temporaryKey);
    const begun = host.tryKeyIn("host.new");
    const { outputs, error } = await host.create(changes);
    expect(error).toBeUndefined();
    expect(outputs["hostPublicKey"]).toBe(begun ?? outputs["hostPublicKey"]);
    expect(host.presented(changes.algorithm)).toBe(outputs["hostPublicKey"]);
    expect(Object.keys(host.files())).toEqual([
      "host",
      "host.pub",
      "ssh_host_key_rotations",
      "ssh_host_key_rotations.lock",
    ]);
  }

  it("reloads by a command", async () => {
    const command = `kill -s HUP ${host.lab.sshd.pid} && touch ${host.path("reloaded")}`;
    const { outputs, error } = await host.create({ reload: { command } });
    expect(error).toBeUndefined();
    expect(host.presented()).toBe(outputs["hostPublicKey"]);
    expect(host.files()).toHaveProperty("reloaded");
  });

  it("restores the old key when the reload changes nothing", async () => {
    const { error } = await host.create({ reload: { command: "true" }, timeoutSeconds: 3 });
    expect(error).toContain("did not take its new host key up; it has the old one again: the host key of");
    expect(error).toContain("is not the expected one");
    await expectUnchanged();
  });

  it("restores the old key when the reload fails, and reports why", async () => {
    const { error } = await host.create({ reload: { command: "echo no such unit >&2; exit 5" } });
    expect(error).toMatch(/it has the old one again: cannot reload sshd on 127.0.0.1:\d+: no such unit\n/);
    await expectUnchanged();
  });

  it("trusts the key that sshd presents, not the result of the reload", async () => {
    const command = `kill -s HUP ${host.lab.sshd.pid}; sleep 0.2; echo it went wrong >&2; exit 1`;
    const { outputs, error, stderr } = await host.create({ reload: { command } });
    expect(error).toBeUndefined();
    expect(host.presented()).toBe(outputs["hostPublicKey"]);
    expect(stderr).toContain("it went wrong");
  });

  it("starts sshd again with the old key when it does not survive the reload", async () => {
    const command = `kill -s KILL ${host.lab.sshd.pid}`;
    const { error } = await host.create({ reload: { command }, timeoutSeconds: 3 });
    expect(error).toContain("did not take its new host key up; it has the old one again");
    await expectUnchanged();
    host.killStrayServers();
  });

  it("changes nothing when sshd cannot use the new key", async () => {
    await host.lab.sshd.reload({ extraConfig: ["HostKeyAlgorithms ssh-ed25519", ...host.extraConfig] });
    const { error } = await host.create({ algorithm: "ecdsa" });
    expect(error).toContain("does not work with its new host key, so the old one stays");
    await host.lab.sshd.reload({ extraConfig: host.extraConfig });
    await expectUnchanged({ algorithm: "ecdsa" });
  });

  it("changes nothing when sshd would not start with its configuration", async () => {
    appendFileSync(host.path("sshd_config"), "Nonsense yes\n");
    const { error } = await host.create();
    expect(error).toMatch(/cannot find its host keys on .*Bad configuration option: Nonsense/s);
    await host.lab.sshd.reload();
    await expectUnchanged();
  });
});
