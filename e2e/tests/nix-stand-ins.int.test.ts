import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { hasNix, root } from "./nix-sources.ts";

const missing = !hasNix
  ? " (skipped: there is no nix-instantiate)"
  : ["NIXPKGS_SOURCE", "NIXPKGS_LIB_SOURCE"].some((name) => (process.env[name] ?? "") === "")
    ? " (skipped without NIXPKGS_SOURCE and NIXPKGS_LIB_SOURCE)"
    : "";
const suite = missing === "" ? describe : describe.skip;

/** The parts of the stand-ins that were added to nixpkgs after 20.09, the version in NIXPKGS_SOURCE. */
const NEWER = {
  functions: ["fetchPnpmDeps", "writeShellApplication"],
  options: [
    "boot.initrd.systemd",
    "boot.zfs.enabled",
    "boot.zfs.package",
    "hardware.enableAllHardware",
    "nix.settings",
    "nixpkgs.hostPlatform",
    "services.dnsmasq.settings",
    "services.getty",
    "services.harmonia",
    "services.openssh.settings",
    "system.installer",
    "system.nixos-generate-config.flake",
    "systemd.sockets.*.listenDatagrams",
  ],
  packages: [
    "emptyFile",
    "makeBinaryWrapper",
    "nixfmt-tree",
    "nixos-facter",
    "nixos-install",
    "nodejs-slim_24",
    "nodejs_24",
    "pnpmConfigHook",
    "pnpm_10",
    "util-linux",
    "util-linuxMinimal",
  ],
};

async function valueOf<T>(attribute: string): Promise<T> {
  const file = join(root, "nix/tests/stand-ins.nix");
  const args = ["--eval", "--strict", "--json", file, "-A", attribute];
  const { stdout } = await promisify(execFile)("nix-instantiate", args, { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout) as T;
}

suite(`compared with nixpkgs itself, the stand-ins for it${missing}`, () => {
  it("have nothing that is not in nixpkgs", async () => {
    const lacking = await valueOf<typeof NEWER>("lacking");
    const allowed = (await valueOf<boolean>("isOld")) ? NEWER : { functions: [], options: [], packages: [] };
    expect(lacking).toEqual(allowed);
  });

  it("refuse what nixpkgs refuses: values of options, names of units, arguments of functions", async () => {
    expect(await valueOf<number>("compared")).toBeGreaterThanOrEqual(60);
    expect(await valueOf<string[]>("lenient")).toEqual([]);
  });
});

suite(`a whole NixOS${missing}`, () => {
  interface System {
    enableRedistributableFirmware: boolean;
    failed: string[];
    networkUnits: Record<string, string>;
    system: string;
    units: Record<string, string>;
  }
  const systems: Record<string, System> = {};
  beforeAll(async () => {
    for (const name of ["landscaper", "landscaper-iso", "installer", "host", "host-on-a-bond"])
      systems[name] = await valueOf<System>(`systems.${name}`);
  }, 300_000);

  it("can be built from each of our modules", () => {
    for (const [name, { failed, system }] of Object.entries(systems)) {
      expect({ name, failed }).toEqual({ name, failed: [] });
      expect(system).toMatch(/^\/nix\/store\/\w{32}-nixos-system-/);
    }
  });

  const disko = (process.env["DISKO_SOURCE"] ?? "") === "" ? it.skip : it;
  disko(
    "can be made with each disk layout of the template (skipped without DISKO_SOURCE)",
    async () => {
      interface Host extends System {
        grubDevices: string[];
        mounts: Record<string, string>;
        script: string;
      }
      const layouts = await valueOf<Record<string, Host>>("layouts");
      const roots = Object.entries(layouts).map(([layout, { failed, mounts, script, system }]) => {
        expect({ layout, failed }).toEqual({ layout, failed: [] });
        expect(system).toMatch(/-nixos-system-web-/);
        expect(script).toMatch(/-disko-destroy-format-mount$/);
        return [layout, mounts["/"]];
      });
      expect(Object.fromEntries(roots)).toEqual({
        "disk.nix": "/dev/disk/by-partlabel/disk-main-root",
        "disks/luks.nix": "/dev/mapper/root",
        "disks/mirror.nix": "/dev/md/root",
        "disks/zfs.nix": "web-root/root",
      });
      expect(layouts["disks/mirror.nix"]!.grubDevices).toEqual([
        "/dev/disk/nixops4",
        "/dev/disk/nixops4-second",
      ]);
    },
    300_000,
  );

  it("with the landscaper has these units", () => {
    expect(Object.keys(systems["landscaper"]!.units).toSorted()).toEqual([
      "nixops4-apply.service",
      "nixops4-boot-server-http.socket",
      "nixops4-boot-server-tftp.socket",
      "nixops4-boot-server.service",
      "nixops4-cache-key.service",
      "nixops4-network-template.service",
    ]);
  });

  it("with the installer has firmware, and the programs of its script on the unit's PATH", () => {
    const { enableRedistributableFirmware, units } = systems["installer"]!;
    expect(enableRedistributableFirmware).toBe(true);
    const [, path] = /PATH=([^"]*)"/.exec(units["nixops4-installer.service"]!)!;
    for (const name of [
      "coreutils",
      "curl",
      "diffutils",
      "findutils",
      "gnugrep",
      "gnused",
      "gzip",
      "jq",
      "nix",
      "nixos-facter",
      "nixos-install",
      "util-linux",
      "zfs",
    ])
      expect(path).toMatch(new RegExp(`-${name}[^/:]*/bin`));
  });

  it("of a host assigns the address to the boot network card, or to the bond or VLAN on it", () => {
    expect(Object.keys(systems["host"]!.networkUnits)).toEqual(["40-nixops4.network"]);
    expect(systems["host"]!.networkUnits["40-nixops4.network"]).toMatch(
      /PermanentMACAddress=52:54:00:12:34:56\n[^]*Address=10.0.0.9\/24\nGateway=10.0.0.1\n/,
    );
    const units = systems["host-on-a-bond"]!.networkUnits;
    const withAddress = Object.keys(units).filter((name) => units[name]!.includes("Address=10.0.0.9/24"));
    expect(withAddress).toEqual(["40-nixops4.network"]);
    expect(units["40-nixops4.network"]).toContain("Name=vlan12");
    expect(units["40-nixops4-below.network"]).toMatch(/Name=bond0[^]*VLAN=vlan12/);
    expect(units["40-nixops4-cards.network"]).toMatch(
      /Kind=!\*\nPermanentMACAddress=52:54:00:12:34:56 52:54:00:12:34:57\n[^]*Bond=bond0/,
    );
  });
});
