import * as fs from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import { evaluateNix, type Evaluator, type MemberPath } from "../harness/index.ts";
import { deployment, evaluate, moduleSystemsMissing, root, withModules } from "./nix-sources.ts";
import { temporaryFolders } from "./temporary-folder.ts";

// Each test evaluates a whole deployment, some of them many times.
jest.setTimeout(300_000);

const suite = moduleSystemsMissing === "" ? describe : describe.skip;
const temporaryFolder = temporaryFolders();

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPzM5VNMcVmkPFE7chyWtdkYVCtMaeG2a2YCrSxS7VHL";

/** The line that the status page suggests, with an address. */
const LINE = `name = { mac = "52:54:00:12:34:56"; ip = "10.0.0.9"; };`;

const network = (settings: string) =>
  deployment(`{ members, ... }: {
    imports = [ self.modules.nixops4Component.network ];
    inherit nixpkgs;
    roles.proxmox = { role = "proxmox"; };
    landscaper.cache.url = "http://10.0.0.1:5000";
    ${settings}
  }`);
const host = (settings: string) => network(`hosts.web = { ${settings} };`);
const withHost = (settings: string) => host(`mac = "52:54:00:12:34:56"; ip = "10.0.0.9"; ${settings}`);
const hostSystem = (settings: string) =>
  deployment(`{
    members.web = {
      imports = [ self.modules.nixops4Component.nixos ];
      inherit nixpkgs;
      nixos.module.networking.hostName = "web";
      ${settings}
    };
  }`);

/** Evaluates inputs, with invented values for the outputs that they need. */
class Walk {
  readonly #evaluator: Evaluator;
  readonly #known = new Map<string, Record<string, unknown>>();

  constructor(evaluator: Evaluator) {
    this.#evaluator = evaluator;
  }

  async input(path: MemberPath, name: string): Promise<{ value: unknown; needed: string[] }> {
    const needed: string[] = [];
    for (;;) {
      const step = await this.#evaluator.input(path, name, this.#known);
      if ("value" in step) return { value: step.value, needed: needed.toSorted() };
      const { member, output } = step.needs;
      needed.push([...member, output].join("."));
      this.#known.set(member.join("."), {
        ...this.#known.get(member.join(".")),
        [output]: madeUp(output, member),
      });
    }
  }

  /** Returns some inputs of a resource, and the outputs that they need. */
  async inputs(
    path: MemberPath,
    names: string[],
  ): Promise<{ values: Record<string, unknown>; needed: string[] }> {
    const values: Record<string, unknown> = {};
    const needed = new Set<string>();
    for (const name of names) {
      const input = await this.input(path, name);
      values[name] = input.value;
      for (const output of input.needed) needed.add(output);
    }
    return { values, needed: [...needed].toSorted() };
  }

  async resource(path: MemberPath): Promise<{ values: Record<string, unknown>; needed: string[] }> {
    const info = await this.#evaluator.resourceInfo(path, this.#known);
    if (!("value" in info)) throw new Error(`${path.join(".")} needs ${info.needs.output}`);
    const values: Record<string, unknown> = {};
    const needed = new Set<string>();
    for (const name of info.value.inputNames) {
      // A new walk for each input, so that an output that another input needed is counted again.
      const input = await new Walk(this.#evaluator).input(path, name);
      values[name] = input.value;
      for (const output of input.needed) needed.add(output);
    }
    return { values, needed: [...needed].toSorted() };
  }
}

function madeUp(output: string, member: MemberPath): unknown {
  if (output.endsWith("ublicKey")) return KEY;
  if (member.at(-1) === "landscaper_cache_key") return "landscaper-1:AAAA=\n";
  if (member.at(-1) === "login") return `${KEY} root@landscaper\n`;
  if (output === "generation") return 1;
  if (output === "vmid") return 100;
  if (output === "volumeId") return "local:import/made-up.qcow2";
  if (output === "sshfp") return ["4 2 " + "ab".repeat(32)];
  return `/made/up/${output}`;
}

const none = new Map<string, never>();

