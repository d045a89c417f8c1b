import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildTestSystem, makeSshKey, type SshKey } from "@nixops4-providers/test-servers";
import { expect } from "@jest/globals";
import { idOf, Machine, secretsIn, type Disk, type Installation } from "./installer-machine.ts";
import { BootService } from "../lab/boot-service.ts";
import { BinaryCache, Deployment, startProxy, type Disturb, type EntryStatus } from "./installer-network.ts";
import { blankDisk } from "./installer-signatures.ts";

const run = promisify(execFile);
const PROGRAMS = [
  "unshare",
  "nsenter",
  "setpriv",
  "losetup",
  "lsblk",
  "wipefs",
  "blkid",
  "sfdisk",
  "partx",
  "mkfs.ext4",
  "nix-store",
  "curl",
  "jq",
  "cpio",
  "ssh-keygen",
];

export const ROOT = "/run/target";
/** The size of all test disks: different from other loop devices, and from those of a concurrent run. */
export const DISK_BYTES = 67 * 2 ** 20 + (1 + (process.pid % 1000)) * 4096;

/** Replaces disko's script: makes partitions, a file system and a mount. Waits while there is a `/run/hold-*`. */
const DISKO = `#!/bin/sh
set -eu
hold() { while [ -e "/run/hold-$1" ]; do sleep 0.05; done; }
test "$1" = "$NIXOPS4_DISK"
echo "cookie: $1 is partitioned now"
disk=$(readlink -f "$1")
hold begin
partx --delete "$disk" 2>/dev/null || true
wipefs --all --quiet "$disk"
printf 'label: gpt\\n,4M\\n,\\n' | sfdisk --quiet --wipe always "$disk"
partx --update "$disk"
hold partition
mkfs.ext4 -q -F "\${disk}p2"
mkdir -p ${ROOT}
mount "\${disk}p2" ${ROOT}
echo "$@" >${ROOT}/disko-arguments
hold mount
shift
for other; do mkfs.ext4 -q -F -L second "$other"; done
`;

/** Replaces nixos-install: does the part of its work that does not need NixOS. */
const NIXOS_INSTALL = `#!/bin/sh
set -eu
echo "cookie: installing"
echo "$*" >"$2/nixos-install-arguments"
test -s "$2\${NIXOPS4_TEST_KEY:-/etc/ssh/ssh_host_ed25519_key}"
# What it runs in the new system has its PATH.
case $PATH in *":$4/sw/bin") ;; *) exit 9 ;; esac
while [ -e /run/hold-install ]; do sleep 0.05; done
nix-env --store "$2" --profile "$2/nix/var/nix/profiles/system" --set "$4"
echo "installing the boot loader"
`;

/** Returns why the installer cannot be tested here; `undefined` when it can. */
export function installerLabAvailable(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return "it runs on x86_64 Linux only";
  if (process.getuid?.() !== 0) return "it needs root";
  const folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  const missing = PROGRAMS.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  try {
    execFileSync("losetup", ["--find"], { stdio: "ignore" });
    execFileSync("unshare", ["--mount", "--pid", "--fork", "true"], { stdio: "ignore" });
  } catch {
    return "loop devices or namespaces are not permitted";
  }
  return undefined;
}

/** The network from which machines are installed. */
export class InstallerLab {
  readonly folder: string;
  readonly service: BootService;
  readonly deployment: Deployment;
  readonly cache: BinaryCache;
  readonly hostKey: SshKey;
  readonly system: string;
  readonly disko: string;
  readonly nixosInstall: string;
  #trials: Trial[] = [];
  #proxies: { stop: () => Promise<void> }[] = [];
  #count = 0;

  private constructor(parts: Omit<InstallerLab, "trial" | "proxy" | "end" | "endTrials">) {
    this.folder = parts.folder;
    this.service = parts.service;
    this.deployment = parts.deployment;
    this.cache = parts.cache;
    this.hostKey = parts.hostKey;
    this.system = parts.system;
    this.disko = parts.disko;
    this.nixosInstall = parts.nixosInstall;
  }

  static async start(): Promise<InstallerLab> {
    const folder = await fs.mkdtemp(join(tmpdir(), "installer-"));
    const [system, disko, hostKey, service] = await Promise.all([
      buildTestSystem({
        name: "installer-test",
        extraFiles: { "etc/text": "the original text" },
      }),
      buildScript("disko-test", DISKO),
      makeSshKey(folder, "ssh_host_ed25519_key"),
      BootService.onLoopback(folder),
    ]);
    const deployment = await Deployment.start(folder, service);
    const tamper = { original: "the original text", changed: "the tampered text" };
    const cache = await BinaryCache.start(folder, [system, disko], tamper);
    const nixosInstall = join(folder, "nixos-install");
    await fs.writeFile(nixosInstall, NIXOS_INSTALL, { mode: 0o755 });
    return new InstallerLab({ folder, service, deployment, cache, hostKey, system, disko, nixosInstall });
  }

