import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  buildTestSystem,
  debianRoot,
  labAvailable,
  makeSshKey,
  startDebianVm,
  type DebianVm,
} from "../src/index.ts";

const run = promisify(execFile);
const unavailable = labAvailable();
const suite = unavailable === undefined ? describe : describe.skip;

suite(`the Debian virtual machine${unavailable === undefined ? "" : ` (skipped: ${unavailable})`}`, () => {
  let folder: string;
  let vm: DebianVm;
  let sshOptions: string[];
  let first: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "debian-vm-"));
    await debianRoot();
    const userKey = await makeSshKey(folder, "user_key");
    const started = Date.now();
    vm = await startDebianVm({
      folder,
      authorizedKeys: [userKey.publicKey],
      users: [
        { name: "deployer", sudo: "without-password" },
        { name: "careful", sudo: "with-password", password: "correct horse" },
      ],
      ports: [8080],
    });
    const knownHosts = join(folder, "known_hosts");
    await writeFile(knownHosts, vm.hostPublicKeys.map((key) => `[${vm.host}]:${vm.port} ${key}\n`).join(""));
    const settings = {
      BatchMode: "yes",
      ConnectTimeout: "10",
      GlobalKnownHostsFile: "/dev/null",
      IdentitiesOnly: "yes",
      StrictHostKeyChecking: "yes",
      UserKnownHostsFile: knownHosts,
    };
    sshOptions = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    sshOptions.push("-F", "none", "-p", String(vm.port), "-i", userKey.file);
    expect(await ssh("id --user")).toBe("0");
    const seconds = (Date.now() - started) / 1000;
    console.info(`power-on to the first SSH login: ${seconds.toFixed(1)} s`);
    first = await buildTestSystem({ name: "first" });
  }, 240_000);

  afterAll(async () => {
    await vm?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("has no failed units and reaches nothing outside", async () => {
    expect(await ssh("systemctl --failed --no-legend")).toBe("");
    expect(await ssh("systemctl is-system-running --wait")).toBe("running");
    await expect(ssh("curl --silent --max-time 2 http://10.0.2.2:80")).rejects.toThrow();
  });

  it("has users whose sudo asks for a password, or does not", async () => {
    expect(await ssh("sudo --non-interactive id --user", "deployer")).toBe("0");
    await expect(ssh("sudo --non-interactive id --user", "careful")).rejects.toThrow("password is required");
    expect(await ssh("echo correct horse | sudo --stdin --prompt= id --user", "careful")).toBe("0");
  });

  it("forwards further ports", async () => {
    await ssh("mkdir -p /srv/www && echo healthy > /srv/www/index.html && busybox httpd -p 8080 -h /srv/www");
    const response = await fetch(`http://${vm.host}:${vm.forwardedPort(8080)}/index.html`);
    expect(await response.text()).toBe("healthy\n");
  });

  it("builds systems that share the parts that do not differ", async () => {
    const [same, second] = await Promise.all([
      buildTestSystem({ name: "first" }),
      buildTestSystem({ name: "first", kernel: "another kernel", extraFiles: { "etc/motd": "hello\n" } }),
    ]);
    expect(same).toBe(first);
    expect(second).not.toBe(first);
    expect(await readFile(`${second}/etc/motd`, "utf8")).toBe("hello\n");
    const targets = (part: string) =>
      Promise.all(
        [first, second].map(async (system) => (await run("readlink", ["-f", `${system}/${part}`])).stdout),
      );
    expect(new Set(await targets("initrd")).size).toBe(1);
    expect(new Set(await targets("systemd")).size).toBe(1);
    expect(new Set(await targets("kernel")).size).toBe(2);
  });

  it("takes a system by nix copy, activates it, and boots it, with its disk and host key", async () => {
    await nixCopy(first, "root");
    await ssh(`nix-env --profile /nix/var/nix/profiles/system --set ${first}`);
    expect(await ssh(`${first}/bin/switch-to-configuration switch`)).toBe(`switch: ${first}`);
    expect(await ssh("readlink /run/current-system")).toBe(first);
    const bootId = await ssh("cat /proc/sys/kernel/random/boot_id");

    const seen = vm.console().length;
    await ssh("systemctl reboot").catch(() => {}); // The connection may end before the answer.
    await vm.waitForConsole(/reboot: Restarting system/, 60, seen);
    await vm.waitForSsh();

    expect(await ssh("cat /proc/sys/kernel/random/boot_id")).not.toBe(bootId);
    expect(
      await ssh("readlink /nix/var/nix/profiles/system-1-link /run/booted-system /run/current-system"),
    ).toBe([first, first, first].join("\n"));
    expect(await ssh("systemctl --failed --no-legend")).toBe("");
  }, 120_000);

  it("takes a system from a user who is trusted through sudo", async () => {
    const second = await buildTestSystem({ name: "second" });
    await nixCopy(second, "deployer");
    expect(await ssh(`cat ${second}/nixos-version`)).toBe("second");
  });

  it("keeps what the guest changed in its host keys over a power cycle", async () => {
    await ssh("ssh-keygen -q -t ecdsa -N '' -f /etc/ssh/ssh_host_ecdsa_key && sync");
    const added = await ssh("cat /etc/ssh/ssh_host_ecdsa_key.pub");
    const bootId = await ssh("cat /proc/sys/kernel/random/boot_id");
    await vm.powerCycle();
    await vm.waitForSsh();
    expect(await ssh("cat /proc/sys/kernel/random/boot_id")).not.toBe(bootId);
    expect(await ssh("cat /etc/ssh/ssh_host_ecdsa_key.pub")).toBe(added);
  }, 120_000);

  it("is out of reach while the cable is pulled", async () => {
    await vm.setLink(false);
    await expect(ssh("true")).rejects.toThrow(/timed out/i);
    await vm.setLink(true);
    await vm.waitForSsh(30);
    expect(await ssh("hostname")).toBe("debian");
  }, 60_000);

  it("reboots after a panic and says so on the console", async () => {
    const seen = vm.console().length;
    await ssh("echo c > /proc/sysrq-trigger", "root", ["-o", "ServerAliveInterval=2"]).catch(() => {});
    await vm.waitForConsole(/Kernel panic/, 30, seen);
    await vm.waitForConsole(/Rebooting in 5 seconds/, 30, seen);
    await vm.waitForSsh();
  }, 120_000);

  it("leaves nothing behind", async () => {
    await vm.stop();
    expect(existsSync(`/proc/${vm.pid}`)).toBe(false);
    const cmdlines = await Promise.all(
      (await readdir("/proc"))
        .filter((entry) => /^\d+$/.test(entry))
        .map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
    );
    expect(cmdlines.filter((line) => line.includes(folder))).toEqual([]);
    expect(await readFile("/proc/mounts", "utf8")).not.toContain(".cache/lab");
    await expect(vm.setLink(true)).rejects.toThrow("QEMU has ended");
  });

  async function ssh(command: string, user = "root", options: string[] = []): Promise<string> {
    const { stdout } = await run("ssh", [...sshOptions, ...options, `${user}@${vm.host}`, command]);
    return stdout.trim();
  }

  async function nixCopy(path: string, user: string): Promise<void> {
    await run("nix", ["copy", "--no-check-sigs", "--to", `ssh-ng://${user}@${vm.host}`, path], {
      env: {
        ...process.env,
        NIX_SSHOPTS: sshOptions.join(" "),
        NIX_CONFIG: "experimental-features = nix-command",
      },
    });
  }
});
