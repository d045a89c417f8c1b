import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { DebianMachine, debianMachineAvailable } from "./debian-machine.ts";
import { hasNix, root } from "./nix-sources.ts";

/** The programs that disko's scripts and this test need, besides those of every machine. */
const PROGRAMS = ["cryptsetup", "mdadm", "mkfs.ext4", "mkfs.vfat", "partprobe", "sgdisk"];
/** The udev rules that name arrays and assemble them. */
const RULES = ["/lib/udev/rules.d/63-md-raid-arrays.rules", "/lib/udev/rules.d/64-md-raid-assembly.rules"];
const LAYOUTS = join(root, "templates/default/disks");

function whyNot(): string | undefined {
  const variables = ["DISKO_SOURCE", "NIXPKGS_LIB_SOURCE"].filter((name) => (process.env[name] ?? "") === "");
  if (variables.length > 0) return `without ${variables.join(", ")}`;
  if (!hasNix) return "there is no nix-instantiate";
  return debianMachineAvailable(PROGRAMS);
}

const unavailable = whyNot();
const suite = unavailable === undefined ? describe : describe.skip;

suite(
  `the disk layouts of the template, made by disko${unavailable === undefined ? "" : ` (skipped: ${unavailable})`}`,
  () => {
    let machine: DebianMachine;
    const sh = (script: string) => machine.sh(script);

    beforeAll(async () => {
      machine = await DebianMachine.start(PROGRAMS, RULES);
      // The image has no udev, which names arrays, so it is enabled here. The limits make the sync of a new mirror
      // slow.
      await sh(`rm /etc/systemd/system/systemd-udev*
      systemctl daemon-reload
      systemctl start systemd-udevd.service
      modprobe --all loop dm_crypt md_mod raid1 vfat
      echo 1 >/proc/sys/dev/raid/speed_limit_min
      echo 1 >/proc/sys/dev/raid/speed_limit_max
      mkdir -p /dev/disk /images`);
    }, 1_200_000);

    afterEach(async () => {
      await sh(`umount --recursive /mnt || true
        if [ -e /dev/mapper/root ]; then cryptsetup close root; fi
        mdadm --stop --scan || true
        losetup --detach-all
        rm -f /dev/disk/nixops4* /images/*`);
    }, 120_000);

    afterAll(async () => {
      await machine?.stop();
    });

    /** Makes empty disks with the names that the installer gives them. */
    async function withDisks(...links: string[]): Promise<void> {
      for (const link of links) {
        const image = `/images/${link}.img`;
        await sh(`truncate -s 1300M ${image}
        ln -sfn "$(losetup --find --show --partscan ${image})" /dev/disk/${link}`);
      }
    }

    /** Partitions and formats the disks, and mounts the file systems. */
    async function make(layout: string): Promise<void> {
      for (const script of await scriptsOf(layout)) await sh(script);
    }

    it("a mirror works with either of its disks", async () => {
      await withDisks("nixops4", "nixops4-second");
      await make("mirror.nix");
      expect(await sh("findmnt --noheadings --output SOURCE,FSTYPE,TARGET --list | grep /mnt")).toMatch(
        /^\/dev\/md\S+ +ext4 +\/mnt\n\/dev\/md\S+ +vfat +\/mnt\/boot$/,
      );
      const devices = await sh("for array in root boot; do mdadm --detail --export /dev/md/$array; done");
      expect(devices.match(/^MD_DEVICES=2$/gm)).toHaveLength(2);
      expect(devices.match(/^MD_LEVEL=raid1$/gm)).toHaveLength(2);

      // Without this rule, udev does not assemble arrays, so only the test does.
      await sh(`rm ${RULES[1]}; udevadm control --reload
        echo both >/mnt/file; echo both >/mnt/boot/file; umount --recursive /mnt`);
      for (const gone of ["main", "second"]) {
        const left = gone === "main" ? "second" : "main";
        await sh("mdadm --stop /dev/md/root /dev/md/boot");
        for (const array of ["root", "boot"]) {
          const partition = `/dev/disk/by-partlabel/disk-${left}-${array === "boot" ? "esp" : "root"}`;
          await sh(`mdadm --assemble --run /dev/md/${array} ${partition}`);
        }
        expect(
          await sh(`mount -o ro /dev/md/root /mnt; mount -o ro /dev/md/boot /mnt/boot
          cat /mnt/file /mnt/boot/file; umount --recursive /mnt`),
        ).toBe("both\nboth");
      }
      // The firmware reads one of the partitions, and does not know about arrays.
      const esp = "/dev/disk/by-partlabel/disk-main-esp";
      expect(
        await sh(
          `mdadm --stop /dev/md/boot >&2; mount -t vfat -o ro ${esp} /mnt; cat /mnt/file; umount /mnt`,
        ),
      ).toBe("both");
    }, 600_000);

    it("an encrypted disk opens with the installer's secret, and with no other key", async () => {
      await withDisks("nixops4");
      await sh("umask 077; mkdir -p /run/nixops4; echo correct-horse >/run/nixops4/disk");
      await make("luks.nix");
      expect(await sh("findmnt --noheadings --output SOURCE,FSTYPE,TARGET --list | grep /mnt")).toMatch(
        /^\/dev\/mapper\/root +ext4 +\/mnt\n\/dev\/\S+ +vfat +\/mnt\/boot$/,
      );
      await sh("echo inside >/mnt/file; umount --recursive /mnt; cryptsetup close root");
      const open = (passphrase: string) =>
        sh(
          `printf %s ${passphrase} | cryptsetup open --key-file=- /dev/disk/by-partlabel/disk-main-encrypted root`,
        );
      await expect(open("another")).rejects.toThrow("No key available");
      // A passphrase without a line feed, like one that is typed at the console.
      await open("correct-horse");
      expect(await sh("mount /dev/mapper/root /mnt; cat /mnt/file; umount /mnt; cryptsetup close root")).toBe(
        "inside",
      );
    }, 600_000);
  },
);

/** Returns the two scripts of a layout from disko: one partitions and formats, the other mounts on /mnt. */
async function scriptsOf(layout: string): Promise<string[]> {
  const expression = `
    let
      lib = import (/. + "${process.env["NIXPKGS_LIB_SOURCE"]}/lib");
      disko = import (/. + "${process.env["DISKO_SOURCE"]}/lib") {
        inherit lib; makeTest = null; eval-config = null; qemu-common = null; rootMountPoint = "/mnt";
      };
      any = lib.mkOption { type = lib.types.lazyAttrsOf lib.types.anything; default = { }; };
      inherit (lib.evalModules { modules = [
        (/. + "${LAYOUTS}/${layout}")
        { options.boot = any; options.networking = any; options.disko.devices = lib.mkOption { type = disko.toplevel; }; }
      ]; }) config;
    in [ config.disko.devices._create config.disko.devices._mount ]`;
  const args = ["--eval", "--strict", "--json", "--expr", expression];
  const { stdout } = await promisify(execFile)("nix-instantiate", args);
  return JSON.parse(stdout) as string[];
}
