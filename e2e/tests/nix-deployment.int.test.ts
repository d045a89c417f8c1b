import * as fs from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { findSshd, freePort, makeSshKey, startSshd, type Sshd } from "@nixops4-providers/test-servers";
import {
  ApplyError,
  applyDeployment,
  builtProvider,
  runOperation,
  type ApplyEvent,
  type Evaluator,
  type MemberResult,
} from "../harness/index.ts";
import { FakePve } from "../../packages/proxmox/tests/fake-pve/fake-pve.ts";
import { BootService } from "../lab/boot-service.ts";
import { NetbootingMachine } from "./netbooting-machine.ts";
import { deployment, moduleSystemsMissing } from "./nix-sources.ts";
import { temporaryFolders } from "./temporary-folder.ts";

// Each input is an evaluation, which takes seconds while other suites run.
jest.setTimeout(300_000);

const missing = moduleSystemsMissing || (findSshd() === undefined ? " (skipped: there is no sshd)" : "");
const suite = missing === "" ? describe : describe.skip;
const temporaryFolder = temporaryFolders();
const { username } = userInfo();

let folder: string;
let server: Promise<Sshd> | undefined;
let bootService: BootService | undefined;
let pve: FakePve | undefined;
beforeEach(() => {
  folder = temporaryFolder();
  server = bootService = pve = undefined;
});
afterEach(async () => {
  await (await server?.catch(() => undefined))?.stop();
  await bootService?.kill();
  await pve?.close();
  expect(pve?.violations ?? []).toEqual([]);
});

/** Applies the deployment, and returns the results by member. Failures of members are in the results. */
async function apply(evaluator: Evaluator, onEvent: (event: ApplyEvent) => void = () => {}) {
  const results = await applyDeployment(evaluator, { cwd: folder, onEvent }).catch((error: unknown) => {
    if (error instanceof ApplyError) return error.results;
    throw error;
  });
  return new Map(results.map((result) => [result.member, result]));
}

/** Returns a network on loopback with one machine, whose files are in a folder. */
async function loopbackNetwork() {
  bootService = await BootService.onLoopback(folder);
  const { socket } = bootService;
  const [port, user] = [await freePort(), await makeSshKey(folder, "user")];
  const machineFolder = join(folder, "machine");
  await fs.mkdir(machineFolder);
  for (const name of ["bzImage", "initrd"]) await fs.writeFile(join(folder, name), `a ${name}`);
  await fs.writeFile(join(folder, "cache.pub"), "landscaper-1:AAAA=\n");
  /** Returns a deployment with more options of the network and its `defaults`. */
  const network = (options: string, defaults: string, hostKeySeconds: number) =>
    deployment(`{
      imports = [ self.modules.nixops4Component.network ];
      inherit nixpkgs;
      stateFile = "state.json";
      deployKeyFile = "${user.file}";
      landscaper.cache = { url = "http://127.0.0.1:5000"; publicKeyFile = "${folder}/cache.pub"; };
      defaults = {
        keyFolder = "${folder}/keys";
        gcRootsFolder = "${folder}/gc-roots";
        server.socket = "${socket}";
        installer = { kernel = "${folder}/bzImage"; initrd = "${folder}/initrd"; cmdline = [ "quiet" ]; };
        ssh = { host = "127.0.0.1"; port = ${port}; user = "${username}"; };
        sudo.enable = false;
        members.ssh_host_public_key.inputs = {
          directory = "${machineFolder}";
          timeoutSeconds = ${hostKeySeconds};
        };
        ${defaults}
      };
      ${options}
    }`);
  const startSystem = async (hostKeyFile: string) => {
    server = startSshd({
      folder: machineFolder,
      port,
      hostKeyFiles: [hostKeyFile],
      authorizedKeys: [user.publicKey],
    });
    await server;
  };
  /** Starts the system with the host key of the installer, and returns the public key. */
  const startInstalled = async (machine: NetbootingMachine) => {
    const hostKeyFile = join(machineFolder, "ssh_host_ed25519_key");
    const publicKey = await machine.file("ssh_host_ed25519_key.pub");
    await fs.writeFile(hostKeyFile, await machine.file("ssh_host_ed25519_key"), { mode: 0o600 });
    await fs.writeFile(`${hostKeyFile}.pub`, publicKey);
    await startSystem(hostKeyFile);
    return publicKey;
  };
  return { network, machineFolder, startSystem, startInstalled };
}