  /** Creates a machine with disks of these serial numbers. The job selects the first one. */
  async trial(...serials: string[]): Promise<Trial> {
    const number = (this.#count += 1);
    const folder = join(this.folder, `trial-${number}`);
    await fs.mkdir(folder);
    const mac = `52:54:00:00:01:${number.toString(16).padStart(2, "0")}`;
    const names = serials.length > 0 ? serials : ["DISK1"];
    const disks = names.map((serial) => ({ serial, image: join(folder, `${serial}.img`) }));
    for (const { image } of disks) {
      await blankDisk(image, 0);
      await fs.truncate(image, DISK_BYTES);
    }
    const trial = new Trial(this, folder, mac, disks);
    this.#trials.push(trial);
    return trial;
  }

  /** Puts a proxy between a machine and the boot service, until the trials end. */
  async proxy(machine: Machine, disturb: Disturb): Promise<void> {
    const proxy = await startProxy(this.service.url, disturb);
    this.#proxies.push(proxy);
    const file = join(machine.job, "job-url");
    const { pathname } = new URL((await fs.readFile(file, "utf8")).trim());
    await fs.writeFile(file, `${proxy.url}${pathname}\n`);
  }

  /** Powers off all machines, and expects that none has leaked a secret. */
  async endTrials(): Promise<void> {
    this.cache.release();
    if (!this.service.isUp) await this.service.start();
    const trials = this.#trials.splice(0);
    for (const part of [
      ...trials.map((trial) => ({ stop: () => trial.end() })),
      ...this.#proxies.splice(0),
    ]) {
      await part.stop();
    }
    for (const trial of trials) expect(await trial.leaks()).toEqual([]);
  }

  async end(): Promise<void> {
    await this.deployment.end();
    await this.service.kill();
    await this.cache.stop();
    await fs.rm(this.folder, { recursive: true });
    // Machines mount their /dev/disk there. It is kept when udev of the host has files in it.
    await fs.rmdir("/dev/disk").catch(() => {});
  }
}

/** A machine with its disks, over all its boots. */
export class Trial {
  readonly mac: string;
  readonly disks: Disk[];
  readonly #lab: InstallerLab;
  readonly #folder: string;
  readonly #machines: Machine[] = [];
  readonly #installations: Installation[] = [];

  constructor(lab: InstallerLab, folder: string, mac: string, disks: Disk[]) {
    this.#lab = lab;
    this.#folder = folder;
    this.mac = mac;
    this.disks = disks;
  }

  /** Returns an `install.json` that selects the first disk by its serial number. */
  job(changes: Record<string, unknown> = {}): Record<string, unknown> {
    const { system, disko, cache } = this.#lab;
    return {
      version: 2,
      hostName: "web",
      system,
      diskoScript: disko,
      substituters: [{ url: cache.url("good"), publicKey: cache.publicKey }],
      disks: [this.disk()],
      rootMount: ROOT,
      hostKeyPath: "/etc/ssh/ssh_host_ed25519_key",
      ...changes,
    };
  }

  disk(changes: object = {}): object {
    const serial = this.disks[0]!.serial;
    return { name: "main", byId: null, serial, minBytes: null, maxBytes: null, allowWipe: false, ...changes };
  }

  async declare(job: unknown = this.job(), installGeneration?: number): Promise<void> {
    const { file } = this.#lab.hostKey;
    const files = {
      "/nixops4/install.json": {
        contents: typeof job === "string" ? job : JSON.stringify(job),
        mode: "0600",
      },
      "/nixops4/ssh_host_ed25519_key": { secret: { file } },
      "/nixops4/ssh_host_ed25519_key.pub": { contents: await fs.readFile(`${file}.pub`, "utf8") },
    };
    await this.#lab.deployment.declare(this.mac, files, installGeneration);
  }

