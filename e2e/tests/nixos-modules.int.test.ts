import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { dnsmasqConfig } from "@nixops4-providers/test-servers";
import { hasNix, root } from "./nix-sources.ts";
import { temporaryFolders } from "./temporary-folder.ts";

const missing = !hasNix
  ? " (skipped: there is no nix-instantiate)"
  : (process.env["NIXPKGS_LIB_SOURCE"] ?? "") === ""
    ? " (skipped without NIXPKGS_LIB_SOURCE)"
    : "";
const suite = missing === "" ? describe : describe.skip;
const temporaryFolder = temporaryFolders();

/** The store path of the sources of the systems. */
const SOURCE = "/nix/store/00000000000000000000000000000000-source";

/** The parts of a system that nix/tests/nixos-modules.nix returns and the tests check. */
interface System {
  services: Record<string, Unit>;
  sockets: Record<string, Unit & { listenStreams: string[]; listenDatagrams: string[] }>;
  boot: {
    initrd: {
      availableKernelModules: string[];
      systemd: { enable: boolean; services: Record<string, Unit> };
    };
  };
  bootServerSettings: { nbps: Record<string, string> };
  dnsmasq: { resolveLocalQueries: boolean; settings: Record<string, unknown> };
  extraDependencies: string[];
  failed: string[];
  undocumented: string[];
  harmonia: { cache: { enable: boolean; settings: object; signKeyPaths: string[] } };
  networking: {
    interfaces: Record<string, { ipv4: { addresses: unknown[] } }>;
    firewall: { interfaces: Record<string, { allowedTCPPorts: number[]; allowedUDPPorts: number[] }> };
    networkmanager: { enable: boolean };
    wireless: { enable: boolean };
  };
  hardware: { enableAllHardware: boolean; enableRedistributableFirmware: boolean };
  "nixos-generate-config": { configuration: string; flake: string };
  openssh: { enable: boolean; hostKeys: unknown[]; settings: Record<string, string> };
  users: { users: Record<string, { openssh: { authorizedKeys: { keys: string[] } } }> };
}

interface Unit {
  after: string[];
  before: string[];
  requires: string[];
  wants: string[];
  environment: Record<string, string>;
  requiredBy: string[];
  script: string;
  serviceConfig: Record<string, unknown>;
  socketConfig: Record<string, unknown>;
  startAt: string[];
  unitConfig: Record<string, unknown>;
  wantedBy: string[];
}

function evaluate(attribute: string, ...args: string[]) {
  const file = join(root, "nix/tests/nixos-modules.nix");
  return spawnSync("nix-instantiate", ["--eval", "--strict", "--json", file, "-A", attribute, ...args], {
    encoding: "utf8",
  });
}

