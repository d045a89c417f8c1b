import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  labAvailable,
  makeSshKey,
  type SshKey,
  startDebianVm,
  type DebianVm,
} from "@nixops4-providers/test-servers";
import { create, eventually, start, type Result } from "./lab.ts";

const unavailable = labAvailable();
const suite = unavailable === undefined ? describe : describe.skip;

suite(
  `ssh.host_key on Debian with systemd${unavailable === undefined ? "" : ` (skipped: ${unavailable})`}`,
  () => {
    let folder: string;
    let userKey: SshKey;
    let vm: DebianVm;
    let hostPublicKey: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "host-key-debian-"));
      userKey = await makeSshKey(folder, "user_key");
      const users = [{ name: "deployer", sudo: "without-password" as const }];
      vm = await startDebianVm({ folder, authorizedKeys: [userKey.publicKey], users });
    }, 1_200_000);

    afterAll(async () => {
      await vm?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    const inputs = (changes: object = {}) => ({
      connection: {
        host: vm.host,
        port: vm.port,
        user: "deployer",
        hostPublicKeys: vm.hostPublicKeys,
        privateKey: { file: userKey.file },
        connectTimeoutSeconds: 30,
      },
      sudo: true,
      ...changes,
    });

    /** Runs a create without state, which only knows the temporary key. */
    const rotate = (changes: object = {}): Promise<Result> => create("host_key", inputs(changes), true);

    /** Returns the output of commands over one connection to the host, whose key must be `hostPublicKey`. */
    async function run(...commands: string[]): Promise<string> {
      const connection = { ...inputs().connection, hostPublicKeys: [hostPublicKey] };
      const { outputs, error } = await create("exec", {
        connection,
        command: commands.join("; "),
        sudo: true,
      });
      expect(error).toBeUndefined();
      return outputs["stdout"] as string;
    }

    const KEY_FILE = "cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub";

    it("rotates as a user with sudo; the new key outlives a power cut", async () => {
      const { outputs, error } = await rotate();
      const cutAt = Date.now();
      await vm.powerCycle();
      await vm.waitForSsh();
      expect(error).toBeUndefined();
      hostPublicKey = outputs["hostPublicKey"] as string;
      expect(vm.hostPublicKeys.join()).not.toContain(hostPublicKey);
      expect((await rotate()).outputs).toEqual(outputs);
      const facts = [KEY_FILE, "ls /etc/ssh | grep -E '[.](new|old)|rotations$'", "cat /proc/uptime"];
      const [key, leftovers, uptime] = (await run(...facts)).split("\n");
      expect([key, leftovers]).toEqual([hostPublicKey, "ssh_host_key_rotations"]);
      expect(Number.parseFloat(uptime!)).toBeLessThan((Date.now() - cutAt) / 1000);
    }, 1_200_000);

    it("reloads a unit of systemd", async () => {
      const { outputs, error } = await rotate({ keepers: { round: 2 }, reload: { unit: "ssh.service" } });
      expect(error).toBeUndefined();
      expect(outputs["hostPublicKey"]).not.toBe(hostPublicKey);
      hostPublicKey = outputs["hostPublicKey"] as string;
      expect(
        await run("systemctl is-active ssh", "journalctl --unit ssh --grep 'Reloaded ssh' --output cat"),
      ).toMatch(/^active\n.*Reloaded/s);
    }, 1_200_000);

    it("converges after the provider was killed and the power was cut", async () => {
      const changes = { keepers: { round: 3 } };
      const provider = start();
      const ended = provider.create("host_key", inputs(changes), true).catch(() => {});
      await eventually(() => provider.stderr.includes("a new host key in place of"), 60);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10_000));
      await provider.kill("SIGKILL");
      await vm.powerCycle();
      await vm.waitForSsh();
      await ended;
      const { outputs, error } = await rotate(changes);
      expect(error).toBeUndefined();
      expect(outputs["hostPublicKey"]).not.toBe(hostPublicKey);
      hostPublicKey = outputs["hostPublicKey"] as string;
      expect(await run(KEY_FILE)).toBe(`${hostPublicKey}\n`);
    }, 1_200_000);
  },
);
