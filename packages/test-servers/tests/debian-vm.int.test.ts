import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
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
  }, 1_200_000);

  afterAll(async () => {
    await vm?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("has no failed units", async () => {
    expect(await ssh("systemctl is-system-running --wait; systemctl --failed --no-legend")).toBe("running");
  });

  it("does not reach servers of the host", async () => {
    const server = createServer((_, response) => response.end("reached"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await expect(ssh(`curl --silent --max-time 3 http://10.0.2.2:${port}`)).rejects.toMatchObject({
        stdout: "",
      });
    } finally {
      server.close();
    }
  });

  it("has users whose sudo asks for a password, or does not", async () => {
    expect(await ssh("sudo --non-interactive id --user", "deployer")).toBe("0");
    const withAndWithout =
      "echo correct horse | sudo --stdin --prompt= id --user; sudo --reset-timestamp --non-interactive id";
    await expect(ssh(withAndWithout, "careful")).rejects.toMatchObject({
      stdout: "0\n",
      stderr: expect.stringContaining("a password is required"),
    });
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
    const activation = [
      `nix-env --profile /nix/var/nix/profiles/system --set ${first}`,
      `${first}/bin/switch-to-configuration switch`,
      "readlink /run/current-system",
      "cat /proc/sys/kernel/random/boot_id",
    ];
    const [said, current, bootId] = (await ssh(activation.join(" && "))).split("\n");
    expect(said).toBe(`switch: ${first}`);
    expect(current).toBe(first);

    const seen = vm.console().length;
    await ssh("systemctl reboot").catch(() => {}); // The connection may end before the answer.
    await vm.waitForConsole(/reboot: Restarting system/, 60, seen);
    await vm.waitForSsh();

    const links = "/nix/var/nix/profiles/system-1-link /run/booted-system /run/current-system";
    const after = await ssh(
      `cat /proc/sys/kernel/random/boot_id; readlink ${links}; systemctl --failed --no-legend`,
    );
    expect(after.split("\n")).toEqual([expect.not.stringMatching(bootId!), first, first, first]);
  }, 1_200_000);

  it("takes a system from a user who is trusted through sudo", async () => {
    const second = await buildTestSystem({ name: "second" });
    await nixCopy(second, "deployer");
    expect(await ssh(`cat ${second}/nixos-version`)).toBe("second");
  });

  it("is out of reach while the cable is pulled", async () => {
    await vm.setLink(false);
    await expect(ssh("true", "root", ["-o", "ConnectTimeout=3"])).rejects.toThrow(/timed out/i);
    await vm.setLink(true);
    await vm.waitForSsh(30);
    expect(await ssh("hostname")).toBe("debian");
  }, 1_200_000);

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
    const { stdout } = await run("ssh", [...options, ...sshOptions, `${user}@${vm.host}`, command]);
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