  /** Powers the machine on, after powering it off if it is on. */
  async start(): Promise<Machine> {
    await this.#machines.at(-1)?.stop();
    const folder = join(this.#folder, `boot-${this.#machines.length + 1}`);
    await fs.mkdir(folder);
    const machine = await Machine.start(folder, this.disks);
    this.#machines.push(machine);
    return machine;
  }

  /** Powers the machine on and boots it from the network. */
  async netboot(): Promise<Machine> {
    const machine = await this.start();
    expect(await machine.netboot(this.#lab.service.url, this.mac)).toContain("overlay.cpio");
    return machine;
  }

  install(machine: Machine, env: Record<string, string> = {}): Installation {
    const installation = machine.install({ NIXOPS4_NIXOS_INSTALL: this.#lab.nixosInstall, ...env });
    this.#installations.push(installation);
    return installation;
  }

  /** Returns the hardware report of the machine that a deployment gets after the installation. */
  async hardwareReport(): Promise<unknown> {
    return this.#lab.deployment.hardwareReport(this.mac);
  }

  status(): Promise<EntryStatus> {
    return this.#lab.deployment.status(this.mac);
  }

  /** Declares the machine, boots it, and waits for the end of the installation. */
  async whole(job: unknown = this.job()): Promise<{ installation: Installation; status: EntryStatus }> {
    await this.declare(job);
    const installation = this.install(await this.netboot());
    await installation.ended();
    return { installation, status: await this.status() };
  }

  /** Returns the SHA-256 of each disk, including all writes of a running machine. */
  async hashes(): Promise<string[]> {
    const machine = this.#machines.at(-1);
    if (machine?.isOn === true) {
      await machine.run("sync", ...(await Promise.all(this.disks.map((disk) => machine.device(disk)))));
    }
    return Promise.all(
      this.disks.map(async ({ image }) =>
        createHash("sha256")
          .update(await fs.readFile(image))
          .digest("hex"),
      ),
    );
  }

  /** Expects a successful installation, with the complete system on the disk. */
  async expectInstalled(installation: Installation, disk = this.disks[0]!): Promise<void> {
    const { system, hostKey } = this.#lab;
    expect([await installation.ended(), installation.hasRebooted, installation.console]).toEqual([
      0,
      true,
      expect.stringContaining("finish: the boot service has acknowledged it: restarting"),
    ]);
    expect(await this.status()).toMatchObject({
      phase: "installed",
      report: {
        stage: "finish",
        message: expect.stringContaining(`installed web (${system}) on /dev/disk/by-id/${idOf(disk)}`),
        log: expect.arrayContaining(["installing the boot loader"]),
      },
    });
    const machine = await this.start();
    expect(await machine.netboot(this.#lab.service.url, this.mac)).not.toContain("overlay.cpio");
    await machine.run("mkdir", ROOT);
    await machine.run("mount", `${await machine.device(disk)}p2`, ROOT);
    const file = (path: string) => machine.run("cat", `${ROOT}${path}`);
    expect((await file("/disko-arguments")).split(" ")[0]).toBe(`/dev/disk/by-id/${idOf(disk)}`);
    expect(await file("/nixos-install-arguments")).toBe(
      `--root ${ROOT} --system ${system} --no-root-passwd --no-channel-copy`,
    );
    expect(await file(`${system}/etc/text`)).toBe("the original text");
    const profile = await machine.run("readlink", `${ROOT}/nix/var/nix/profiles/system-1-link`);
    expect(profile).toBe(system);
    const store = ["--store", `local?root=${ROOT}`];
    await machine.run("nix-store", ...store, "--verify", "--check-contents");
    const closure = await machine.run("nix-store", ...store, "--query", "--requisites", system);
    expect(closure.split("\n")).toHaveLength(4);
    const key = await fs.readFile(hostKey.file, "utf8");
    expect(await file("/etc/ssh/ssh_host_ed25519_key")).toBe(key.trim());
    const modes = await machine.run(
      "stat",
      "--format=%a %u %g %n",
      ...["", "/ssh_host_ed25519_key", "/ssh_host_ed25519_key.pub"].map((name) => `${ROOT}/etc/ssh${name}`),
    );
    expect(modes.split("\n").map((line) => line.split(` ${ROOT}`)[0])).toEqual([
      "755 0 0",
      "600 0 0",
      "644 0 0",
    ]);
    await machine.run("umount", ROOT);
  }

  async end(): Promise<void> {
    for (const machine of this.#machines) await machine.stop();
  }

  /** Returns the places in which secrets of the overlays were found. */
  async leaks(): Promise<string[]> {
    const leaks = this.#installations.flatMap((installation) => [...installation.leaks]);
    for (const { job } of this.#machines) {
      const texts = {
        console: this.#installations.map(({ console }) => console).join(),
        service: this.#lab.service.log.join("\n"),
      };
      for (const secret of await secretsIn(job)) {
        for (const [where, text] of Object.entries(texts)) if (text.includes(secret)) leaks.push(where);
      }
    }
    return leaks;
  }
}

/** Builds a derivation whose output is the script. Unlike an added file, it must be signed in a cache. */
async function buildScript(name: string, text: string): Promise<string> {
  const folder = await fs.mkdtemp(join(tmpdir(), "installer-script-"));
  try {
    await fs.writeFile(join(folder, "text"), text);
    const expression = `derivation {
      name = "${name}"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/usr/bin:/bin";
      args = [ "-euc" "cp \${builtins.toFile "text" (builtins.readFile ./text)} $out; chmod 755 $out" ];
    }`;
    await fs.writeFile(join(folder, "default.nix"), expression);
    const settings = { sandbox: "false", substitute: "false", "build-users-group": "" };
    const options = Object.entries(settings).flatMap(([key, value]) => ["--option", key, value]);
    const { stdout } = await run("nix-build", [folder, "--no-out-link", ...options]);
    return stdout.trim();
  } finally {
    await fs.rm(folder, { recursive: true });
  }
}