suite(`the component network${moduleSystemsMissing}`, () => {
  const MEMBERS = {
    installation: "resource",
    installation_host_key: "resource",
    installation_pxe_nbp: "resource",
    nixos: "resource",
    ssh_host_public_key: "resource",
  };

  it("makes a host of the line that the status page suggests", async () => {
    const status = await fs.readFile(join(root, "packages/boot-server/src/http/status/activity.ts"), "utf8");
    expect(status).toContain('const line = `name = { mac = "${nameOf(machine)}"; ip = "ADDRESS"; };`;');
    const asShown = network(`proxmoxMACs = { ${LINE.replace("10.0.0.9", "ADDRESS")} };`);
    await expect(asShown.listMembers(["name"], none)).rejects.toThrow(
      "members.name.ip' is not of type `IP address",
    );
    const evaluator = network(`proxmoxMACs = { ${LINE} };`);
    expect(await evaluator.listMembers([], none)).toEqual({
      value: {
        deploy_key: "resource",
        landscaper_cache_key: "resource",
        name: "composite",
        state: "resource",
      },
    });
    expect(await evaluator.listMembers(["name"], none)).toEqual({ value: MEMBERS });
  });

  it("makes each member of a host wait only for the outputs that it needs", async () => {
    const walk = new Walk(network(`proxmoxMACs = { ${LINE} };`));
    const needed = async (member: string) => (await walk.resource(["name", member])).needed;
    expect(await needed("installation_host_key")).toEqual([]);
    expect(await needed("installation_pxe_nbp")).toEqual([
      "deploy_key.publicKey",
      "landscaper_cache_key.stdout",
      "name.installation_host_key.privateKeyFile",
      "name.installation_host_key.publicKey",
    ]);
    expect(await needed("installation")).toEqual(["name.installation_pxe_nbp.entryId"]);
    expect(await needed("ssh_host_public_key")).toEqual([
      "deploy_key.privateKeyFile",
      "name.installation.installedAt",
      "name.installation_host_key.publicKey",
    ]);
    expect(await needed("nixos")).toEqual([
      "deploy_key.privateKeyFile",
      "deploy_key.publicKey",
      "name.ssh_host_public_key.hostPublicKey",
    ]);
  });

  describe("hosts that are virtual machines", () => {
    const VM = `
      defaults.vm.connection = {
        endpoint = "https://10.0.0.11:8006";
        tokenId = "deploy@pve!nixops4";
        tokenSecret.file = "/root/token";
        tlsFingerprint = "${"AB:".repeat(31)}AB";
      };
    `;
    const FROM_IMAGE = `ip = "10.0.0.9"; vm = { node = "pve1"; installation = "image"; };`;
    const withVm = (settings: string, others = "") => network(`${VM} hosts.web = { ${settings} }; ${others}`);
    /** An address that is derived from the names of the network and the host. */
    const MAC = expect.stringMatching(/^BC:24:11:[0-9A-F]{2}:[0-9A-F]{2}:[0-9A-F]{2}$/);

    it("install themselves with one line, and boot from disk afterwards", async () => {
      const evaluator = withVm(`ip = "10.0.0.9"; vm.node = "pve1";`);
      expect(await evaluator.listMembers(["web"], none)).toEqual({
        value: { ...MEMBERS, vm: "resource", boot_from_disk: "resource" },
      });
      const walk = new Walk(evaluator);
      const vm = await walk.inputs(
        ["web", "vm"],
        "connection name owner node bios efiDisk disks networks bootOrder started waitForHostKey".split(" "),
      );
      expect(vm.needed).toEqual(["web.installation_pxe_nbp.entryId"]);
      expect(vm.values).toMatchObject({
        connection: { endpoint: "https://10.0.0.11:8006", tokenSecret: { file: "/root/token" } },
        name: "web",
        owner: "network",
        node: "pve1",
        bios: "ovmf",
        efiDisk: { storage: "local-lvm" },
        disks: { scsi0: { storage: "local-lvm", size: "32G", importFrom: null } },
        networks: [{ bridge: "vmbr0", mac: MAC, vlan: null }],
        // The default order of a new VM, disk before network, is kept until the next member changes it.
        bootOrder: null,
        started: null,
        waitForHostKey: null,
      });
      const [{ mac }] = vm.values["networks"] as [{ mac: string }];
      const entry = await walk.inputs(["web", "installation_pxe_nbp"], ["macs"]);
      expect(entry).toEqual({ values: { macs: [mac] }, needed: [] });
      // The installation is only awaited after the VM was created.
      expect((await new Walk(evaluator).input(["web", "installation"], "entryId")).needed).toEqual([
        "web.installation_pxe_nbp.entryId",
        "web.vm.vmid",
      ]);
      const boot = await walk.inputs(
        ["web", "boot_from_disk"],
        "vmid keepers bootOrder rebootForChanges disks networks".split(" "),
      );
      expect(boot.needed).toEqual(["web.installation.installedAt", "web.vm.vmid"]);
      expect(boot.values).toMatchObject({
        bootOrder: ["scsi0"],
        rebootForChanges: true,
        disks: {},
        networks: null,
      });
      expect((await new Walk(evaluator).input(["web", "ssh_host_public_key"], "keepers")).needed).toEqual([
        "web.boot_from_disk.vmid",
        "web.installation.installedAt",
      ]);
    });

    it("are made from an image without PXE, and identified by the key from their agent", async () => {
      const evaluator = withVm(FROM_IMAGE);
      expect(await evaluator.listMembers(["web"], none)).toEqual({
        value: { image: "resource", nixos: "resource", ssh_host_public_key: "resource", vm: "resource" },
      });
      const walk = new Walk(evaluator);
      const image = await walk.inputs(["web", "image"], ["node", "storage", "name", "source"]);
      expect(image.values).toMatchObject({
        node: "pve1",
        storage: "local",
        name: "web.qcow2",
        source: { file: expect.stringMatching(/-image-web\/nixos\.qcow2$/) },
      });
      const vm = await walk.inputs(["web", "vm"], ["disks", "waitForHostKey"]);
      expect(vm.needed).toEqual(["web.image.volumeId"]);
      expect(vm.values).toMatchObject({
        disks: { scsi0: { importFrom: "local:import/made-up.qcow2" } },
        waitForHostKey: { file: "/etc/ssh/ssh_host_ed25519_key.pub" },
      });
      const key = await walk.input(["web", "ssh_host_public_key"], "connection");
      expect(key.value).toMatchObject({ hostPublicKeys: [KEY] });
      expect(key.needed).toContain("web.vm.hostPublicKey");
    });

    it("have the guest module and the layout of the image in both of their systems", async () => {
      const settings = `nixos.module.environment.etc.role.text = "web";`;
      for (const [from, layout] of [
        [`ip = "10.0.0.9"; vm.node = "pve1";`, false],
        [FROM_IMAGE, true],
      ] as const) {
        const { toplevel } = (await new Walk(withVm(`${from} ${settings}`)).resource(["web", "nixos"]))
          .values;
        const system = JSON.parse(await fs.readFile(String(toplevel), "utf8")) as Record<string, unknown>;
        expect(system).toMatchObject({
          services: { qemuGuest: { enable: true } },
          boot: { growPartition: true },
          hardware: { enableAllHardware: false },
          environment: { etc: { role: { text: "web" } } },
        });
        expect("device" in ((system["fileSystems"] as Record<string, object>)["/"] ?? {})).toBe(layout);
      }
    });

    it("wait for the Proxmox host of the network that they are on", async () => {
      const walk = new Walk(
        withVm(
          `ip = "10.0.0.9"; vm.node = "host1";`,
          `proxmoxMACs = { ${LINE.replace("name", "host1").replace(".9", ".8")} };`,
        ),
      );
      expect((await walk.input(["web", "vm"], "node")).needed).toEqual([
        "host1.nixos.generation",
        "web.installation_pxe_nbp.entryId",
      ]);
    });

    it.each([
      ["other hosts' options stay theirs", `mac = "52:54:00:12:34:56"; ip = "10.0.0.9";`, undefined],
      [
        "an option without the node",
        `mac = "52:54:00:12:34:56"; ip = "10.0.0.9"; vm = { cores = 8; image.storage = "x"; };`,
        /`hosts\.web\.vm\.cores' is for virtual machines: set `hosts\.web\.vm\.node', too\n *`hosts\.web\.vm\.image\.storage'/,
      ],
      [
        "no connection",
        `ip = "10.0.0.9"; vm = { node = "pve1"; connection = null; };`,
        /`hosts\.web\.vm\.node' makes it a virtual machine: set `hosts\.web\.vm\.connection' or `defaults\.vm\.connection', too/,
      ],
      [
        "several network cards",
        `ip = "10.0.0.9"; vm.node = "pve1"; bond = { }; macs = [ "52:54:00:12:34:56" "52:54:00:12:34:57" ];`,
        /`hosts\.web\.bond' is for several network cards.*\n.*`hosts\.web\.macs' has several network cards/,
      ],
      [
        "a foreign architecture and an address of many",
        `ip = "10.0.0.9"; vm.node = "pve1"; architecture = "aarch64"; mac = "53:54:00:12:34:56";`,
        /`hosts\.web\.architecture' is aarch64.*\n *`hosts\.web\.mac' is 53:54:00:12:34:56/,
      ],
      [
        "what only an installer does",
        `${FROM_IMAGE} installGeneration = 2; disk.allowWipe = true; installer.secretFiles.a = "/a"; hardwareReport.use = true;`,
        /`hosts\.web\.disk\.allowWipe' is for an installer, and `hosts\.web\.vm\.installation' is "image"[^]*hardwareReport\.use'[^]*installGeneration'[^]*installer\.secretFiles'/,
      ],
    ])("refuse what does not fit, with all options: %s", async (_, settings, message) => {
      const members = withVm(settings).listMembers(["web"], none);
      if (message === undefined) await expect(members).resolves.toEqual({ value: MEMBERS });
      else await expect(members).rejects.toThrow(message);
    });

    it("refuse another path of the host key than that of the image", async () => {
      const elsewhere = `nixos.module.services.openssh.hostKeys = [ { type = "ed25519"; path = "/keys/host"; } ];`;
      const walk = new Walk(withVm(`${FROM_IMAGE} ${elsewhere}`));
      await expect(walk.input(["web", "vm"], "waitForHostKey")).rejects.toThrow(
        /`hosts\.web\.hostKeyPath' is \/keys\/host/,
      );
    });

    it("refuse a machine that is declared absent", async () => {
      const evaluator = withVm(`ip = "10.0.0.9"; vm.node = "pve1"; members.vm.inputs.ensure = "absent";`);
      const known = new Map([
        ["web.vm", { vmid: null }],
        ["web.installation", { installedAt: "today" }],
      ]);
      await expect(evaluator.input(["web", "boot_from_disk"], "vmid", known)).rejects.toThrow(
        /`hosts\.web\.members\.vm\.inputs\.ensure' is "absent"/,
      );
    });
  });

  describe("the DNS records of hosts", () => {
    const DNS = `
      dns.zone = "example.org";
      dns.server.powerdns = { url = "http://127.0.0.1:8081"; apiKey.file = "/root/key"; };
    `;
    const inputsOf = async (walk: Walk, member: string, names: string[]) => {
      const inputs: Record<string, unknown> = {};
      for (const name of names) inputs[name] = (await walk.input(["name", member], name)).value;
      return inputs;
    };

    it("are members of each host when there is a zone", async () => {
      const evaluator = network(`proxmoxMACs = { ${LINE} }; ${DNS} dns.ttl = 300;`);
      expect(await evaluator.listMembers(["name"], none)).toEqual({
        value: { ...MEMBERS, dns_address: "resource", dns_sshfp: "resource" },
      });
      const walk = new Walk(evaluator);
      const shared = {
        server: { powerdns: { url: "http://127.0.0.1:8081", apiKey: { file: "/root/key" } } },
        zone: "example.org",
        name: "name",
        ttl: 300,
      };
      const address = await inputsOf(walk, "dns_address", [
        ...Object.keys(shared),
        "type",
        "values",
        "reverse",
      ]);
      expect(address).toMatchObject({ ...shared, type: "A", values: ["10.0.0.9"], reverse: true });
      expect((await walk.resource(["name", "dns_address"])).needed).toEqual([]);
      const sshfp = await inputsOf(walk, "dns_sshfp", [...Object.keys(shared), "type"]);
      expect(sshfp).toMatchObject({ ...shared, type: "SSHFP" });
      expect((await walk.resource(["name", "dns_sshfp"])).needed).toEqual(["name.ssh_host_public_key.sshfp"]);
      const info = await evaluator.resourceInfo(["name", "dns_sshfp"], none);
      expect("value" in info && info.value.state).toEqual(["state"]);
    });

    it("are AAAA for IPv6, can be set by host, and go without SSHFP and PTR", async () => {
      const host6 = `name = {
        mac = "52:54:00:12:34:56";
        ip = "2001:db8::9";
        hostName = "web";
        members.dns_address.inputs.verify.authoritative = false;
      };`;
      const hetzner = `dns.zone = "example.org"; dns.server.hetzner.token.file = "/root/token"; dns.reverse = false;`;
      const evaluator = network(`proxmoxMACs = { ${host6} }; ${hetzner}`);
      expect(await evaluator.listMembers(["name"], none)).toEqual({
        value: { ...MEMBERS, dns_address: "resource" },
      });
      const walk = new Walk(evaluator);
      const address = await inputsOf(walk, "dns_address", ["name", "type", "values", "reverse", "verify"]);
      expect(address).toMatchObject({
        name: "web",
        type: "AAAA",
        values: ["2001:db8::9"],
        reverse: false,
        verify: { authoritative: false },
      });
    });

    it("need a server", async () => {
      const evaluator = network(`proxmoxMACs = { ${LINE} }; dns.zone = "example.org"; dns.sshfp = false;`);
      await expect(evaluator.input(["name", "dns_address"], "server", none)).rejects.toThrow(/dns\.server/);
    });
  });

  it("keeps the state of stateful members in its state file", async () => {
    const evaluator = network(`proxmoxMACs = { ${LINE} }; stateFile = "elsewhere.json";`);
    const state = async (path: MemberPath) => {
      const info = await evaluator.resourceInfo(path, none);
      return "value" in info ? info.value.state : info;
    };
    expect(await state(["name", "installation_host_key"])).toEqual(["state"]);
    expect(await state(["name", "ssh_host_public_key"])).toEqual(["state"]);
    expect(await state(["name", "nixos"])).toBeUndefined();
    expect(await evaluator.input(["state"], "name", none)).toEqual({ value: "elsewhere.json" });
  });

  it("keeps state and keys outside of the folder of the flake", async () => {
    const evaluator = network(`proxmoxMACs = { ${LINE} }; name = "attic";`);
    expect(await evaluator.input(["state"], "name", none)).toEqual({
      value: "/var/lib/nixops4/attic/state.json",
    });
    expect(await evaluator.input(["name", "installation_host_key"], "privateKeyFile", none)).toEqual({
      value: "/var/lib/nixops4/attic/keys/name_installation_host_key",
    });
  });

  it("prefers the value of a host to that of all hosts, and merges lists", async () => {
    const evaluator = network(`
      defaults = { lib, ... }: {
        imports = [ { gateway = "10.0.0.254"; } ];
        config = lib.mkIf true {
          prefixLength = 16;
          disk.serial = "S0";
          ssh = { user = "admin"; authorizedKeys = [ "ssh-ed25519 AAAAall" ]; };
          members.ssh_host_public_key.inputs = { timeoutSeconds = 60; oldKey = "keep"; };
          nixos.module.environment.etc.all = "all";
          installer.cmdline = [ "quiet" ];
        };
      };
      hosts.plain = { mac = "52:54:00:12:34:57"; ip = "10.0.0.10"; };
      hosts.web = {
        mac = "52:54:00:12:34:56"; ip = "10.1.0.9";
        gateway = "10.1.0.254"; prefixLength = 24; disk.serial = "S1";
        ssh = { user = "root"; authorizedKeys = [ "ssh-ed25519 AAAAone" ]; };
        members.ssh_host_public_key.inputs.timeoutSeconds = 5;
        module.environment.etc.one = "one";
      };`);
    const walk = new Walk(evaluator);
    const [plain, web] = await Promise.all(
      ["plain", "web"].map(async (name) => ({
        user: ((await walk.input([name, "ssh_host_public_key"], "connection")).value as { user: string })
          .user,
        timeout: (await walk.input([name, "ssh_host_public_key"], "timeoutSeconds")).value,
        oldKey: (await walk.input([name, "ssh_host_public_key"], "oldKey")).value,
        cmdline: (await walk.input([name, "installation_pxe_nbp"], "cmdline")).value,
        system: await fs.readFile((await walk.input([name, "nixos"], "toplevel")).value as string, "utf8"),
      })),
    );
    expect(plain).toMatchObject({ user: "admin", timeout: 60, oldKey: "keep", cmdline: ["quiet"] });
    expect(web).toMatchObject({ user: "root", timeout: 5, oldKey: "keep", cmdline: ["quiet"] });
    expect(plain!.system).toContain('"gateway":["10.0.0.254"]');
    expect(web!.system).toContain('"gateway":["10.1.0.254"]');
    expect(plain!.system).toContain("10.0.0.10/16");
    expect(web!.system).toContain("10.1.0.9/24");
    expect(web!.system).toContain('"etc":{"all":"all","one":"one"}');
    for (const key of ["AAAAall", "AAAAone"]) expect(web!.system).toContain(key);
  });

  it("can be imported twice, and beside the same provider", async () => {
    const evaluator = deployment(`{
      imports = [ self.modules.nixops4Component.network { imports = [ self.modules.nixops4Component.network ]; } ];
      inherit nixpkgs;
      providers.local = self.modules.nixops4Provider.local;
      hosts.web = {
        imports = [ self.modules.nixops4Component.bare-metal-host ];
        mac = "52:54:00:12:34:56"; ip = "10.0.0.9";
      };
    }`);
    expect(await evaluator.listMembers(["web"], none)).toEqual({ value: MEMBERS });
  });

  it("writes the installer's job, and the same system that is deployed later", async () => {
    const walk = new Walk(
      withHost(`
        role = "proxmox";
        module.environment.etc.mark = "mine";
        disk = { serial = "S1"; allowWipe = true; };
        installGeneration = 3;
        onInterrupted = "retry";
        gateway = "10.0.0.1";
      `),
    );
    const { values } = await walk.resource(["web", "installation_pxe_nbp"]);
    const { files, ...entry } = values as {
      files: Record<string, { contents: string; mode: string | null; secret: unknown }>;
    };
    expect(entry).toMatchObject({
      name: "web",
      macs: ["52:54:00:12:34:56"],
      architecture: "x86_64",
      kernel: "/nix/store/kernel/bzImage",
      initrd: "/nix/store/netbootRamdisk/initrd",
      cmdline: [expect.stringMatching(/^init=\/nix\/store\/.*\/init$/), "console=ttyS0"],
      installGeneration: 3,
      onInterrupted: "retry",
      login: "root@10.0.0.9",
      ensure: "present",
    });
    const system = (await walk.input(["web", "nixos"], "toplevel")).value as string;
    expect(system).toMatch(/^\/nix\/store\/.*-nixos-system-web$/);
    expect(Object.keys(files).toSorted()).toEqual([
      "/nixops4/install.json",
      "/nixops4/ssh_host_ed25519_key",
      "/nixops4/ssh_host_ed25519_key.pub",
    ]);
    expect(files["/nixops4/install.json"]!.mode).toBe("0600");
    expect(JSON.parse(files["/nixops4/install.json"]!.contents)).toEqual({
      version: 2,
      hostName: "web",
      system,
      diskoScript: expect.stringMatching(/^\/nix\/store\/.*-disko-web$/),
      substituters: [{ url: "http://10.0.0.1:5000", publicKey: "landscaper-1:AAAA=" }],
      disks: [
        { name: "main", byId: null, serial: "S1", minBytes: 8_000_000_000, maxBytes: null, allowWipe: true },
      ],
      rootMount: "/mnt",
      hostKeyPath: "/etc/ssh/ssh_host_ed25519_key",
    });
    expect(files["/nixops4/ssh_host_ed25519_key"]).toMatchObject({
      contents: null,
      secret: { file: "/made/up/privateKeyFile" },
    });
    expect(files["/nixops4/ssh_host_ed25519_key.pub"]!.contents).toBe(`${KEY}\n`);
    expect((await walk.input(["web", "installation"], "installGeneration")).value).toBe(3);
    expect((await walk.input(["web", "installation_host_key"], "keepers")).value).toEqual({
      installGeneration: 3,
    });
  });

  describe("the disks of the job", () => {
    const layout = (disks: string, settings = "") =>
      withHost(`module.disko.devices.disk = { ${disks} }; ${settings}`);
    const main = `main.device = "/dev/disk/nixops4";`;
    const jobOf = async (evaluator: Evaluator) => {
      const { value } = await new Walk(evaluator).input(["web", "installation_pxe_nbp"], "files");
      const files = value as Record<string, { contents: string }>;
      const job = JSON.parse(files["/nixops4/install.json"]!.contents) as {
        diskoScript: string;
        hostKeyPath: string;
        disks: object[];
      };
      return { ...job, script: await fs.readFile(job.diskoScript, "utf8") };
    };

    it("are all disks of the layout, with the selected one first", async () => {
      const { disks, script } = await jobOf(
        layout(
          `${main} a.device = "/dev/disk/nixops4-a"; b.device = "/dev/disk/by-id/b1"; c.device = "/dev/vdc";
           b.content.extraArgs = [ "-f" "/dev/disk/by-id/b1-part1" "/dev/vdc2" "/dev/disk/by-partlabel/disk-main-x" ];
           kept = { device = "/dev/vdd"; destroy = false; };`,
          `disks.a.serial = "A1"; disks.c = { minBytes = 5; allowWipe = true; };`,
        ),
      );
      expect(disks).toMatchObject([
        { name: "main", minBytes: 8_000_000_000, allowWipe: false },
        { name: "a", serial: "A1", byId: null, path: null, allowWipe: false },
        { name: "b", serial: null, byId: "/dev/disk/by-id/b1", allowWipe: false },
        { name: "c", path: "/dev/vdc", minBytes: 5, allowWipe: true },
      ]);
      expect(script.split("\n").filter((line) => line.startsWith("ln"))).toEqual([
        'ln --symbolic --force --no-dereference "$1" /dev/disk/nixops4',
        'ln --symbolic --force --no-dereference "$2" /dev/disk/nixops4-a',
      ]);
    });

    it("do not include a disk that the layout does not use", async () => {
      const { disks } = await jobOf(layout(`x.device = "/dev/vda";`));
      expect(disks).toMatchObject([{ name: "x", path: "/dev/vda" }]);
    });

    it("are those of the options when disko is not used", async () => {
      const { disks } = await jobOf(withHost(`disks.data.serial = "D";`));
      expect(disks).toMatchObject([{ name: "main" }, { name: "data", serial: "D" }]);
    });

    it.each([
      [
        "a disk without criteria",
        `${main} a.device = "/dev/disk/nixops4-a";`,
        "",
        /`hosts\.web\.disks\.a\.byId', serial, minBytes or maxBytes must say/,
      ],
      [
        "a disk that is not in the layout",
        main,
        `disks.b.serial = "B";`,
        /`hosts\.web\.disks\.b': the layout has no such disk.*; it has main/,
      ],
      [
        "a pool on a disk that is none of the layout",
        main,
        `module.disko.devices.zpool.tank.mode.topology.vdev = [
          { members = [ "main" "/dev/disk/by-partlabel/disk-main-zfs" "/dev/mapper/x" "/dev/disk/nixops4" "/dev/sdb" ]; }
        ];`,
        /disko\.devices names \/dev\/sdb, which is the device of no disk/,
      ],
      [
        "a file system that goes on on another disk",
        `main = { device = "/dev/disk/nixops4"; content = { type = "btrfs"; extraArgs = [ "-f" "/dev/vdx" ]; }; };`,
        "",
        /disko\.devices names \/dev\/vdx, which is the device of no disk/,
      ],
      [
        "a host key that a restart loses",
        main,
        `module.fileSystems = { "/".fsType = "tmpfs"; "/nix".fsType = "ext4"; };`,
        /`hosts\.web\.hostKeyPath' is \/etc\/ssh\/ssh_host_ed25519_key, which is lost at each boot/,
      ],
      [
        "a serial number for a disk that the layout does not leave open",
        `x.device = "/dev/vda";`,
        `disk.serial = "S";`,
        /`hosts\.web\.disk' tells of the disk \/dev\/disk\/nixops4, which the layout has not; it has \/dev\/vda/,
      ],
    ])("refuse %s, naming the option", async (_, disks, settings, message) => {
      await expect(jobOf(layout(disks, settings))).rejects.toThrow(message);
    });

    it("are accompanied by the path of the host key", async () => {
      const file = "/persist/etc/ssh/key";
      const settings = `module.services.openssh.hostKeys = [ { type = "rsa"; path = "/r"; } { type = "ed25519"; path = "${file}"; } ];
        module.fileSystems = { "/".fsType = "tmpfs"; "/persist".fsType = "ext4"; };`;
      expect((await jobOf(layout(main, settings))).hostKeyPath).toBe(file);
    });
  });

  it("keeps the paths that the installation needs, and gives secret files to the installer only", async () => {
    const walk = new Walk(
      withHost(`installer.secretFiles.disk = "/keys/disk"; hardwareReport.file = "/n/web.json";`),
    );
    const entry = await walk.resource(["web", "installation_pxe_nbp"]);
    expect(entry.values).toMatchObject({
      gcRootsFolder: "/var/lib/nixops4/gc-roots",
      files: { "/nixops4/disk": { contents: null, secret: { file: "/keys/disk" } } },
    });
    expect((await walk.resource(["web", "installation"])).values).toMatchObject({
      gcRootsFolder: "/var/lib/nixops4/gc-roots",
      hardwareReport: false,
      hardwareReportFile: "/n/web.json",
    });
  });

  it("uses the installer's hardware report in the system of a host when this is enabled", async () => {
    const evaluator = withHost(`hardwareReport.use = true;`);
    const toplevel = async (hardwareReport: string | null) => {
      const known = new Map([
        ["deploy_key", { publicKey: KEY }],
        ["web.installation", { hardwareReport }],
      ]);
      const step = await evaluator.input(["web", "nixos"], "toplevel", known);
      if (!("value" in step)) throw new Error(`it needs ${step.needs.output}`);
      return fs.readFile(step.value as string, "utf8");
    };
    const report = { version: 1, hardware: { disk: [{ driver: "mpt3sas" }] } };
    expect(JSON.parse(await toplevel(JSON.stringify(report)))).toMatchObject({
      hardware: { facter: { report } },
    });
    expect(await toplevel(null)).not.toContain('"report"');
    expect((await new Walk(evaluator).resource(["web", "installation_pxe_nbp"])).needed).not.toContain(
      "web.installation.hardwareReport",
    );
  });

  describe("the network of a host", () => {
    const networkOf = async (settings: string) => {
      const { value } = await new Walk(withHost(settings)).input(["web", "nixos"], "toplevel");
      const { systemd } = JSON.parse(await fs.readFile(value as string, "utf8")) as {
        systemd: { network: { networks: object; netdevs: object } };
      };
      return systemd.network;
    };
    const macs = `macs = [ "52:54:00:12:34:56" "52:54:00:12:34:57" ];`;
    const address = { address: ["10.0.0.9/24"] };

    it("is on the card from which the host boots", async () => {
      expect(await networkOf(macs)).toMatchObject({
        netdevs: {},
        networks: { "40-nixops4": { ...address, matchConfig: { PermanentMACAddress: "52:54:00:12:34:56" } } },
      });
    });

    it("may be a bond", async () => {
      expect(await networkOf(`${macs} bond.mode = "802.3ad";`)).toMatchObject({
        netdevs: {
          "40-nixops4-bond": {
            netdevConfig: { Kind: "bond", Name: "bond0" },
            bondConfig: { Mode: "802.3ad" },
          },
        },
        networks: {
          "40-nixops4-cards": {
            matchConfig: { PermanentMACAddress: "52:54:00:12:34:56 52:54:00:12:34:57" },
            networkConfig: { Bond: "bond0" },
          },
          "40-nixops4": { ...address, matchConfig: { Name: "bond0" } },
        },
      });
    });

    it("may be a VLAN, of a card or a bond", async () => {
      const vlan = {
        "40-nixops4-vlan": { netdevConfig: { Kind: "vlan", Name: "vlan5" }, vlanConfig: { Id: 5 } },
      };
      const above = { "40-nixops4": { ...address, matchConfig: { Name: "vlan5" } } };
      expect(await networkOf(`vlan = 5;`)).toMatchObject({
        netdevs: vlan,
        networks: {
          ...above,
          "40-nixops4-below": {
            matchConfig: { Kind: "!*", PermanentMACAddress: "52:54:00:12:34:56" },
            vlan: ["vlan5"],
          },
        },
      });
      expect(await networkOf(`${macs} bond = { }; vlan = 5;`)).toMatchObject({
        netdevs: vlan,
        networks: { ...above, "40-nixops4-below": { matchConfig: { Name: "bond0" }, vlan: ["vlan5"] } },
      });
    });
  });

  it("makes the host reachable, and uses its role and its module", async () => {
    const evaluator = evaluate(`{ rootFunction = arguments: let
        deployment = nixops4.lib.evalRoot {
          specialArgs = { };
          modules = [ nixops4.modules.nixops4Component.default {
            imports = [ self.modules.nixops4Component.network ];
            inherit nixpkgs;
            roles.web = { services.nginx.enable = true; };
            authorizedKeys = [ "ssh-ed25519 AAAAme" ];
            defaults = { gateway = "10.0.0.1"; nameservers = [ "9.9.9.9" ]; };
            hosts.web = {
              mac = "52:54:00:12:34:56"; macs = [ "52:54:00:12:34:56" "52-54-00-12-34-57" ]; ip = "10.0.0.9";
              role = "web"; module.networking.hostName = "other";
            };
          } ];
        } (arguments // { outputValues.deploy_key.publicKey = "${KEY}"; });
      in { members.web.resource = {
        inputs.config = removeAttrs deployment.config.members.web.nixos.configuration.config [ "_module" "system" ];
      }; }; }`);
    expect(await evaluator.input(["web"], "config", none)).toMatchObject({
      value: {
        services: { nginx: { enable: true }, openssh: { enable: true } },
        networking: { hostName: "other", useDHCP: false },
        nixpkgs: { hostPlatform: "x86_64-linux" },
        systemd: {
          network: {
            networks: {
              "40-nixops4": {
                matchConfig: { PermanentMACAddress: "52:54:00:12:34:56" },
                address: ["10.0.0.9/24"],
                gateway: ["10.0.0.1"],
                dns: ["9.9.9.9"],
              },
            },
          },
        },
        users: { users: { root: { openssh: { authorizedKeys: { keys: [KEY, "ssh-ed25519 AAAAme"] } } } } },
      },
    });
  });

  it("deploys the landscaper over SSH to itself when it has a system", async () => {
    const evaluator = network(`landscaper.module = { networking.hostName = "landscaper"; };`);
    const walk = new Walk(evaluator);
    expect(await walk.resource(["landscaper", "nixos"])).toMatchObject({
      needed: ["deploy_key.privateKeyFile", "landscaper.login.stdout"],
      values: {
        connection: { host: "localhost", hostPublicKeys: [`${KEY} root@landscaper\n`] },
        toplevel: expect.stringMatching(/-nixos-system-landscaper$/),
      },
    });
    expect((await walk.resource(["landscaper", "login"])).needed).toEqual(["deploy_key.publicKey"]);
  });

  it("may depend on outputs for which hosts there are", async () => {
    const evaluator = deployment(`{ members, providers, ... }: {
      providers.local = self.modules.nixops4Provider.local;
      members.inventory = { type = providers.local.exec; inputs.executable = "inventory"; inputs.parseJson = true; };
      members.site = {
        imports = [ self.modules.nixops4Component.network ];
        inherit nixpkgs;
        landscaper.cache.url = "http://10.0.0.1:5000";
        hosts = members.inventory.outputs.json;
      };
    }`);
    expect(await evaluator.listMembers(["site"], none)).toEqual({
      needs: { member: ["inventory"], output: "json" },
    });
    const known = new Map([["inventory", { json: { db: { mac: "52:54:00:00:00:01", ip: "10.0.0.2" } } }]]);
    expect(await evaluator.listMembers(["site"], known)).toMatchObject({ value: { db: "composite" } });
    expect(await evaluator.input(["site", "db", "installation_pxe_nbp"], "macs", known)).toEqual({
      value: ["52:54:00:00:00:01"],
    });
  });

  describe("refuses, naming the option,", () => {
    const entry = ["web", "installation_pxe_nbp"];
    const cases: [what: string, Evaluator, MemberPath, input: string, message: RegExp][] = [
      [
        "a wrong MAC address",
        host(`mac = "52:54:00:12:34"; ip = "10.0.0.9";`),
        entry,
        "macs",
        /`members\.web\.mac' is not of type `MAC address[^]*option hosts\.web': "52:54:00:12:34"/,
      ],
      [
        "a host without a MAC address",
        host(`ip = "10.0.0.9";`),
        entry,
        "macs",
        /`members\.web\.mac'.*no value defined/,
      ],
      [
        "a host without an address",
        host(`mac = "52:54:00:12:34:56";`),
        ["web", "nixos"],
        "connection",
        /`members\.web\.ip'.*no value defined/,
      ],
      [
        "a wrong address",
        host(`mac = "52:54:00:12:34:56"; ip = "10.0.0.256";`),
        ["web", "nixos"],
        "connection",
        /`members\.web\.ip' is not of type/,
      ],
      [
        "an option that does not exist",
        withHost(`macc = "x";`),
        entry,
        "macs",
        /`members\.web\.macc' does not exist/,
      ],
      [
        "a role that does not exist",
        withHost(`role = "web";`),
        entry,
        "files",
        /`members\.web\.role' is not of type/,
      ],
      [
        "generation 0",
        withHost(`installGeneration = 0;`),
        entry,
        "installGeneration",
        /`members\.web\.installGeneration' is not of type/,
      ],
      [
        "a wrong policy",
        withHost(`onInterrupted = "wait";`),
        entry,
        "onInterrupted",
        /`members\.web\.onInterrupted' is not of type/,
      ],
      [
        "a disk that is not described",
        withHost(`disk.minBytes = null;`),
        entry,
        "files",
        /`hosts\.web\.disk\.byId', serial, minBytes or maxBytes must say/,
      ],
      [
        "a wrong kind of key",
        withHost(`members.installation_host_key.inputs.algorithm = "dsa";`),
        ["web", "installation_host_key"],
        "algorithm",
        /`members\.web\.members\.installation_host_key\.inputs\.algorithm' is not of type/,
      ],
      [
        "a secret in two places",
        withHost(`ssh.privateKey = { file = "/a"; env = "B"; };`),
        ["web", "nixos"],
        "connection",
        /`members\.web\.ssh\.privateKey' is not of type/,
      ],
      [
        "a private key that would be copied to the Nix store",
        withHost(`ssh.privateKey.file = ./key;`),
        ["web", "nixos"],
        "connection",
        /`members\.web\.ssh\.privateKey\.file' is not of type/,
      ],
      [
        "a host without a cache to install from",
        deployment(`{
          imports = [ self.modules.nixops4Component.network ];
          inherit nixpkgs;
          hosts.web = { mac = "52:54:00:12:34:56"; ip = "10.0.0.9"; };
        }`),
        entry,
        "files",
        /`members\.web\.substituters'.*no value defined/,
      ],
    ];
    it.each(cases)("%s", async (_, evaluator, path, input, message) => {
      await expect(new Walk(evaluator).input(path, input)).rejects.toThrow(message);
    });

    const machine = (settings: string) => `{ mac = "52:54:00:12:34:56"; ip = "10.0.0.9"; ${settings} }`;
    it.each([
      [
        "a prefix that is too long for the address",
        `hosts.web = ${machine("prefixLength = 64;")};`,
        "`hosts.web.prefixLength' is 64",
      ],
      [
        "a gateway on another network",
        `proxmoxMACs.web = ${machine(`gateway = "10.0.1.1";`)};`,
        "`proxmoxMACs.web.gateway' is 10.0.1.1, which is not on the network of `proxmoxMACs.web.ip', 10.0.0.9/24",
      ],
      [
        "a gateway of another family",
        `hosts.web = ${machine(`gateway = "2001:db8::1";`)};`,
        "`hosts.web.gateway' is 2001:db8::1",
      ],
      [
        "what is no IPv6 address",
        `hosts.web = { mac = "52:54:00:12:34:56"; ip = "2001:db8::1::2"; };`,
        "`hosts.web.ip' is no IP address",
      ],
      [
        "an address that another host has",
        `hosts.web = { mac = "52:54:00:12:34:56"; ip = "2001:db8::1"; };
         hosts.db = { mac = "52:54:00:12:34:57"; ip = "2001:DB8:0::1"; };`,
        "`hosts.web.ip' is that of `hosts.db', too",
      ],
      [
        "a MAC address that another host has",
        `hosts.web = ${machine("")};
         proxmoxMACs.db = { mac = "52:54:00:00:00:01"; macs = [ "52-54-00-12-34-56" ]; ip = "10.0.0.8"; };`,
        "`hosts.web.mac' is that of `proxmoxMACs.db', too: 52:54:00:12:34:56",
      ],
      [
        "a name that another host has",
        `hosts.web = ${machine("")};
         hosts.db = { mac = "52:54:00:12:34:57"; ip = "10.0.0.8"; hostName = "WEB"; };`,
        "`hosts.web.hostName' is that of `hosts.db', too",
      ],
      [
        "the landscaper's address",
        `hosts.web = { mac = "52:54:00:12:34:56"; ip = "10.0.0.1"; };`,
        "`hosts.web.ip' is that of `landscaper.cache.url'",
      ],
      [
        "disk sizes that no disk has",
        `hosts.web = ${machine("disk.maxBytes = 10;")};`,
        "`hosts.web.disk.minBytes' is 8000000000, more than `hosts.web.disk.maxBytes', 10",
      ],
      [
        "sizes of another disk that no disk has",
        `hosts.web = ${machine("disks.data = { minBytes = 5; maxBytes = 3; };")};`,
        "`hosts.web.disks.data.minBytes' is 5, more than `hosts.web.disks.data.maxBytes', 3",
      ],
      [
        "a gateway that is the machine itself",
        `hosts.web = ${machine(`gateway = "10.0.0.9";`)};`,
        "`hosts.web.gateway' is the address of the machine itself, 10.0.0.9",
      ],
      [
        "a card that another host boots from, though not this one",
        `hosts.web = ${machine(`macs = [ "52:54:00:00:00:01" ];`)};
         hosts.db = { mac = "52:54:00:12:34:56"; ip = "10.0.0.8"; };`,
        "`hosts.web.mac' is that of `hosts.db', too: 52:54:00:12:34:56",
      ],
      [
        "a card in the bond of another host",
        `hosts.web = ${machine(`bond.macs = [ "52:54:00:00:00:01" ];`)};
         hosts.db = { mac = "52:54:00:00:00:01"; ip = "10.0.0.8"; };`,
        "`hosts.web.mac' is that of `hosts.db', too: 52:54:00:00:00:01",
      ],
      [
        "a VLAN that there cannot be",
        `hosts.web = ${machine("vlan = 4095;")};`,
        "`members.web.vlan' is not of type",
      ],
      [
        "a path in place of a disk's name",
        `hosts.web = ${machine(`disk.byId = "/dev/disk/by-id/nvme-x";`)};`,
        "`members.web.disk.byId' is not of type `null or name without a slash'",
      ],
      [
        "a host of two options",
        `hosts.web = ${machine("")}; proxmoxMACs.web = ${machine("")};`,
        "`proxmoxMACs.web' and `hosts.web' are one host",
      ],
    ])("before anything is applied, %s", async (_, settings, message) => {
      await expect(network(settings).listMembers(["web"], none)).rejects.toThrow(message);
    });

    it("the landscaper's IPv6 address", async () => {
      const evaluator = deployment(`{
        imports = [ self.modules.nixops4Component.network ];
        inherit nixpkgs;
        landscaper.cache.url = "http://[2001:db8::1]:5000/";
        hosts.web = { mac = "52:54:00:12:34:56"; ip = "2001:db8:0::1"; };
      }`);
      await expect(evaluator.listMembers(["web"], none)).rejects.toThrow(
        "`hosts.web.ip' is that of `landscaper.cache.url': 2001:db8:0::1",
      );
    });

    it("everything that is wrong at once", async () => {
      const evaluator = network(
        `hosts.web = ${machine(`prefixLength = 33; disk.maxBytes = 10; ip = "10.0.0.1";`).replace(`ip = "10.0.0.9";`, "")};`,
      );
      await expect(evaluator.listMembers(["web"], none)).rejects.toThrow(
        /prefixLength[^]*disk\.minBytes[^]*hosts\.web\.ip/,
      );
    });

    it("but not a valid one", async () => {
      const evaluator = network(`hosts.web = {
        mac = "52:54:00:12:34:56"; ip = "2001:db8::9"; gateway = "fe80::1"; disk.byId = "nvme-x";
      };`);
      expect(await evaluator.listMembers(["web"], none)).toEqual({ value: MEMBERS });
    });

    it.each(["state", "landscaper"])("a host of the name %s", async (name) => {
      const evaluator = network(`hosts.${name} = { mac = "52:54:00:12:34:56"; ip = "10.0.0.9"; };`);
      await expect(evaluator.listMembers([], none)).rejects.toThrow(
        `\`hosts.${name}' has the name of another member`,
      );
    });

    it("a separate host without a state", async () => {
      const evaluator = deployment(`{
        members.web = {
          imports = [ self.modules.nixops4Component.bare-metal-host ];
          mac = "52:54:00:12:34:56";
          ip = "10.0.0.9";
        };
      }`);
      await expect(evaluator.resourceInfo(["web", "installation_host_key"], none)).rejects.toThrow(
        /members\.web\.state has not been defined/,
      );
    });
  });
});

