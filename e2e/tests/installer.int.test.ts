import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { DISK_BYTES, InstallerLab, installerLabAvailable, ROOT, type Trial } from "./installer-lab.ts";
import { idOf, INSTALLER, until, type Installation, type Machine } from "./installer-machine.ts";
import { makeCacheKey, type EntryStatus } from "./installer-network.ts";
import { dataWithoutSignature, signatures } from "./installer-signatures.ts";

const reason = installerLabAvailable();
const suite = reason === undefined ? describe : describe.skip;
const hasShellcheck = existsSync("/usr/bin/shellcheck");
const shellcheckSuite = hasShellcheck ? describe : describe.skip;

// Long, since other suites run at the same time on two processors.
jest.setTimeout(300_000);

shellcheckSuite(`shellcheck${hasShellcheck ? "" : " (skipped: it is not installed)"}`, () => {
  it("finds nothing in the installer, as a whole and in each of its parts", () => {
    const folder = dirname(INSTALLER);
    for (const file of readdirSync(folder)) {
      const args = ["--external-sources", join(folder, file)];
      expect(execFileSync("shellcheck", args, { encoding: "utf8", cwd: folder })).toBe("");
    }
  });
});

suite(`the installer${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let lab: InstallerLab;
  beforeAll(async () => {
    lab = await InstallerLab.start();
  });
  afterEach(() => lab.endTrials());
  afterAll(() => lab.end());

  /** Expects that the job is refused with this message before any disk is touched. */
  async function expectRefused(trial: Trial, hashes: string[], job: unknown, message: RegExp | string) {
    const { installation, status } = await trial.whole(job);
    expect(await installation.ended()).toBe(1);
    expect(status).toMatchObject({ phase: "refused", attempt: 0 });
    if (typeof message === "string") expect(status.report!.message).toBe(message);
    else expect(status.report!.message).toMatch(message);
    expect(installation.console).toContain("no disk was touched");
    expect(installation.hasRebooted).toBe(false);
    await trial.end();
    expect(await trial.hashes()).toEqual(hashes);
    return { installation, status };
  }

  describe("the disk", () => {
    it("is the one that the job selects, and no other", async () => {
      const trial = await lab.trial("MEANT", "OTHER", "THIRD");
      const [, ...others] = await trial.hashes();
      const { installation } = await trial.whole();
      await trial.expectInstalled(installation);
      await trial.end();
      expect((await trial.hashes()).slice(1)).toEqual(others);
    });

    it("is found by its id", async () => {
      const trial = await lab.trial("FIRST", "SECOND");
      const byId = `/dev/disk/by-id/${idOf(trial.disks[1]!)}`;
      const disk = { name: "main", byId, minBytes: DISK_BYTES, maxBytes: DISK_BYTES, allowWipe: false };
      const { installation } = await trial.whole(trial.job({ disks: [disk] }));
      await trial.expectInstalled(installation, trial.disks[1]);
    });

    it("has to be there", async () => {
      const trial = await lab.trial("ONE", "TWO");
      const job = trial.job({ disks: [trial.disk({ serial: "GONE" })] });
      const { status } = await expectRefused(
        trial,
        await trial.hashes(),
        job,
        /^no disk is what the job asks for \(serial GONE\); there is .*\/dev\/loop\d+ \(\d+ bytes, serial ONE, virtio-ONE\); .*serial TWO/,
      );
      expect(status.report!.stage).toBe("check-disk");
      expect(status.report!.log.join("\n")).toMatch(
        /found .*serial ONE, virtio-ONE\): its serial is not GONE/,
      );
    });

    it("has to meet all criteria", async () => {
      const trial = await lab.trial("ONE", "TWO");
      const disk = { byId: "virtio-TWO", serial: "ONE", minBytes: DISK_BYTES + 1, maxBytes: null };
      const job = trial.job({ disks: [trial.disk(disk)] });
      const { status } = await expectRefused(
        trial,
        await trial.hashes(),
        job,
        /^no disk is what the job asks for/,
      );
      const log = status.report!.log.join("\n");
      expect(log).toMatch(/serial ONE, .*its id is not virtio-TWO, it has less than \d+ bytes/);
      expect(log).toMatch(/serial TWO, .*its serial is not ONE, it has less than \d+ bytes/);
    });

    it("has to be the only one that meets them", async () => {
      const trial = await lab.trial("TWIN-1", "TWIN-2");
      const disk = { serial: null, minBytes: DISK_BYTES, maxBytes: DISK_BYTES };
      await expectRefused(
        trial,
        await trial.hashes(),
        trial.job({ disks: [trial.disk(disk)] }),
        /^2 disks are what the job asks for \(minBytes \d+, maxBytes \d+\), and it has to be one: .*TWIN-1.*TWIN-2/,
      );
    });

    it.each(Object.keys(signatures))("is not wiped with %s on it", async (name) => {
      const trial = await lab.trial();
      await signatures[name]!(trial.disks[0]!.image);
      const { status } = await expectRefused(
        trial,
        await trial.hashes(),
        trial.job(),
        /is not empty \(.*\), and the job does not allow to wipe it$/,
      );
      expect(status.report!.stage).toBe("check-disk");
      const found = /is not empty \(\S+: (\w+)/.exec(status.report!.message)![1];
      expect(["PMBR", "gpt", "ext4", "swap", "crypto_LUKS", "LVM2_member", "linux_raid_member"]).toContain(
        found,
      );
    });

    it.each(["a partition table", "a physical volume of LVM"])(
      "is wiped with %s on it when the job allows that",
      async (name) => {
        const trial = await lab.trial();
        await signatures[name]!(trial.disks[0]!.image);
        const { installation } = await trial.whole(trial.job({ disks: [trial.disk({ allowWipe: true })] }));
        await trial.expectInstalled(installation);
        expect(installation.console).toMatch(/check-disk: wipes what is on .*, as the job allows: \S+: \w+/);
      },
    );

    it.each(Object.keys(dataWithoutSignature))("is not wiped with %s on it", async (name) => {
      const trial = await lab.trial();
      await dataWithoutSignature[name]!(trial.disks[0]!.image);
      await expectRefused(
        trial,
        await trial.hashes(),
        trial.job(),
        /is not empty \(\S+: data of an unknown kind between byte \d+ and byte \d+\), and the job does not allow to wipe it$/,
      );
    });

    it("is empty when it only has the bytes of erased flash memory", async () => {
      const trial = await lab.trial();
      const { image } = trial.disks[0]!;
      await fs.writeFile(image, Buffer.alloc(DISK_BYTES, 0xff));
      const { installation } = await trial.whole();
      await trial.expectInstalled(installation);
    });

    it("is not a removable one, unless its id or serial is given", async () => {
      const trial = await lab.trial();
      const removable = async (machine: Machine) => {
        const device = (await machine.device(trial.disks[0]!)).replace("/dev/", "");
        await machine.run(
          "sh",
          "-c",
          `echo 1 >/run/one; mount --bind /run/one /sys/block/${device}/removable`,
        );
      };
      const size = { name: "main", minBytes: DISK_BYTES, maxBytes: DISK_BYTES, allowWipe: false };
      await trial.declare(trial.job({ disks: [size] }));
      const machine = await trial.netboot();
      await removable(machine);
      expect(await trial.install(machine).ended()).toBe(1);
      const { report } = await trial.status();
      expect(report!.message).toMatch(/^no disk is what the job asks for/);
      expect(report!.log.join("\n")).toContain("it is removable, which only byId or serial can ask for");

      await trial.declare(trial.job());
      const second = await trial.netboot();
      await removable(second);
      await trial.expectInstalled(trial.install(second));
    });

    it("is wiped by the next network boot, in the same generation, when the job allows that later", async () => {
      const trial = await lab.trial();
      await signatures["a partition table"]!(trial.disks[0]!.image);
      await expectRefused(trial, await trial.hashes(), trial.job(), /does not allow to wipe it$/);
      const { installation } = await trial.whole(trial.job({ disks: [trial.disk({ allowWipe: true })] }));
      await trial.expectInstalled(installation);
    });

    it("is not wiped while it is mounted, or swapped to, whatever the job allows", async () => {
      const trial = await lab.trial();
      await signatures["a partition table"]!(trial.disks[0]!.image);
      const job = trial.job({ disks: [trial.disk({ allowWipe: true })] });
      await trial.declare(job);
      const machine = await trial.netboot();
      const partition = `${await machine.device(trial.disks[0]!)}p2`;
      await machine.run("mkfs.ext4", "-q", partition);
      await machine.run("mount", "-o", "ro,noload", "--mkdir", partition, "/run/data");
      const [before] = await trial.hashes();
      const installation = trial.install(machine);
      expect(await installation.ended()).toBe(1);
      expect(await trial.status()).toMatchObject({
        phase: "refused",
        report: {
          stage: "check-disk",
          message: expect.stringContaining(`is in use: ${partition} (/run/data)`),
        },
      });
      expect(await trial.hashes()).toEqual([before]);

      await trial.declare(job);
      const second = await trial.netboot();
      const disk = await second.device(trial.disks[0]!);
      // A fake /proc/swaps, since real swapping would affect the whole host.
      const swaps = `Filename Type Size Used Priority\n${disk}p1 partition 4092 0 -2\n`;
      await second.run("sh", "-c", `printf '${swaps.replaceAll("\n", "\\n")}' >/run/swaps`);
      await second.run("mount", "--bind", "/run/swaps", "/proc/swaps");
      const again = trial.install(second);
      expect(await again.ended()).toBe(1);
      expect((await trial.status()).report!.message).toContain(`is in use: ${disk}p1 ([SWAP])`);
      expect(await trial.hashes()).toEqual([before]);
    });

    it("is not searched when something else is mounted as the new root", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      await machine.run("mount", "--mkdir", "-t", "tmpfs", "tmpfs", ROOT);
      expect(await trial.install(machine).ended()).toBe(1);
      expect((await trial.status()).report!.message).toBe(`something is mounted on ${ROOT} already`);
    });
  });

  describe("several disks", () => {
    const named = (trial: Trial, i: number, changes: object = {}) =>
      trial.disk({ name: `disk${i}`, serial: trial.disks[i]!.serial, ...changes });

    it("are all given to the partitioning script, in the order of the job", async () => {
      const trial = await lab.trial("MAIN", "DATA", "OTHER");
      const [, , other] = await trial.hashes();
      const second = { name: "data", path: `/dev/disk/by-id/${idOf(trial.disks[1]!)}`, allowWipe: false };
      const { installation } = await trial.whole(trial.job({ disks: [named(trial, 0), second] }));
      await trial.expectInstalled(installation);
      const machine = await trial.start();
      const data = await machine.device(trial.disks[1]!);
      expect(await machine.run("blkid", "--probe", "--output", "value", "--match-tag", "LABEL", data)).toBe(
        "second",
      );
      await trial.end();
      expect((await trial.hashes())[2]).toBe(other);
      expect(installation.console).toMatch(
        /check-disk: found .*serial MAIN.*disk0: matches; data: it is not/,
      );
    });

    it("are not wiped when one has data on it, the others included", async () => {
      const trial = await lab.trial("MAIN", "DATA", "MORE");
      await signatures["a file system"]!(trial.disks[1]!.image);
      await signatures["swap space"]!(trial.disks[2]!.image);
      const disks = [named(trial, 0, { allowWipe: true }), named(trial, 1), named(trial, 2)];
      await expectRefused(
        trial,
        await trial.hashes(),
        trial.job({ disks }),
        /^\S+virtio-DATA \(.*\) is not empty \(\S+: ext4\), and the job does not allow to wipe it; \S+virtio-MORE .*: swap/,
      );
    });

    it("have to be different ones", async () => {
      const trial = await lab.trial("MAIN");
      const disks = [named(trial, 0), { name: "data", byId: idOf(trial.disks[0]!), allowWipe: false }];
      await expectRefused(
        trial,
        await trial.hashes(),
        trial.job({ disks }),
        /^\/dev\/loop\d+ \(.*\) is what the job asks for as each of disk0, data$/,
      );
    });

    it("can be selected by size when the others are selected by more", async () => {
      const trial = await lab.trial("DATA", "MAIN");
      const bySize = { name: "main", minBytes: DISK_BYTES, maxBytes: DISK_BYTES, allowWipe: false };
      const { installation } = await trial.whole(trial.job({ disks: [bySize, named(trial, 0)] }));
      await trial.expectInstalled(installation, trial.disks[1]);
    });

    it("have to exist, each of them", async () => {
      const trial = await lab.trial("MAIN");
      const disks = [named(trial, 0), named(trial, 0, { name: "data", serial: "GONE" })];
      await expectRefused(
        trial,
        await trial.hashes(),
        trial.job({ disks }),
        /^no disk is what the job asks for as data \(serial GONE\); there is/,
      );
    });

    it("have to include all disks of an array", async () => {
      const trial = await lab.trial("MAIN", "MIRROR");
      await trial.declare();
      const machine = await trial.netboot();
      const [main, mirror] = await Promise.all(trial.disks.map((disk) => machine.device(disk)));
      // Fakes the output of lsblk for an array, since the kernel may not support arrays.
      const children = [main, mirror].map((path) => ({ path, type: "loop" }));
      const inverse = { blockdevices: [{ path: "/dev/md0", type: "raid1", children }] };
      const md = `{path: "/dev/md0", type: "raid1", mountpoints: [null]}`;
      const wrapper = `#!/bin/sh
        case $* in
          *--inverse*) echo '${JSON.stringify(inverse)}' ;;
          *MOUNTPOINTS*) /usr/bin/lsblk "$@" | jq '.blockdevices[].children = [${md}]' ;;
          *) exec /usr/bin/lsblk "$@" ;;
        esac`;
      await machine.run("mkdir", "/run/bin");
      await fs.writeFile(join(lab.folder, "lsblk"), wrapper, { mode: 0o755 });
      await machine.run("cp", join(lab.folder, "lsblk"), "/run/bin");
      const installation = trial.install(machine, { PATH: "/run/bin:/usr/sbin:/usr/bin:/sbin:/bin" });
      expect(await installation.ended()).toBe(1);
      expect((await trial.status()).report!.message).toMatch(
        new RegExp(`belongs together with disks that the job does not name: ${mirror} \\(/dev/md0\\)$`),
      );
    });
  });

  describe("the hardware", () => {
    // The stand-in refuses options that the real program does not have.
    const facter = async (commands: string) => {
      const file = join(lab.folder, "nixos-facter");
      const text = `#!/bin/sh\n[ $# = 2 ] && [ "$1" = --output ] || exit 2\n${commands}\n`;
      await fs.writeFile(file, text, { mode: 0o755 });
      return { NIXOPS4_FACTER: file };
    };

    it("is reported", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const report =
        '{\n  "version": 1,\n  "system": "x86_64-linux",\n  "hardware": {"disk": [{"driver": "mpt3sas"}]}\n}';
      const installation = trial.install(
        await trial.netboot(),
        await facter(`cat >"$2" <<'END'\n${report}\nEND`),
      );
      await trial.expectInstalled(installation);
      expect(await trial.hardwareReport()).toBe(JSON.stringify(JSON.parse(report)));
    });

    it.each([
      ["fails", "echo no; exit 1", "the hardware is not reported"],
      ["prints something else", 'echo "<html>" >"$2"', "parse error"],
      [
        "finds too much",
        `dd if=/dev/urandom bs=1M count=1 | base64 -w0 | sed 's/.*/"&"/' >"$2"`,
        "does not take the report",
      ],
    ])("is no reason not to install when the program %s", async (_, commands, message) => {
      const trial = await lab.trial();
      await trial.declare();
      const installation = trial.install(await trial.netboot(), await facter(commands));
      await trial.expectInstalled(installation);
      expect(installation.console).toContain(message);
      expect(await trial.hardwareReport()).toBeNull();
    });
  });

  describe("a ZFS pool", () => {
    // Like zpool, the stand-in refuses to export a mounted pool.
    const ZPOOL = `#!/bin/sh
      [ "$*" = "export -a" ] || exit 2
      if mountpoint -q ${ROOT}; then echo "cannot export: pool is busy"; exit 1; fi
      [ ! -e /run/pool-is-busy ] || exit 1
      echo exported >>/run/zpool`;
    const withPool = async (trial: Trial) => {
      await trial.declare();
      const machine = await trial.netboot();
      await fs.writeFile(join(lab.folder, "zpool"), ZPOOL, { mode: 0o755 });
      await machine.run("mkdir", "/run/bin");
      await machine.run("cp", join(lab.folder, "zpool"), "/run/bin");
      return { machine, env: { PATH: "/run/bin:/usr/sbin:/usr/bin:/sbin:/bin" } };
    };

    it("is exported when it is no longer mounted", async () => {
      const trial = await lab.trial();
      const { machine, env } = await withPool(trial);
      const installation = trial.install(machine, env);
      await installation.ended();
      expect(await machine.run("cat", "/run/zpool")).toBe("exported");
      await trial.expectInstalled(installation);
    });

    it("that cannot be exported is a failure: the installed system would refuse it", async () => {
      const trial = await lab.trial();
      const { machine, env } = await withPool(trial);
      await machine.run("touch", "/run/pool-is-busy");
      const installation = trial.install(machine, env);
      expect(await installation.ended()).toBe(1);
      expect(installation.hasRebooted).toBe(false);
      expect(await trial.status()).toMatchObject({ phase: "failed", report: { stage: "finish" } });
    });
  });

  const faketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
  const clockSuite = existsSync(faketime) ? describe : describe.skip;
  clockSuite(`the clock${existsSync(faketime) ? "" : " (skipped: faketime is not installed)"}`, () => {
    it.each(["-2h", "+2d", "+20000d"])(
      "may be set by %s in each stage",
      async (step) => {
        const trial = await lab.trial();
        const substituters = [{ url: lab.cache.url("held"), publicKey: lab.cache.publicKey }];
        await trial.declare(trial.job({ substituters }));
        const machine = await trial.netboot();
        const clock = join(lab.folder, "clock");
        const set = (offset: string) => fs.writeFile(clock, `${offset}\n`);
        await set("+0");
        for (const stage of ["partition", "install"]) await machine.run("touch", `/run/hold-${stage}`);
        await lab.service.kill();
        lab.cache.hold();
        const installation = trial.install(machine, {
          LD_PRELOAD: faketime,
          FAKETIME_TIMESTAMP_FILE: clock,
          FAKETIME_NO_CACHE: "1",
          FAKETIME_DONT_FAKE_MONOTONIC: "1",
        });
        await installation.says(/does not answer yet/);
        await set(step);
        // The message is repeated every ten seconds, even when the clock changes.
        await installation.says(/does not answer yet[^]*does not answer yet/);
        await lab.service.start();

        await installation.says(/fetch: copying path/);
        await set("+0");
        await lab.service.kill();
        lab.cache.release();
        await installation.says(/the claim is not granted/);
        await set(step);
        await installation.says(/the claim is not granted[^]*the claim is not granted/);
        await lab.service.start();
        await reaches(trial, "partition");

        let last = await reportedAt(trial);
        const another = async () => {
          await until("another report", async () => (await reportedAt(trial)) > last);
          last = await reportedAt(trial);
        };
        const stepBackAndForth = async () => {
          for (const offset of ["+0", step]) {
            await set(offset);
            await another();
          }
        };
        await stepBackAndForth();
        lab.cache.hold();
        await machine.run("rm", "/run/hold-partition");
        await installation.says(/copy: copying path/);
        await reaches(trial, "copy");
        await stepBackAndForth();
        lab.cache.release();
        await reaches(trial, "install");
        await lab.service.kill();
        await machine.run("rm", "/run/hold-install");
        await installation.says(/is not acknowledged/);
        await set("+0");
        await installation.says(/is not acknowledged[^]*is not acknowledged/);
        await set(step);
        await installation.says(/is not acknowledged[^]*is not acknowledged[^]*is not acknowledged/);
        await lab.service.start();
        await trial.expectInstalled(installation);
      },
      300_000,
    );
  });

  describe("the job", () => {
    it("is refused with all its errors", async () => {
      const trial = await lab.trial();
      const job = {
        version: 1,
        hostName: "web\nx",
        system: "nixos",
        diskoScript: `${lab.disko}/../x`,
        substituters: [{ url: "http://10.0.0.1:5000?trusted=1", publicKey: "key" }, 7],
        disks: [{ minBytes: 5, maxBytes: 4, serial: null, path: "vda", allowWipe: "yes", size: 1 }],
        rootMount: "/",
        hostKeyPath: "etc/key",
      };
      const mistakes = [
        "version: must be 2",
        "hostName: must be a host name",
        "system: must be a store path",
        "diskoScript: must be a store path, or a file in one",
        "substituters.0.url: must be an http or https URL without query",
        "substituters.0.publicKey: must be a key name and a key",
        "substituters.1: must be an object",
        "disks.0.size: unknown field",
        "disks.0.name: must be a name",
        "disks.0.path: must be a path in /dev",
        "disks.0.maxBytes: must be at least minBytes",
        "disks.0.allowWipe: must be true or false",
        "rootMount: must be an absolute path",
        "hostKeyPath: must be an absolute path",
      ];
      const { status } = await expectRefused(
        trial,
        await trial.hashes(),
        job,
        /^the job is not valid: version: must be 2; hostName: must be a host name; /,
      );
      expect(status.report!.log.slice(1, -2)).toEqual(mistakes);
      expect(status.report!.stage).toBe("job");
    });

    it.each([
      ["{", "install.json: is not JSON"],
      ["", "install.json: is not JSON"],
      ["{} {}", "install.json: is not JSON"],
      ["[]", "install.json: must be an object"],
      [
        "{}",
        [
          "version: must be 2",
          "hostName: must be a host name",
          "system: must be a store path",
          "diskoScript: must be a store path, or a file in one",
          "substituters: must be a list of at least one",
          "disks: must be a list of at least one",
          "rootMount: must be an absolute path",
          "hostKeyPath: must be an absolute path",
        ].join("; "),
      ],
    ])("is refused when it is %j", async (job, violations) => {
      const trial = await lab.trial();
      await expectRefused(trial, await trial.hashes(), job, `the job is not valid: ${violations}`);
    });

    it("has to select a disk", async () => {
      const trial = await lab.trial();
      const job = trial.job({ disks: [{ name: "main", byId: null, allowWipe: true }] });
      const message =
        "the job is not valid: disks.0: must be told by at least one of byId, serial, path, minBytes, maxBytes";
      await expectRefused(trial, await trial.hashes(), job, message);
    });

    it("says where the host key goes", async () => {
      const trial = await lab.trial();
      const hostKeyPath = "/persist/keys/host";
      await trial.declare(trial.job({ hostKeyPath }));
      const installation = trial.install(await trial.netboot(), { NIXOPS4_TEST_KEY: hostKeyPath });
      expect(await installation.ended()).toBe(0);
      const machine = await trial.start();
      await machine.run("mount", "--mkdir", `${await machine.device(trial.disks[0]!)}p2`, ROOT);
      const key = await fs.readFile(lab.hostKey.file, "utf8");
      expect(await machine.run("cat", `${ROOT}${hostKeyPath}`)).toBe(key.trim());
      const stat = ["stat", "--format=%a %u %n", `${ROOT}${hostKeyPath}`, `${ROOT}${hostKeyPath}.pub`];
      expect(await machine.run(...stat)).toBe(`600 0 ${ROOT}${hostKeyPath}\n644 0 ${ROOT}${hostKeyPath}.pub`);
      expect(await machine.run("ls", `${ROOT}/persist`)).toBe("keys");
      await machine.run("umount", ROOT);
    });

    it("has to come from a boot entry", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      await fs.rm(join(machine.job, "token"));
      const installation = trial.install(machine);
      expect(await installation.ended()).toBe(1);
      expect(installation.console).toMatch(
        /stopped: there is no .*token: this machine was not booted by a boot entry/,
      );
      expect((await trial.status()).phase).toBe("booting");
    });

    it("is reported regularly during long steps", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      await machine.run("touch", "/run/hold-install");
      const installation = trial.install(machine);
      await reaches(trial, "install");
      const first = await reportedAt(trial);
      await until("another report", async () => (await reportedAt(trial)) > first);
      expect((await reportedAt(trial)) - first).toBeLessThan(30_000);
      await machine.run("rm", "/run/hold-install");
      await trial.expectInstalled(installation);
    });

    it("says how much of the system is copied", async () => {
      const trial = await lab.trial();
      const { installation, goOn } = await heldIn(trial, "copy");
      await reaches(trial, "copy", (status) => status.report!.percent !== undefined);
      const { percent, message } = (await trial.status()).report!;
      expect(message).toMatch(/^copying the system: path [123] of 4$/);
      expect([0, 25, 50]).toContain(percent);
      await goOn();
      await trial.expectInstalled(installation);
    });
  });

  describe("the binary cache", () => {
    it.each([
      ["sends another content than was signed", "tampered", /hash mismatch/],
      ["has no signatures", "unsigned", /not signed by any of the keys|lacks a (valid )?signature/],
    ] as const)("%s: the install fails", async (_, kind, why) => {
      const trial = await lab.trial();
      const [publicKey, good] = [lab.cache.publicKey, lab.cache.url("good")];
      // The partitioning script comes from a good cache.
      const substituters = [{ url: lab.cache.url(kind), publicKey }];
      await trial.declare(trial.job({ substituters }));
      const machine = await trial.netboot();
      const options = ["--option", "substituters", good, "--option", "trusted-public-keys", publicKey];
      await machine.run("nix-store", "--realise", lab.disko, ...options);
      const installation = trial.install(machine);
      expect(await installation.ended()).toBe(1);
      const status = await trial.status();
      expect(status).toMatchObject({ phase: "failed", report: { stage: "copy" } });
      expect(status.report!.message).toBe(`the system cannot be copied from ${lab.cache.url(kind)}`);
      expect(status.report!.log.join("\n")).toMatch(why);
      expect(installation.hasRebooted).toBe(false);
      // The path may be unpacked, but must not be valid.
      const store = `nix-store --store 'local?root=${ROOT}'`;
      expect(await machine.run("sh", "-c", `${store} --check-validity ${lab.system} || echo invalid`)).toBe(
        "invalid",
      );
    });

    it("has signed with another key, or not at all: no disk is touched", async () => {
      for (const kind of ["good", "unsigned"] as const) {
        const trial = await lab.trial();
        const { publicKey } = await makeCacheKey(await fs.mkdtemp(join(lab.folder, "key-")), "test-1");
        const substituters = [{ url: lab.cache.url(kind), publicKey }];
        const { status } = await expectRefused(
          trial,
          await trial.hashes(),
          trial.job({ substituters }),
          /^the script that partitions the disk cannot be fetched from http/,
        );
        expect(status.report).toMatchObject({ stage: "fetch" });
        expect(status.report!.log.join("\n")).toMatch(
          /not signed by any of the keys|lacks a (valid )?signature/,
        );
      }
    });

    it("lacks a dependency of the system: no disk is touched", async () => {
      const trial = await lab.trial();
      const substituters = [{ url: lab.cache.url("incomplete"), publicKey: lab.cache.publicKey }];
      const { status } = await expectRefused(
        trial,
        await trial.hashes(),
        trial.job({ substituters }),
        /^not all of the system can be fetched from http/,
      );
      expect(status.report).toMatchObject({ stage: "fetch" });
      expect(status.report!.log.join("\n")).toMatch(/^ {2}\/nix\/store\/\S+$/m);
    });

    it("can lack signatures or paths when another cache has them", async () => {
      const trial = await lab.trial();
      const publicKey = lab.cache.publicKey;
      const urls = [lab.cache.url("unsigned"), `${lab.cache.url("good")}/nothing`, lab.cache.url("good")];
      const substituters = urls.map((url) => ({ url, publicKey }));
      const { installation } = await trial.whole(trial.job({ substituters }));
      await trial.expectInstalled(installation);
    });
  });

  describe("what fails on the way", () => {
    it.each([
      ["the partitioning script", "exit 3", "partition", /^partitioning .* failed \(exit status 3\)$/],
      ["a script that mounts nothing", "exit 0", "partition", /has mounted nothing on \/run\/target$/],
    ])("is reported: %s", async (_, text, stage, message) => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      const options = ["--option", "substituters", lab.cache.url("good")];
      const key = ["--option", "trusted-public-keys", lab.cache.publicKey];
      await machine.run("nix-store", "--realise", lab.disko, ...options, ...key);
      const script = `mount -o remount,rw /nix; printf '#!/bin/sh\\necho cookie\\n${text}\\n' >${lab.disko}`;
      await machine.run("sh", "-c", `chmod 755 ${lab.disko}; ${script}`);
      const installation = trial.install(machine);
      expect(await installation.ended()).toBe(1);
      const status = await trial.status();
      expect(status).toMatchObject({
        phase: "failed",
        report: { stage, log: expect.arrayContaining(["cookie"]) },
      });
      expect(status.report!.message).toMatch(message);
      expect(installation.console).not.toContain("no disk was touched");
    });

    it("is reported: nixos-install", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      const installation = trial.install(machine, { NIXOPS4_NIXOS_INSTALL: "/does/not/exist" });
      expect(await installation.ended()).toBe(1);
      expect(await trial.status()).toMatchObject({
        phase: "failed",
        report: { stage: "install", message: "nixos-install failed (exit status 127)" },
      });
    });

    it("is reported: an unexpected failure", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      await machine.run(
        "sh",
        "-c",
        "mkdir /run/bin; printf '#!/bin/sh\\nexit 7\\n' >/run/bin/lsblk; chmod 755 /run/bin/*",
      );
      const hashes = await trial.hashes();
      const installation = trial.install(machine, { PATH: "/run/bin:/usr/sbin:/usr/bin:/sbin:/bin" });
      expect(await installation.ended()).toBe(1);
      expect((await trial.status()).report).toMatchObject({
        stage: "check-disk",
        message: expect.stringMatching(/^something unforeseen failed \(line \d+: .*list_disks/),
      });
      expect(await trial.hashes()).toEqual(hashes);
    });

    it("is reported without the secrets that a step prints", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      const chatty = join(lab.folder, "chatty");
      await fs.writeFile(join(machine.job, "luks-key"), "correct horse", { mode: 0o400 });
      const names = ["token", "ssh_host_ed25519_key", "luks-key"];
      const files = names.map((name) => join(machine.job, name)).join(" ");
      await fs.writeFile(chatty, `#!/bin/sh\ncat ${files}\nexit 1\n`, { mode: 0o755 });
      const installation = trial.install(machine, { NIXOPS4_NIXOS_INSTALL: chatty });
      expect(await installation.ended()).toBe(1);
      expect((await trial.status()).report!.log).toContain("(secret)");
      expect(installation.console).not.toContain("correct horse");
    });
  });

  describe("the network", () => {
    it("may come up late", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      await lab.service.kill();
      const installation = trial.install(machine);
      await installation.says(
        /network: http.*healthz does not answer yet, after \d+ s of at most 3600 s \(.*connect/,
      );
      await lab.service.start();
      await trial.expectInstalled(installation);
    });

    it("is only awaited for a limited time", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      const hashes = await trial.hashes();
      await lab.service.kill();
      const installation = trial.install(machine, { NIXOPS4_NETWORK_SECONDS: "2" });
      expect(await installation.ended()).toBe(1);
      await lab.service.start();
      expect(installation.console).toMatch(/network: stopped: http.*healthz has not answered for 2 s/);
      expect(await trial.hashes()).toEqual(hashes);
      expect((await trial.status()).phase).toBe("booting");
    });

    it.each(["partition", "copy", "install"])(
      "may lose the boot service, killed during %s",
      async (stage) => {
        const trial = await lab.trial();
        const { machine, installation, goOn } = await heldIn(trial, stage);
        await lab.service.kill();
        await goOn();
        await installation.says(/finish: the report "installed" is not acknowledged/);
        expect(installation.hasRebooted).toBe(false);
        expect(await machine.run("sh", "-c", `mountpoint -q ${ROOT} || echo unmounted`)).toBe("unmounted");
        await lab.service.start();
        await trial.expectInstalled(installation);
      },
    );
  });

  describe("the claim", () => {
    const garbage: [string, number, string][] = [
      ["an error", 500, '{"error": "no"}'],
      ["a page", 200, "<html>please log in</html>"],
      ["nothing", 200, ""],
      ["another object", 200, "{}"],
      ["another generation", 200, '{"generation": 2, "attempt": 1}'],
      ["two objects", 200, '{"generation": 1, "attempt": 1}{"generation": 1, "attempt": 1}'],
      ["a redirection", 302, ""],
      ["an unknown place", 404, '{"error": "not found"}'],
    ];

    it("is repeated when the answer is not valid", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      const hashes = await trial.hashes();
      const answers = [...garbage];
      const seen: string[][] = [];
      await lab.proxy(machine, (req, res) => {
        const [, status, body] = (req.url!.endsWith("/claim") ? answers.shift() : undefined) ?? [];
        if (status === undefined) return false;
        const answer = async () => {
          seen.push(await trial.hashes());
          res.writeHead(status, { Location: lab.service.url }).end(body);
        };
        void answer();
        return true;
      });
      // Shortens the pauses between attempts, which are not tested here.
      await machine.run(
        "sh",
        "-c",
        "printf '#!/bin/sh\\nexec /bin/sleep 0.05\\n' >/run/sleep; chmod 755 /run/sleep",
      );
      const installation = trial.install(machine, { PATH: "/run:/usr/sbin:/usr/bin:/sbin:/bin" });
      await trial.expectInstalled(installation);
      expect(seen).toEqual(garbage.map(() => hashes));
      expect(installation.console).toContain("the claim is not granted (no): trying again in 1 s");
      expect(installation.console).toContain("(status 200, and an answer that is not its own)");
    });

    it("is granted again when its answer was lost, and a report is accepted again", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      const lost: string[] = [];
      const answered = new Set<string>();
      await lab.proxy(machine, (req, _res, forward) => {
        const [, call] = /\/(claim|report)$/.exec(req.url!) ?? [];
        // Drops the answers to the first claim, and to each report until the system is on the disk.
        if (call === undefined || answered.has(call) || lost.length > 8) return false;
        if (call === "claim") answered.add(call);
        lost.push(call);
        forward();
        return true;
      });
      await trial.expectInstalled(trial.install(machine));
      expect(new Set(lost)).toEqual(new Set(["claim", "report"]));
    });

    it("of another boot is respected: the machine boots from its disk, which is untouched", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      const token = (await fs.readFile(join(machine.job, "token"), "utf8")).trim();
      const jobUrl = (await fs.readFile(join(machine.job, "job-url"), "utf8")).trim();
      const claimed = await fetch(`${jobUrl}/claim`, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}` },
        body: JSON.stringify({ bootId: "another-boot" }),
      });
      expect(claimed.status).toBe(200);
      const hashes = await trial.hashes();
      const installation = trial.install(machine);
      expect(await installation.ended()).toBe(0);
      expect(installation.hasRebooted).toBe(true);
      expect(installation.console).toMatch(
        /restarting to boot from disk: the install of .* has been claimed by another/,
      );
      expect(await trial.hashes()).toEqual(hashes);
      expect((await trial.status()).phase).toBe("installing");
    });

    it("needs the token of the latest boot", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      await fs.writeFile(join(machine.job, "token"), "an-older-token\n");
      const hashes = await trial.hashes();
      const installation = trial.install(machine);
      expect(await installation.ended()).toBe(1);
      expect(installation.console).toMatch(
        /claim: stopped: the boot service refuses the claim: no such job, or the token/,
      );
      expect(installation.hasRebooted).toBe(false);
      expect(await trial.hashes()).toEqual(hashes);
    });
  });

  describe("killed", () => {
    it.each(["begin", "partition", "mount", "copy", "install"])(
      "during %s and started again in the same boot, it installs",
      async (stage) => {
        const trial = await lab.trial();
        const { machine, installation, goOn } = await heldIn(trial, stage);
        await installation.kill();
        expect(await stepsOf(machine)).not.toEqual([]);
        const again = trial.install(machine);
        await again.says(/reading the job/);
        expect(await stepsOf(machine)).toEqual([]);
        await goOn();
        await trial.expectInstalled(again);
        expect(again.console).toContain("where an earlier run of this boot was cut off");
        expect(await trial.status()).toMatchObject({ attempt: 1 });
      },
    );

    it("before its report was acknowledged and started again, it installs again", async () => {
      const trial = await lab.trial();
      const { machine, installation, goOn } = await heldIn(trial, "install");
      await lab.service.kill();
      await goOn();
      await installation.says(/the report "installed" is not acknowledged/);
      await installation.kill();
      await lab.service.start();
      await trial.expectInstalled(trial.install(machine));
    });

    it("after its report was acknowledged and started again, it only restarts", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      expect(await trial.install(machine).ended()).toBe(0);
      const hashes = await trial.hashes();
      const again = trial.install(machine);
      expect(await again.ended()).toBe(0);
      expect(again.console).toMatch(/restarting to boot from disk: .*the entry is installed/);
      expect(await trial.hashes()).toEqual(hashes);
    });

    it("at any moment, again and again, it installs", async () => {
      const trial = await lab.trial();
      await trial.declare();
      const machine = await trial.netboot();
      for (let attempt = 0; attempt < 8; attempt++) {
        const installation = trial.install(machine);
        await sleep(Math.random() * 2000);
        await installation.kill();
      }
      if ((await trial.status()).phase === "installed") return;
      await trial.expectInstalled(trial.install(machine));
    });

    it("by its service manager, it reports nothing, and goes on when it is started again", async () => {
      const trial = await lab.trial();
      const { machine, installation, goOn } = await heldIn(trial, "install");
      await installation.kill("TERM");
      expect(await installation.ended()).toBe(1);
      expect((await trial.status()).phase).toBe("installing");
      await goOn();
      await trial.expectInstalled(trial.install(machine));
    });

    it("by a second installer, it leaves the installation to that one", async () => {
      const trial = await lab.trial();
      const { machine, installation, goOn } = await heldIn(trial, "mount");
      await goOn();
      const second = trial.install(machine);
      await installation.ended();
      await trial.expectInstalled(second);
    });

    it("and started in another boot, it touches nothing", async () => {
      const trial = await lab.trial();
      const { machine, installation } = await heldIn(trial, "copy");
      const overlay = machine.job;
      await installation.kill();
      await machine.stop();
      const hashes = await trial.hashes();
      const second = await trial.start();
      await fs.cp(overlay, second.job, { recursive: true });
      const again = trial.install(second);
      await again.ended();
      expect((await trial.status()).phase).toBe("installing");
      await second.stop();
      expect(await trial.hashes()).toEqual(hashes);
      expect(again.hasRebooted).toBe(true);
    });
  });

  /** Runs a trial up to a stage, in which it waits until `goOn` is called. */
  async function heldIn(
    trial: Trial,
    stage: string,
  ): Promise<{ machine: Machine; installation: Installation; goOn: () => Promise<void> }> {
    const substituters = [{ url: lab.cache.url("held"), publicKey: lab.cache.publicKey }];
    await trial.declare(trial.job({ substituters }));
    const machine = await trial.netboot();
    if (stage !== "copy") await machine.run("touch", `/run/hold-${stage}`);
    else await machine.run("touch", "/run/hold-begin");
    const installation = trial.install(machine);
    if (stage === "copy") {
      await installation.says(/cookie/);
      lab.cache.hold();
      await machine.run("rm", "/run/hold-begin");
      await installation.says(/copy: copying path/);
    } else await installation.says(stage === "install" ? /install: cookie/ : /cookie/);
    const goOn = async () => {
      lab.cache.release();
      await machine.run("rm", "-f", `/run/hold-${stage}`);
    };
    return { machine, installation, goOn };
  }
});

/** Returns the command lines of processes that installers have started. */
async function stepsOf(machine: Machine): Promise<string[]> {
  const steps = /^(\/bin\/sh\0\S*(disko-test|nixos-install)\0|nix-store\0)/;
  return (await machine.processTexts()).filter((text) => steps.test(text));
}

async function reaches(
  trial: Trial,
  stage: string,
  isSo: (status: EntryStatus) => boolean = () => true,
): Promise<void> {
  await until(`it is in ${stage}`, async () => {
    const status = await trial.status();
    return status.report?.stage === stage && isSo(status);
  });
}

async function reportedAt(trial: Trial): Promise<number> {
  return ((await trial.status()).report as unknown as { reportedAt: number }).reportedAt;
}