function valueOf(attribute: string, ...args: string[]): unknown {
  const { status, stdout, stderr } = evaluate(attribute, ...args);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const systemOf = (attribute: string, ...args: string[]) => valueOf(attribute, ...args) as System;

suite(`the NixOS module of the landscaper${missing}`, () => {
  let standard: System;
  let proxy: System;
  let full: System;
  beforeAll(() => {
    standard = systemOf("landscaper.standard");
    proxy = systemOf("landscaper.proxy");
    full = systemOf("landscaper.full");
  });

  it("has the dnsmasq settings that were tested with real firmware and iPXE", () => {
    const common = { interface: "eth1", server: "10.0.0.1", httpPort: 8080 };
    const dhcp = dnsmasqConfig({ ...common, mode: "dhcp", range: "10.0.0.100,10.0.0.199" });
    expect(dnsmasqLines(standard)).toEqual(linesOf(dhcp));
    const beside = dnsmasqConfig({ ...common, mode: "proxy", range: "10.0.0.0" });
    expect(dnsmasqLines(proxy)).toEqual(linesOf(beside));
    expect(standard.dnsmasq.resolveLocalQueries).toBe(false);
  });

  it("announces the router and the DNS servers, and uses the configured port", () => {
    expect(dnsmasqLines(full)).toEqual(
      expect.arrayContaining([
        "dhcp-option=option:router,10.0.0.254",
        "dhcp-option=option:dns-server,10.0.0.2,10.0.0.3",
        "dhcp-boot=tag:ipxe,http://10.0.0.1:8081/boot.ipxe",
      ]),
    );
  });

  const hasDnsmasq = spawnSync("dnsmasq", ["--version"]).status === 0;
  (hasDnsmasq ? it : it.skip)("is understood by dnsmasq (skipped without dnsmasq)", () => {
    for (const system of [standard, proxy, full]) {
      const file = join(temporaryFolder(), "dnsmasq.conf");
      writeFileSync(file, `${dnsmasqLines(system).join("\n")}\nbind-dynamic\n`);
      const { status, stderr } = spawnSync("dnsmasq", ["--test", `--conf-file=${file}`], {
        encoding: "utf8",
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "dnsmasq: syntax check OK.\n" });
    }
  });

  it("gives the boot service a configuration that it accepts", () => {
    for (const { bootServerSettings } of [standard, full]) {
      const folder = temporaryFolder();
      const nbps: Record<string, string> = {};
      for (const [name, path] of Object.entries(bootServerSettings.nbps)) {
        expect(path).toMatch(name === "undionly.kpxe" ? /undionly\.kpxe$/ : /snponly\.efi$/);
        nbps[name] = join(folder, name);
        writeFileSync(nbps[name], "");
      }
      writeFileSync(join(folder, "config.json"), JSON.stringify({ ...bootServerSettings, nbps }));
      const checked = spawnSync(
        join(root, "dist/bin/nixops4-boot-server"),
        ["check-config", "--config", join(folder, "config.json")],
        { encoding: "utf8" },
      );
      expect(checked.stderr).toBe("");
      expect(checked.status).toBe(0);
    }
    expect(Object.keys(full.bootServerSettings.nbps).toSorted()).toEqual([
      "snponly-arm64.efi",
      "snponly.efi",
      "undionly.kpxe",
    ]);
  });

  it("confines the boot service like its own unit", () => {
    const own = directives(
      readFileSync(join(root, "packages/boot-server/nixops4-boot-server.service"), "utf8"),
    );
    for (const name of ["ExecStart", "TimeoutStopSec"]) delete own[name];
    const unit = standard.services["nixops4-boot-server"]!;
    const ours = Object.entries(unit.serviceConfig).map(([name, value]) => [name, words(value)] as const);
    expect(Object.fromEntries(ours)).toMatchObject(own);
  });

  it("opens the ports of the boot service by systemd", () => {
    expect(standard.sockets["nixops4-boot-server-tftp"]).toMatchObject({
      listenDatagrams: ["10.0.0.1:69"],
      socketConfig: { FileDescriptorName: "tftp", Service: "nixops4-boot-server.service" },
    });
    expect(full.sockets["nixops4-boot-server-http"]).toMatchObject({
      listenStreams: ["10.0.0.1:8081"],
      socketConfig: { FileDescriptorName: "http", Service: "nixops4-boot-server.service" },
    });
    expect(full.services["nixops4-boot-server"]!.serviceConfig["TimeoutStopSec"]).toBe(90);
  });

  it("opens only the ports that it serves, on its interface only, or none", () => {
    const ports = ({ networking }: System) =>
      Object.entries(networking.firewall.interfaces).map(([name, { allowedTCPPorts, allowedUDPPorts }]) => [
        name,
        new Set(allowedTCPPorts),
        new Set(allowedUDPPorts),
      ]);
    expect(ports(standard)).toEqual([["eth1", new Set([5000, 8080]), new Set([67, 69])]]);
    expect(ports(proxy)).toEqual([["eth1", new Set([5000, 8080]), new Set([67, 69, 4011])]]);
    expect(ports(systemOf("landscaper.closed"))).toEqual([]);
  });

  it("makes the key of the binary cache once, with only the public half readable", () => {
    const { requiredBy, before, wantedBy, script } = standard.services["nixops4-cache-key"]!;
    // The cache starts on demand by its socket, so the key must exist from the start.
    expect(standard.services["harmonia"]!.wantedBy).toEqual([]);
    expect(wantedBy).toEqual(["multi-user.target"]);
    expect(requiredBy).toEqual(["harmonia.service"]);
    expect(before).toEqual(["harmonia.service", "nixops4-apply.service"]);
    expect(full.services["nixops4-apply"]!.after).toContain("nixops4-cache-key.service");
    expect(standard.harmonia.cache).toMatchObject({
      enable: true,
      signKeyPaths: ["/var/lib/nixops4-cache/secret-key"],
    });
    const folder = temporaryFolder();
    const run = () =>
      spawnSync("bash", ["--norc", "-euc", `umask 077\n${script}`], { cwd: folder, encoding: "utf8" });
    expect(run()).toMatchObject({ status: 0, stderr: "" });
    const publicKey = readFileSync(join(folder, "public-key"), "utf8");
    expect(publicKey).toMatch(/^landscaper-1:[A-Za-z0-9+/]+=*$/);
    expect(run()).toMatchObject({ status: 0, stderr: "" });
    expect(readFileSync(join(folder, "public-key"), "utf8")).toBe(publicKey);
    const modes = spawnSync("stat", ["--format=%a", "secret-key", "public-key"], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(modes.stdout).toBe("600\n644\n");
  });

  it("copies the example of a network once, and keeps the source for it", () => {
    const { script, environment, unitConfig } = standard.services["nixops4-network-template"]!;
    expect(environment).toMatchObject({
      DIRECTORY: "/root/fediversity-network",
      PROVIDERS: SOURCE,
      GC_ROOT: "/nix/var/nix/gcroots/nixops4-providers",
    });
    expect(standard.extraDependencies.map((path) => path.replace(/.*-/, ""))).toEqual(
      expect.arrayContaining(["source", "nixops4", "crane"]),
    );
    expect(unitConfig).toEqual({ ConditionPathExists: "!/root/fediversity-network" });
    const directory = join(temporaryFolder(), "new", "network");
    const template = join(root, "templates/default");
    const env = { ...process.env, ...environment, DIRECTORY: directory, TEMPLATE: template };
    const gcRoot = join(temporaryFolder(), "gc-root");
    const run = spawnSync("bash", ["--norc", "-euc", script], {
      encoding: "utf8",
      env: { ...env, GC_ROOT: gcRoot },
    });
    expect(run).toMatchObject({ status: 0, stderr: "" });
    const flake = readFileSync(join(template, "flake.nix"), "utf8");
    expect(readFileSync(join(directory, "flake.nix"), "utf8")).toBe(
      flake.replace(/(nixops4-providers\.url = ").*"/, `$1path:${SOURCE}"`),
    );
    expect(readlinkSync(gcRoot)).toBe(SOURCE);
    expect(existsSync(`${directory}.new`)).toBe(false);
  });

  it("makes the example a repository that keeps keys and state out of the Nix store", () => {
    const { script, environment } = standard.services["nixops4-network-template"]!;
    const folder = temporaryFolder();
    const [network, home] = [join(folder, "network"), join(folder, "home")];
    const env = { ...process.env, HOME: home, NIX_REMOTE: join(folder, "store") };
    const make = spawnSync("bash", ["--norc", "-euc", script], {
      encoding: "utf8",
      env: {
        ...env,
        ...environment,
        DIRECTORY: network,
        TEMPLATE: join(root, "templates/default"),
        GC_ROOT: join(folder, "gc-root"),
      },
    });
    expect(make).toMatchObject({ status: 0, stderr: "" });
    writeFileSync(join(network, "flake.nix"), "{ outputs = _: { x = builtins.readDir ./.; }; }");
    mkdirSync(join(network, "keys"));
    for (const name of ["keys/deployer", "state.json", "id_ed25519", "web.key"]) {
      writeFileSync(join(network, name), "a secret");
    }
    // Like a user who follows Nix's advice about a file that it does not see.
    expect(spawnSync("git", ["-C", network, "add", "."], { env }).status).toBe(0);
    const features = ["--extra-experimental-features", "nix-command flakes", "--offline"];
    const seen = spawnSync("nix", [...features, "eval", "--json", `${network}#x`], { encoding: "utf8", env });
    expect(seen.stderr).not.toContain("error");
    const names = Object.keys(JSON.parse(seen.stdout) as object);
    expect(names).toEqual(expect.arrayContaining(["flake.nix", "network.nix", "roles", "README.md"]));
    expect(names.filter((name) => /keys|state|id_|\.key/.test(name))).toEqual([]);
  }, 60_000);

  it("only names existing units", () => {
    for (const { services, sockets } of [standard, proxy, full]) {
      const known = new Set([
        ...["initrd", "multi-user", "network-online", "sockets", "time-set", "time-sync"].map(
          (name) => `${name}.target`,
        ),
        ...Object.keys(services).map((name) => `${name}.service`),
        ...Object.keys(sockets).map((name) => `${name}.socket`),
      ]);
      // Ordering after a unit that does not exist is allowed.
      if (services["nixops4-apply"] === undefined) known.add("nixops4-apply.service");
      for (const unit of [...Object.values(services), ...Object.values(sockets)]) {
        const named = [
          unit.after,
          unit.before,
          unit.requires,
          unit.requiredBy,
          unit.wants,
          unit.wantedBy,
        ].flat();
        for (const name of named) expect(known).toContain(name);
      }
    }
  });

  const hasSystemd = spawnSync("systemd-analyze", ["security", "--help"]).status === 0;
  (hasSystemd ? it : it.skip)("confines what runs as root (skipped without systemd-analyze)", () => {
    // From 0 to 100; up to 50, systemd shows "OK". An apply needs more, since it does what its network declares.
    const limits = { "nixops4-cache-key": 30, "nixops4-network-template": 45, "nixops4-apply": 80 };
    for (const [name, limit] of Object.entries(limits)) {
      const file = join(temporaryFolder(), `${name}.service`);
      const { serviceConfig } = full.services[name]!;
      const lines = Object.entries(serviceConfig).flatMap(([directive, value]) =>
        [value].flat().map((one) => `${directive}=${one === true ? "yes" : String(one)}`),
      );
      if (!("ExecStart" in serviceConfig)) lines.push("ExecStart=/bin/true");
      writeFileSync(file, ["[Service]", ...lines, ""].join("\n"));
      const { status, stdout, stderr } = spawnSync(
        "systemd-analyze",
        ["security", "--offline=true", `--threshold=${limit}`, "--no-pager", file],
        { encoding: "utf8" },
      );
      expect({ name, status, stderr, level: status === 0 ? "" : stdout.split("\n").at(-2) }).toEqual({
        name,
        status: 0,
        stderr: "",
        level: "",
      });
    }
  });

  it("can be imported twice, beside the others, and beside other settings of dnsmasq", () => {
    const { dnsmasq, failed, services } = systemOf("landscaper.beside");
    expect(failed).toEqual([]);
    expect(Object.keys(services)).toContain("nixops4-boot-server");
    expect(dnsmasq).toMatchObject({
      resolveLocalQueries: true,
      settings: { port: 53, "domain-needed": true, "bind-dynamic": true },
    });
    expect(dnsmasq.settings["interface"]).toEqual(expect.arrayContaining(["eth1", "lan"]));
    expect(dnsmasq.settings["dhcp-range"]).toEqual(
      expect.arrayContaining(["10.0.0.100,10.0.0.199,12h", "192.168.7.10,192.168.7.20"]),
    );
  });

  it("applies by a service only when this is enabled", () => {
    expect(standard.services["nixops4-apply"]).toBeUndefined();
    expect(full.services["nixops4-apply"]).toMatchObject({
      startAt: ["hourly"],
      serviceConfig: { ExecStart: expect.stringMatching(/\/bin\/nixops4-apply --wait host1$/) },
    });
  });

  it("leaves out disabled parts", () => {
    const system = systemOf("landscaper.little");
    expect(Object.keys(system.services).toSorted()).toEqual([
      "nixops4-boot-server",
      "nixops4-network-template",
    ]);
    expect(system.dnsmasq).toMatchObject({ settings: {} });
    expect(system.harmonia.cache.enable).toBe(false);
  });

  it("describes its options", () => {
    for (const attribute of ["landscaper.standard", "installer", "landscaper-iso"]) {
      expect(systemOf(attribute).undocumented).toEqual([]);
    }
  });

  it("does nothing when it is not enabled", () => {
    const system = systemOf("landscaper.disabled");
    expect(system).toMatchObject({ services: {}, sockets: {}, extraDependencies: [] });
  });

  it("names the wrong option", () => {
    const failures = (name: string) => systemOf(`landscaper.${name}`).failed.join();
    expect(failures("wrongRange")).toContain('with mode "dhcp" it has to be two');
    expect(failures("wrongOrder")).toContain("nixops4-landscaper.dhcp.range is");
    expect(failures("wrongOrder")).toContain("has to come before the last");
    expect(failures("wrongOwn")).toContain("has services.nixops4-landscaper.address, 10.0.0.1, in it");
    expect(failures("wrongPort")).toMatch(
      /cache\.port and services\S*bootServer\.settings\.http\.port are both 8080/,
    );
    expect(failures("wrongNetwork")).toMatch(
      /dhcp\.range is "10.0.1.100[^]*10.0.0.1\/24[^]*dhcp\.router is 10.0.2.1/,
    );
    expect(evaluate("landscaper.wrongNumber").stderr).toContain("dhcp.range' is not of type");
    expect(evaluate("landscaper.wrongAddress").stderr).toContain(
      "nixops4-landscaper.address' is not of type",
    );
    expect(evaluate("landscaper.wrongMode").stderr).toContain("nixops4-landscaper.dhcp.mode' is not of type");
    expect(evaluate("landscaper.unknownOption").stderr).toContain("nixops4-landscaper.dhpc' does not exist");
  });
});

suite(`the NixOS module of the installer${missing}`, () => {
  let installer: System;
  beforeAll(() => {
    installer = systemOf("installer");
  });

  it("keeps the job of the ramdisk, whose root is removed when the system starts", () => {
    const { systemd } = installer.boot.initrd;
    expect(systemd.enable).toBe(true);
    expect(systemd.services["nixops4-job"]).toMatchObject({
      before: ["initrd.target"],
      wantedBy: ["initrd.target"],
      unitConfig: { ConditionPathExists: "/nixops4", DefaultDependencies: false },
    });
    expect(systemd.services["nixops4-job"]!.script).toContain("cp -a /nixops4/. /run/nixops4");
  });

  it("runs the installer with that job, and restarts it only when it was killed", () => {
    expect(installer.services["nixops4-installer"]).toMatchObject({
      environment: { NIXOPS4_JOB: "/run/nixops4" },
      unitConfig: { ConditionPathExists: "/run/nixops4/token" },
      serviceConfig: {
        ExecStart: expect.stringMatching(/^\/\S+ \/nix\/store\/\S+-installer\/install\.sh$/),
        Restart: "on-abnormal",
      },
    });
  });

  it("accepts logins with the temporary host key, by key only", () => {
    expect(installer.openssh).toEqual({
      enable: true,
      hostKeys: [{ type: "ed25519", path: "/run/nixops4/ssh_host_ed25519_key" }],
      settings: { PermitRootLogin: "prohibit-password" },
    });
    expect(installer.users.users["root"]?.openssh.authorizedKeys.keys).toEqual(["ssh-ed25519 AAAA"]);
  });

  it("has the drivers of all hardware, and the firmware that devices load", () => {
    expect(installer.hardware).toEqual({ enableAllHardware: true, enableRedistributableFirmware: true });
    const controllers = ["aacraid", "megaraid_sas", "mpt3sas", "smartpqi"];
    expect(installer.boot.initrd.availableKernelModules).toEqual(expect.arrayContaining(controllers));
  });

  it("leaves out everything that an unattended installation does not need", () => {
    expect(installer).toMatchObject({
      extraDependencies: [],
      networking: { networkmanager: { enable: false }, wireless: { enable: false } },
    });
  });
});

suite(`the installer image of the landscaper${missing}`, () => {
  it("writes the configuration of a landscaper", () => {
    const image = systemOf("landscaper-iso");
    const { configuration, flake } = image["nixos-generate-config"];
    expect(image.extraDependencies).toContain(SOURCE);
    expect(flake).toContain(`nixops4-providers.url = "path:${SOURCE}"`);
    // The templates pass through a Perl program that replaces variables.
    expect(flake).not.toMatch(/[$@\\]/);
    expect(configuration.replaceAll("$bootLoaderConfig", "")).not.toMatch(/[$@\\]/);

    const folder = temporaryFolder();
    writeFileSync(join(folder, "hardware-configuration.nix"), "{ }");
    writeFileSync(
      join(folder, "configuration.nix"),
      configuration.replace("$bootLoaderConfig", "boot.kernelParams = [ ];"),
    );
    const system = systemOf("generated", "--arg", "configuration", join(folder, "configuration.nix"));
    expect(system.failed).toEqual([]);
    expect(system.bootServerSettings).toMatchObject({ tftp: { address: "10.0.0.1" } });
    expect(Object.keys(system.services)).toContain("nixops4-network-template");
  });

  it("has the example of a network, but not the services of a landscaper", () => {
    expect(Object.keys(systemOf("landscaper-iso").services)).toEqual(["nixops4-network-template"]);
  });
});

/** A test of virtual machines in nix/checks. */
interface MachineTest {
  nodes: Record<string, System>;
  testScript: string;
}

/** Prints the names that a program uses without defining them. */
const FREE_NAMES = `
import builtins, symtable, sys
program = sys.stdin.read()
compile(program, "testScript", "exec")
top = symtable.symtable(program, "testScript", "exec")
tables = [top]
for table in tables:
    tables += table.get_children()
used = {s.get_name() for t in tables for s in t.get_symbols() if s.is_referenced() and (t is top or s.is_global())}
defined = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
print(*sorted(used - defined - set(dir(builtins))))
`;

/** The names that NixOS's test driver defines, besides one for each node. */
const DRIVER_NAMES = ["create_machine", "subtest"];

suite(`the tests in virtual machines${missing}`, () => {
  let tests: Record<string, MachineTest>;
  beforeAll(() => {
    tests = valueOf("checks") as typeof tests;
  });

  it("have nodes that NixOS can evaluate, including a landscaper", () => {
    expect(Object.keys(tests)).toEqual(["bare-metal", "landscaper"]);
    for (const { nodes } of Object.values(tests)) {
      for (const { failed } of Object.values(nodes)) expect(failed).toEqual([]);
      const { networking, dnsmasq, services } = nodes["landscaper"]!;
      expect(networking.interfaces["eth1"]!.ipv4.addresses).toEqual([
        { address: "10.0.0.1", prefixLength: 24 },
      ]);
      expect(dnsmasq.settings).toMatchObject({ interface: ["eth1"] });
      expect(Object.keys(services)).toContain("nixops4-boot-server");
    }
  });

  it("wait for units that exist on the nodes", () => {
    for (const { nodes, testScript } of Object.values(tests)) {
      const waits = [...testScript.matchAll(/(\w+)\.wait_for_unit\("(nixops4-.*)\.service"\)/g)];
      expect(waits).not.toEqual([]);
      for (const [, node, unit] of waits) expect(Object.keys(nodes[node!]!.services)).toContain(unit);
    }
  });

  const hasPython = spawnSync("python3", ["--version"]).status === 0;
  (hasPython ? it : it.skip)(
    "are Python that uses its nodes, and no others (skipped without python3)",
    () => {
      for (const { nodes, testScript } of Object.values(tests)) {
        const python = spawnSync("python3", ["-c", FREE_NAMES], { input: testScript, encoding: "utf8" });
        expect(python.stderr).toBe("");
        const names = python.stdout.trim().split(" ");
        expect(names.filter((name) => !DRIVER_NAMES.includes(name))).toEqual(Object.keys(nodes).toSorted());
      }
    },
  );
});

/**
 * Returns the settings of dnsmasq in NixOS's form, without those that differ on purpose: when to bind to the interface.
 */
function dnsmasqLines({ dnsmasq }: System): string[] {
  const lines = Object.entries(dnsmasq.settings).flatMap(([name, value]) =>
    [value].flat().map((item) => (item === true ? name : `${name}=${String(item)}`)),
  );
  return lines.filter((line) => !line.startsWith("bind-")).toSorted();
}

function linesOf(config: string): string[] {
  return config
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#") && !line.startsWith("bind-"))
    .toSorted();
}

/** Returns the words of each directive in the [Service] section of a unit. */
function directives(unit: string): Record<string, string[]> {
  const [, section = ""] = unit.split("[Service]\n");
  const result: Record<string, string[]> = {};
  for (const line of section.split("\n[")[0]!.split("\n")) {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) result[name] = [...(result[name] ?? []), ...words(value)].toSorted();
  }
  return result;
}

/** Splits a value into words. `~` applies to all words after it; a boolean is in systemd's form. */
function words(value: unknown): string[] {
  if (value === true) return ["yes"];
  return [value]
    .flat()
    .flatMap((text) => {
      const [prefix, list] = String(text).startsWith("~") ? ["~", String(text).slice(1)] : ["", String(text)];
      return list.split(/\s+/).map((word) => (word === "" ? "" : prefix + word));
    })
    .filter((word) => word !== "")
    .toSorted();
}

suite(`the NixOS module of a guest on Proxmox${missing}`, () => {
  it("has the agent, a serial console, and a growing root file system", () => {
    expect(valueOf("proxmox-guest")).toMatchObject({
      qemuGuest: { enable: true },
      boot: { growPartition: true, kernelParams: expect.arrayContaining(["console=ttyS0,115200"]) },
      fileSystems: { "/": { autoResize: true, fsType: "ext4" } },
      failed: [],
    });
  });
});