suite(`the component nixos${moduleSystemsMissing}`, () => {
  it("accepts a host that was written for nixops4-nixos", async () => {
    const evaluator = deployment(`{ providers, ... }: {
      providers.local = self.modules.nixops4Provider.local;
      members.nixos = {
        type = providers.local.exec;
        imports = [ self.modules.nixops4Component.nixos ];
        inherit nixpkgs;
        nixos.module = { special, ... }: { environment.etc.greeting.text = special; };
        nixos.specialArgs.special = "hello";
        ssh.opts = "";
        ssh.host = "target";
        ssh.user = "bossmang";
        ssh.hostPublicKey = "${KEY}";
        copy.substituteOnDestination = false;
      };
    }`);
    const info = await evaluator.resourceInfo(["nixos"], none);
    expect(info).toMatchObject({
      value: { type: "system", provider: { executable: expect.stringMatching(/nixops4-resources-nixos$/) } },
    });
    expect((await new Walk(evaluator).resource(["nixos"])).values).toMatchObject({
      connection: { host: "target", port: 22, user: "bossmang", hostPublicKeys: [KEY], privateKey: null },
      toplevel: expect.stringMatching(/^\/nix\/store\/.*-nixos-system-nixos$/),
      substituteOnDestination: false,
      sudo: true,
    });
  });

  const theirs = process.env["NIXOPS4_NIXOS_SOURCE"];
  const theirsIt = theirs === undefined ? it.skip : it;
  theirsIt("has every option of nixops4-nixos (skipped without NIXOPS4_NIXOS_SOURCE)", async () => {
    const expression = `{
      ours = map (option: option.name) (componentOptions "nixos");
      theirs = map (option: option.name) (lib.filter (option: !option.internal) (lib.optionAttrSetToDocList
        (lib.evalModules {
          modules = [
            (import ${theirs}/modules/nixops4Resource/nixos.nix { self = null; withSystem = null; })
            { _module.args.resourceProviderSystem = "x86_64-linux"; _module.check = false; }
          ];
        }).options));
    }`;
    const options = await evaluateNix<{ ours: string[]; theirs: string[] }>(withModules(expression));
    const names = options.theirs.filter((name) => !name.startsWith("_module"));
    expect(names).toContain("ssh.hostPublicKey");
    expect(options.ours).toEqual(expect.arrayContaining(names));
  });

  theirsIt("takes the example of nixops4-nixos (skipped without NIXOPS4_NIXOS_SOURCE)", async () => {
    const evaluator = deployment(`{ lib, ... }: {
      imports = [ ${theirs}/example/deployment.nix ];
      _module.args.inputs = {
        inherit nixpkgs;
        nixops4.modules.nixops4Provider.local = self.modules.nixops4Provider.local;
        nixops4-nixos = self;
      };
      _module.args.withResourceProviderSystem = throw "it has no packages here";
      members.nixos.ssh = {
        opts = lib.mkForce "";
        privateKey.file = "./deployer-key";
        port = 2222;
      };
    }`);
    expect(await evaluator.listMembers([], none)).toEqual({
      value: { hello: "resource", nixos: "resource" },
    });
    expect(await evaluator.resourceInfo(["nixos"], none)).toMatchObject({ value: { type: "system" } });
    expect(await evaluator.input(["nixos"], "connection", none)).toMatchObject({
      value: { host: "127.0.0.1", port: 2222, user: "root", privateKey: { file: "./deployer-key" } },
    });
  });

  it("has all inputs of nixos.system", async () => {
    const { values } = await new Walk(
      hostSystem(`
        ssh = { host = "web"; hostPublicKey = "${KEY}"; privateKey.file = "/key"; port = 2222; };
        inputs.rollback.confirmTimeoutSeconds = 5;
        inputs.healthChecks = [ { tcp.port = 80; } ];
      `),
    ).resource(["web"]);
    expect(values).toMatchObject({
      connection: { port: 2222, privateKey: { file: "/key" } },
      rollback: { enable: true, confirmTimeoutSeconds: 5 },
      healthChecks: [{ tcp: { port: 80, host: null }, http: null, timeoutSeconds: 10 }],
    });
  });

  it.each([
    [
      "a bad host key",
      `ssh.hostPublicKey = "ssh-dss AAAA";`,
      /`members\.web\.ssh\.hostPublicKey' is not of type/,
    ],
    [
      "a truncated host key",
      `ssh.hostPublicKey = "ssh-ed25519";`,
      /`members\.web\.ssh\.hostPublicKey' is not of type/,
    ],
    ["no host key", ``, /`members\.web\.ssh\.hostPublicKey'.*no value defined/],
    [
      "options of ssh",
      `ssh.hostPublicKey = "${KEY}"; ssh.opts = "-i key";`,
      /`members\.web\.ssh\.opts' is not of type/,
    ],
    ["an unknown option", `ssh.hostPublicKye = "";`, /`members\.web\.ssh\.hostPublicKye' does not exist/],
  ])("refuses %s, naming the option", async (_, settings, message) => {
    const evaluator = hostSystem(`ssh.host = "web"; ${settings}`);
    await expect(evaluator.input(["web"], "connection", none)).rejects.toThrow(message);
  });
});

suite(`the template${moduleSystemsMissing}`, () => {
  it("is a network of one host, which its flake evaluates without changes", async () => {
    const folder = join(temporaryFolder(), "network");
    await fs.cp(join(root, "templates/default"), folder, { recursive: true });
    const evaluator = evaluate(`flake ${folder}`);
    expect(await evaluator.listMembers([], none)).toMatchObject({
      value: { state: "resource", deploy_key: "resource", host1: "composite" },
    });
    const walk = new Walk(evaluator);
    for (const member of ["installation_host_key", "installation_pxe_nbp", "installation"]) {
      await walk.resource(["host1", member]);
    }
    expect(await walk.resource(["host1", "nixos"])).toMatchObject({
      values: {
        connection: { host: "10.0.0.11", user: "root", privateKey: { file: "/made/up/privateKeyFile" } },
        toplevel: expect.stringMatching(/-nixos-system-host1$/),
      },
    });
  });

  const disko = process.env["DISKO_SOURCE"];
  (disko === undefined ? it.skip : it)(
    "has disk layouts that disko understands, and a host keeps their disks (skipped without DISKO_SOURCE)",
    async () => {
      const folder = join(root, "templates/default");
      const layouts = [
        "disk.nix",
        ...(await fs.readdir(join(folder, "disks"))).map((name) => `disks/${name}`),
      ];
      const evaluator = evaluate(`{ rootFunction = _: { members.disk.resource.inputs = lib.genAttrs
        ${JSON.stringify(layouts).replaceAll(",", " ")} (layout: let
          diskoLib = import (/. + "${disko}" + "/lib") {
            inherit lib; makeTest = null; eval-config = null; qemu-common = null; rootMountPoint = "/mnt";
          };
          any = lib.mkOption { type = lib.types.lazyAttrsOf lib.types.anything; default = { }; };
          inherit (lib.evalModules { modules = [
            (${folder} + "/\${layout}")
            (import ${root}/nix/components/common/installed-host.nix {
              hostName = "web"; architecture = "x86_64"; mac = "52:54:00:12:34:56"; bond = null; vlan = null;
              ip = "10.0.0.9"; prefixLength = 24; gateway = null; nameservers = [ ]; user = "root"; authorizedKeys = [ ];
            })
            {
              options = lib.genAttrs [ "boot" "hardware" "networking" "nixpkgs" "systemd" "users" ] (_: any) // {
                disko.devices = lib.mkOption { type = diskoLib.toplevel; };
                services.openssh = any;
                services.udev.extraRules = lib.mkOption { type = lib.types.lines; };
              };
              config._module.args.pkgs.coreutils = "/nix/store/coreutils";
            }
          ]; }) config;
        in {
          script = config.disko.devices._create;
          rules = config.services.udev.extraRules;
          grub = lib.concatLists (map (module: module.boot.loader.grub.devices or [ ])
            (lib.flatten (lib.mapAttrsToList (_: disk: disk._config) config.disko.devices.disk)));
          names = lib.attrNames config.disko.devices.disk;
        }); }; }`);
      for (const layout of layouts) {
        const step = await evaluator.input(["disk"], layout, none);
        if (!("value" in step)) throw new Error(`it needs ${step.needs.output}`);
        const { script, rules, grub, names } = step.value as {
          script: string;
          rules: string;
          grub: string[];
          names: string[];
        };
        expect(script).toContain('sgdisk --clear "/dev/disk/nixops4"');
        const links = names.map((name) =>
          name === "main" ? "/dev/disk/nixops4" : `/dev/disk/nixops4-${name}`,
        );
        expect(
          rules
            .trim()
            .split("\n")
            .map((rule) => rule.split(" ").at(-1)),
        ).toEqual(links.map((link) => `${link}"`));
        expect(rules).toMatch(/ENV\{ID_PART_ENTRY_NAME\}=="disk-main-/);
        expect(grub).toEqual(layout === "disks/mirror.nix" ? links : []);
      }
    },
    300_000,
  );
});