const actionsOf = (results: ReadonlyMap<string, MemberResult>) =>
  Object.fromEntries([...results].map(([member, { action, error }]) => [member, error ?? action]));

suite(`a deployment that Nix evaluates${missing}`, () => {
  it("is applied by real providers, and uses their outputs in its expression", async () => {
    const port = await freePort();
    const evaluator = deployment(`{ lib, members, providers, ... }: {
      providers = { inherit (self.modules.nixops4Provider) local ssh ssh-keypair; };
      members = {
        state = { type = providers.local.state_file; inputs.name = "state.json"; };
        host_key = {
          type = providers.ssh-keypair.keypair;
          state = members.state;
          inputs.privateKeyFile = "${folder}/host";
        };
        user_key = {
          type = providers.ssh-keypair.keypair;
          state = members.state;
          inputs.privateKeyFile = "${folder}/user";
        };
        kernel = {
          type = providers.ssh.exec;
          inputs = {
            connection = {
              host = "127.0.0.1";
              port = ${port};
              user = "${username}";
              hostPublicKeys = [ members.host_key.outputs.publicKey ];
              privateKey.file = members.user_key.outputs.privateKeyFile;
            };
            command = "uname -s";
          };
        };
        inventory = {
          type = providers.local.file;
          inputs = {
            name = "inventory";
            contents = "\${lib.toUpper members.kernel.outputs.stdout}\${members.host_key.outputs.fingerprint}";
          };
        };
      };
    }`);
    const keys = new Set<string>();
    const events: ApplyEvent[] = [];
    const first = await apply(evaluator, (event) => {
      events.push(event);
      if (event.kind !== "created") return;
      keys.add(String(event.outputs["publicKey"]));
      if (keys.size === 2) {
        server = startSshd({ folder, port, hostKeyFiles: [join(folder, "host")], authorizedKeys: [...keys] });
      }
    });
    expect(actionsOf(first)).toEqual({
      state: "ensured",
      host_key: "created",
      user_key: "created",
      kernel: "ensured",
      inventory: "ensured",
    });
    expect(await fs.readFile(join(folder, "inventory"), "utf8")).toBe(
      `LINUX\n${String(first.get("host_key")!.outputs["fingerprint"])}`,
    );
    expect([...first.keys()].slice(-2)).toEqual(["kernel", "inventory"]);
    expect(events).toContainEqual({ kind: "waiting", member: "inventory", on: "kernel", output: "stdout" });

    const second = await apply(evaluator);
    expect(actionsOf(second)).toMatchObject({ host_key: "skipped", user_key: "skipped", kernel: "ensured" });
    expect(second.get("host_key")!.outputs).toEqual(first.get("host_key")!.outputs);
  }, 180_000);

  it("takes a machine from its MAC address to a new host key", async () => {
    const { network: networkWith, machineFolder, startInstalled } = await loopbackNetwork();
    const network = (defaults = "") =>
      networkWith(
        `roles.proxmox = { role = "proxmox"; };
        proxmoxMACs = { web = { mac = "52:54:00:12:34:56"; ip = "10.0.0.9"; }; };`,
        defaults,
        20,
      );

    const early = await apply(network("members.installation.inputs.timeoutSeconds = 1;"));
    expect(actionsOf(early)).toMatchObject({
      "web.installation_host_key": "created",
      "web.installation_pxe_nbp": "ensured",
      "web.installation": expect.stringContaining("web"),
      "web.ssh_host_public_key": "web.installation failed",
      "web.nixos": "web.installation failed",
    });

    let temporaryKey = "";
    const install = async () => {
      const machine = await NetbootingMachine.boot(bootService!, "52:54:00:12:34:56", machineFolder);
      const job = JSON.parse(await machine.file("install.json")) as Record<string, unknown>;
      expect(job).toMatchObject({
        version: 2,
        hostName: "web",
        disks: [{ name: "main", minBytes: 8_000_000_000 }],
      });
      // The system is built before the machine can fetch it.
      expect(await fs.readFile(String(job["system"]), "utf8")).toContain('"hostName":"web"');
      temporaryKey = await startInstalled(machine);
      await machine.install();
    };
    let installing: Promise<void> | undefined;
    const events: string[] = [];
    const later = await apply(network(), (event) => {
      if (event.kind === "waiting" || event.kind === "started") events.push(`${event.kind} ${event.member}`);
      if (event.kind === "started" && event.member === "web.installation") installing = install();
    });
    await installing;
    expect(actionsOf(later)).toMatchObject({
      deploy_key: "skipped",
      "web.installation_host_key": "skipped",
      "web.installation_pxe_nbp": "ensured",
      "web.installation": "ensured",
      "web.ssh_host_public_key": "created",
      // The stand-in for nixpkgs builds a text file instead of a system.
      "web.nixos": expect.stringMatching(/-nixos-system-web is not a NixOS system/),
    });
    expect(events).toContain("started web.nixos");
    const hostKey = String(later.get("web.ssh_host_public_key")!.outputs["hostPublicKey"]);
    expect(await fs.readFile(join(machineFolder, "ssh_host_ed25519_key.pub"), "utf8")).toContain(hostKey);
    expect(temporaryKey).not.toContain(hostKey);

    const state = await runOperation(builtProvider("local"), (process) =>
      process.stateRead({ type: "state_file", inputProperties: { name: join(folder, "state.json") } }),
    );
    expect(Object.keys((state as { deployments: object }).deployments)).toEqual(["web"]);
    expect(JSON.stringify(state)).not.toContain("PRIVATE KEY");

    const again = await apply(network());
    expect(actionsOf(again)).toMatchObject({
      "web.installation": "ensured",
      "web.ssh_host_public_key": "skipped",
    });
    // A new generation gets a new temporary key.
    const next = await apply(
      network("installGeneration = 2; members.installation.inputs.timeoutSeconds = 1;"),
    );
    expect(actionsOf(next)).toMatchObject({ "web.installation_host_key": "updated" });
  }, 300_000);

  describe("with hosts that are virtual machines", () => {
    const MAC = /BC:24:11(:[0-9A-F]{2}){3}/;
    let machineFolder: string;
    let network: (host: string, defaults?: string, hostKeySeconds?: number) => Evaluator;
    let startSystem: (hostKeyFile: string) => Promise<void>;
    let startInstalled: (machine: NetbootingMachine) => Promise<string>;

    beforeEach(async () => {
      const loopback = await loopbackNetwork();
      ({ machineFolder, startSystem, startInstalled } = loopback);
      pve = await FakePve.start();
      pve.cluster.newGuests.bootMs = 0;
      const { connection } = pve;
      await fs.writeFile(join(folder, "system.qcow2"), "a system.qcow2");
      await fs.writeFile(join(folder, "token"), connection.tokenSecret.value);
      network = (host, defaults = "", hostKeySeconds = 60) =>
        loopback.network(
          `hosts.web = { ip = "10.0.0.9"; ${host} };`,
          `vm.connection = {
            endpoint = "${connection.endpoint}";
            tokenId = "${connection.tokenId}";
            tokenSecret.file = "${folder}/token";
            tlsFingerprint = "${connection.tlsFingerprint}";
          };
          vm.image = { file = "${folder}/system.qcow2"; storage = "files"; };
          members.vm.inputs.shutdownTimeoutSeconds = 1;
          ${defaults}`,
          hostKeySeconds,
        );
    });

    const until = async (holds: () => boolean) => {
      for (const start = performance.now(); !holds(); await sleep(20))
        if (performance.now() - start > 120_000) throw new Error(`it did not come true: ${holds.toString()}`);
    };
    const runs = () => [...pve!.cluster.guests.values()].some(({ status }) => status === "running");

    /** Boots the machine from the network, like its firmware, its installer, and the sshd of its system. */
    const netboot = async () => {
      await until(runs);
      const { config } = pve!.vm(100);
      // An empty disk does not boot, so the network is next.
      expect(config["boot"]).toBe("order=scsi0;net0");
      const [mac] = MAC.exec(config["net0"]!)!;
      const machine = await NetbootingMachine.boot(bootService!, mac, machineFolder);
      await startInstalled(machine);
      await machine.install();
      return mac;
    };

    it("makes one that installs itself, converges after an interruption, and then sends no write", async () => {
      const line = `vm.node = "pve";`;
      // The first run ends before the machine starts to install itself.
      const early = await apply(network(line, "members.installation.inputs.timeoutSeconds = 1;"));
      expect(actionsOf(early)).toMatchObject({
        "web.installation_pxe_nbp": "ensured",
        "web.vm": "created",
        "web.installation": expect.stringContaining("web"),
        "web.boot_from_disk": "web.installation failed",
      });
      // The state file is lost, as after a crash.
      const state = join(folder, "state.json");
      await fs.rename(state, `${state}.lost`);

      const installing = netboot();
      const later = await apply(network(line));
      expect(actionsOf(later)).toMatchObject({
        "web.vm": "created",
        "web.installation": "ensured",
        "web.boot_from_disk": "created",
        "web.ssh_host_public_key": "created",
        // The stand-in for nixpkgs builds a text file instead of a system.
        "web.nixos": expect.stringMatching(/-nixos-system-web is not a NixOS system/),
      });
      const mac = await installing;
      expect(later.get("web.vm")!.outputs).toMatchObject({ vmid: 100, macAddresses: [mac.toLowerCase()] });
      expect(pve!.cluster.guests.size).toBe(1);
      const guest = pve!.vm(100);
      expect(guest).toMatchObject({
        config: { boot: "order=scsi0" },
        pending: {},
        status: "running",
        starts: 2,
      });
      const hostKey = String(later.get("web.ssh_host_public_key")!.outputs["hostPublicKey"]);
      expect(await fs.readFile(join(machineFolder, "ssh_host_ed25519_key.pub"), "utf8")).toContain(hostKey);

      const [sent, starts] = [pve!.writes.length, guest.starts];
      const again = await apply(network(line));
      expect(actionsOf(again)).toMatchObject({
        "web.vm": "skipped",
        "web.installation": "ensured",
        "web.boot_from_disk": "skipped",
        "web.ssh_host_public_key": "skipped",
      });
      expect([pve!.writes.length, guest.starts]).toEqual([sent, starts]);

      // From now on, a network boot must not install again.
      await expect(NetbootingMachine.boot(bootService!, mac, machineFolder)).rejects.toThrow(
        "is not to install itself",
      );
      // A later change updates the machine, but not the boot order.
      const grown = await apply(network(`${line} vm.diskSize = "40G";`));
      expect(actionsOf(grown)).toMatchObject({ "web.vm": "updated", "web.boot_from_disk": "skipped" });
      expect(guest.config).toMatchObject({ boot: "order=scsi0", scsi0: expect.stringContaining("size=40G") });
      expect(guest.starts).toBe(starts);
    }, 900_000);

    it("makes one from an image, and only trusts the key from its agent", async () => {
      const line = `vm = { node = "pve"; installation = "image"; };`;
      const boot = async () => {
        await until(runs);
        const { file } = await makeSshKey(machineFolder, "ssh_host_ed25519_key");
        await startSystem(file);
        pve!.vm(100).files.set("/etc/ssh/ssh_host_ed25519_key.pub", await fs.readFile(`${file}.pub`, "utf8"));
      };
      const booting = boot();
      const first = await apply(network(line));
      await booting;
      expect(actionsOf(first)).toMatchObject({
        "web.image": "ensured",
        "web.vm": "created",
        "web.ssh_host_public_key": "created",
        "web.nixos": expect.stringMatching(/-nixos-system-web is not a NixOS system/),
      });
      const [uploaded] = [...pve!.cluster.volumes.keys()].filter((id) => id.startsWith("files:import/web-"));
      expect(uploaded).toMatch(/\.qcow2$/);
      const made = pve!.requests.find(({ method, path }) => method === "POST" && path.endsWith("/qemu"))!;
      expect(made.params["scsi0"]).toContain(`import-from=${uploaded}`);
      const sent = pve!.writes.length;
      expect(actionsOf(await apply(network(line)))).toMatchObject({
        "web.image": "ensured",
        "web.vm": "skipped",
        "web.ssh_host_public_key": "skipped",
      });
      expect(pve!.writes.length).toBe(sent);
    }, 900_000);

    it("sends nothing to another host that answers at the address of one from an image", async () => {
      const line = `vm = { node = "pve"; installation = "image"; };`;
      const { file } = await makeSshKey(machineFolder, "ssh_host_ed25519_key");
      await startSystem(file);
      const other = await makeSshKey(folder, "other");
      const booting = until(runs).then(() =>
        pve!.vm(100).files.set("/etc/ssh/ssh_host_ed25519_key.pub", `${other.publicKey}\n`),
      );
      const results = await apply(network(line, "", 5));
      await booting;
      expect(actionsOf(results)).toMatchObject({
        "web.vm": "created",
        "web.ssh_host_public_key": expect.stringMatching(/host key/),
        "web.nixos": "web.ssh_host_public_key failed",
      });
    }, 600_000);
  });
});
