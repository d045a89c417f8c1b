// Tests with the real nixops4: its command line and its evaluator, from the folder NIXOPS4_UPSTREAM_BIN.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "@jest/globals";
import { makeSshKey, startSshd } from "@nixops4-providers/test-servers";
import { BACKENDS, dnsServersAvailable } from "../../packages/dns/tests/lab.ts";
import { missingForNamespaces, startNamespaceTarget } from "../../packages/nixos/tests/namespace-target.ts";
import { buildSystem } from "../../packages/nixos/tests/test-systems.ts";
import { FakePve } from "../../packages/proxmox/tests/fake-pve/fake-pve.ts";
import {
  type ApplyError,
  applyDeployment,
  runOperation,
  builtProvider,
  type MemberResult,
} from "../harness/index.ts";
import { BootService } from "../lab/boot-service.ts";
import { nixops4Environment, nixops4Missing, nixops4Program, upstreamProvider } from "../lab/nixops4.ts";
import { NetbootingMachine } from "./netbooting-machine.ts";
import { deployment, moduleSystemsMissing, root, withModules } from "./nix-sources.ts";
import { temporaryFolders } from "./temporary-folder.ts";

const missing = moduleSystemsMissing || (nixops4Missing && ` (skipped without ${nixops4Missing})`);
const suite = missing === "" ? describe : describe.skip;
const temporaryFolder = temporaryFolders();
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

/** nixops4 with its own folder, deployment and Nix store. */
class Nixops4 {
  readonly folder = temporaryFolder();

  constructor(expression: string) {
    this.deploy(expression);
  }

  static withModule(module: string): Nixops4 {
    return new Nixops4(`root (${module})`);
  }

  deploy(expression: string): void {
    fs.writeFileSync(this.path("deployment.nix"), withModules(expression));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): string {
    return fs.readFileSync(this.path(name), "utf8");
  }

  has(name: string): boolean {
    return fs.existsSync(this.path(name));
  }

  names(start: string): string[] {
    return fs.readdirSync(this.folder).filter((name) => name.startsWith(start));
  }

  start(args: readonly string[], wrapper: readonly string[] = []): Running {
    return new Running([...wrapper, nixops4Program, ...args, "--file", "deployment.nix"], this.folder);
  }

  /** Starts an apply in a terminal. Its standard input is the keyboard. */
  startInTerminal(): Running {
    const command = `${nixops4Program} apply --interactive --file deployment.nix`;
    return new Running(["script", "--quiet", "--return", "--command", command, "/dev/null"], this.folder);
  }

  /** Applies without a terminal, and resolves to the log and the exit code. */
  async apply(...members: string[]): Promise<{ code: number | null; log: string }> {
    return this.start(["apply", "--no-interactive", ...members]).result();
  }

  /**
   * Applies, and throws when that fails. The log is a pipe, to which nixops4 fails to write when a provider makes it
   * non-blocking.
   */
  async succeed(...members: string[]): Promise<string> {
    const pipe = ["bash", "-c", 'set -o pipefail; "$@" 2>&1 | cat', "bash"];
    const { code, log } = await this.start(["apply", "--no-interactive", ...members], pipe).result();
    if (code !== 0) throw new Error(`nixops4 apply has failed (${code}):\n${log.slice(-3000)}`);
    return log;
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (!holds()) {
      if (performance.now() > deadline) throw new Error(`within 60 s it did not come true: ${what}`);
      await sleep(50);
    }
  }
}

let count = 0;

class Running {
  readonly #log: string;
  readonly ended: Promise<number | null>;
  readonly child: ChildProcess;

  constructor([program = "", ...args]: readonly string[], cwd: string) {
    this.#log = join(cwd, `log-${(count += 1)}`);
    const log = fs.openSync(this.#log, "a");
    this.child = spawn(program, args, {
      cwd,
      // A new process group, as a shell makes it.
      detached: true,
      stdio: ["pipe", log, log],
      env: nixops4Environment(cwd),
    });
    fs.closeSync(log);
    this.ended = once(this.child, "exit").then(([code]) => code as number | null);
  }

  get log(): string {
    return fs.readFileSync(this.#log, "utf8");
  }

  async result(): Promise<{ code: number | null; log: string }> {
    return { code: await this.ended, log: this.log };
  }

  /** Sends a signal to nixops4 and its providers, like a terminal. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.child.pid!, signal);
  }
}

const LOCAL = "providers = { inherit (self.modules.nixops4Provider) local; };";
const STATE = `state = { type = providers.local.state_file; inputs.name = "state.json"; };`;

function nixString(text: string): string {
  return JSON.stringify(text).replaceAll("${", "\\${");
}

function shell(script: string): string {
  return `{ type = providers.local.exec; inputs = { executable = "sh"; args = [ "-c" ${JSON.stringify(script)} ]; }; }`;
}

function module(members: string): string {
  return `{ members, providers, lib, ... }: { ${LOCAL} members = { ${members} }; }`;
}

const VALUES: Record<string, string> = {
  zero: "0",
  one: "1",
  minusOne: "-1",
  float: "1.5",
  wholeFloat: "2.0",
  large: "9007199254740993",
  largest: "9223372036854775807",
  smallest: "(-9223372036854775807 - 1)",
  tinyFloat: "1.0e-7",
  hugeFloat: "1.0e300",
  tenth: "0.1",
  third: "(1.0 / 3)",
  text: '"grüße 🙂 \\\\ \\" \\n ${"$"}{}"',
  empty: '""',
  nothing: "null",
  yes: "true",
  list: "[ 1 1.0 [ ] { } ]",
  names: '{ "__proto__" = 1; constructor = 2; prototype = 3.0; "" = 4; "a/b~c" = 5; "ü" = 6; }',
  nested: '{ a."__proto__".b = [ 9007199254740993 1.0 ]; }',
};

suite(`the real nixops4${missing}`, () => {
  it("gets every value as upstream's provider returns it, and updates nothing at the second apply", async () => {
    const names = Object.keys(VALUES);
    const memos = (kind: string) =>
      names.map(
        (name) =>
          `${name} = { type = providers.${kind}.memo; state = members.${kind}.members.state; inputs.initialize_with = ${VALUES[name]}; };`,
      );
    const composite = (kind: string) =>
      `${kind}.members = { state = { type = providers.${kind}.state_file; inputs.name = "${kind}.json"; }; ${memos(kind).join(" ")} };`;
    const file = (kind: string) =>
      `${kind}_values = { type = providers.local.file; inputs = { name = "${kind}.values"; contents =
        builtins.toJSON (lib.genAttrs ${JSON.stringify(names).replaceAll(",", " ")} (name: members.${kind}.members.\${name}.outputs.value)); }; };`;
    const nixops4 = Nixops4.withModule(`{ members, providers, lib, ... }: {
      providers = {
        inherit (self.modules.nixops4Provider) local;
        upstream = { imports = [ self.modules.nixops4Provider.local ]; executable = lib.mkForce "${upstreamProvider}"; };
      };
      members = { ${["local", "upstream"].flatMap((kind) => [composite(kind), file(kind)]).join("\n")} };
    }`);
    await nixops4.succeed();
    expect(nixops4.read("local.values")).toBe(nixops4.read("upstream.values"));
    expect(nixops4.read("local.values")).toContain('"largest":9223372036854775807');
    const stateOf = (kind: string) => nixops4.read(`${kind}.json`);
    const before = [stateOf("local"), stateOf("upstream")];
    const log = await nixops4.succeed();
    expect([stateOf("local"), stateOf("upstream")]).toEqual(before);
    expect(log.match(/Skipping update for resource local\./g)).toHaveLength(names.length);
  }, 300_000);

  it("accepts members of any name, three times", async () => {
    const names = ["prototype", "constructor", "__proto__", "toString", "grüße", "with space", "a/b~c"];
    const memos = names.map(
      (name) =>
        `${JSON.stringify(name)} = { type = providers.local.memo; state = members.state; inputs.initialize_with = "VALUE"; };`,
    );
    const nixops4 = Nixops4.withModule(module(`${STATE} ${memos.join(" ").replaceAll("VALUE", "1")}`));
    await nixops4.succeed();
    expect((await nixops4.succeed()).match(/Skipping update/g)).toHaveLength(names.length);
    nixops4.deploy(`root (${module(`${STATE} ${memos.join(" ").replaceAll("VALUE", "2")}`)})`);
    expect(await nixops4.succeed()).not.toContain("Skipping update");
  }, 300_000);

  /** A network in which host `a` fails when each of the others has started a longer command. */
  const network = () => {
    const host = shell("touch begun-$$; until [ -e failed ]; do sleep 0.1; done; sleep 2; touch done-$$");
    const failing = shell(
      "until [ $(ls begun-* 2>/dev/null | wc -l) = 3 ]; do sleep 0.1; done; touch failed; exit 7",
    );
    return module(`hosts.members = {
      a.members.x = ${failing};
      b.members.x = ${host};
      c.members.x = ${host};
      d.members.x = ${host};
    };`);
  };
  const HOSTS = ["hosts.a", "hosts.b", "hosts.c", "hosts.d"];

  it("exits when the first host has failed, while the started operations of the others continue to their end", async () => {
    const nixops4 = Nixops4.withModule(network());
    const { code, log } = await nixops4.apply();
    expect(code).toBe(1);
    expect(log).toContain("exit code: 7");
    expect(nixops4.names("done-")).toEqual([]);
    await nixops4.until("all are done", () => nixops4.names("done-").length === 3);
  }, 120_000);

  it("awaits all named hosts", async () => {
    const nixops4 = Nixops4.withModule(network());
    expect((await nixops4.apply(...HOSTS)).code).toBe(1);
    expect(nixops4.names("done-")).toHaveLength(3);
  }, 120_000);

  it.each([
    [
      "resources of one composite are all awaited",
      `b = ${shell("exit 8")}; a = ${shell("sleep 1; exit 7")};`,
    ],
    [
      "the first composite by name is awaited first",
      `b.members.x = ${shell("exit 8")}; a.members.x = ${shell("sleep 1; exit 7")};`,
    ],
    [
      "resources come before composites",
      `a.members.x = ${shell("exit 8")}; b = ${shell("sleep 1; exit 7")};`,
    ],
  ])(
    "fails as the harness does: %s",
    async (_, members) => {
      const nixops4 = Nixops4.withModule(module(members));
      const { code, log } = await nixops4.apply();
      expect(code).toBe(1);
      // The error of the exit is the last one.
      const real = log.slice(log.lastIndexOf("nixops4 error:"));
      expect(real).toContain("exit code: 7");
      expect(real).not.toContain("exit code: 8");
      const error: unknown = await applyDeployment(deployment(module(members)), {
        cwd: nixops4.folder,
        onEvent: () => {},
      }).catch((reason: unknown) => reason);
      expect(
        (error as ApplyError).results.some((result: MemberResult) => result.error?.includes("exit code: 7")),
      ).toBe(true);
    },
    120_000,
  );

  it.each(["SIGKILL", "SIGTERM"] as const)(
    "may get %s: what has begun comes to its end",
    async (signal) => {
      const nixops4 = Nixops4.withModule(module(`a = ${shell("touch begun; sleep 2; touch done")};`));
      const running = nixops4.start(["apply", "--no-interactive"]);
      await nixops4.until("it has begun", () => nixops4.has("begun"));
      running.child.kill(signal);
      await running.ended;
      expect(nixops4.has("done")).toBe(false);
      await nixops4.until("it is done", () => nixops4.has("done"));
    },
    120_000,
  );

  it.each(["SIGINT", "SIGHUP", "SIGQUIT"] as const)(
    "and its programs end by the %s of a terminal",
    async (signal) => {
      const nixops4 = Nixops4.withModule(module(`a = ${shell("echo $$ >begun; sleep 60; touch done")};`));
      const running = nixops4.start(["apply", "--no-interactive"]);
      await nixops4.until("it has begun", () => nixops4.has("begun") && nixops4.read("begun") !== "");
      running.signalGroup(signal);
      expect(await running.ended).not.toBe(0);
      const program = `/proc/${nixops4.read("begun").trim()}`;
      await nixops4.until("the program has ended", () => !fs.existsSync(program));
    },
    120_000,
  );

  it("in its interactive mode continues started operations after Ctrl-C", async () => {
    const nixops4 = Nixops4.withModule(module(`a = ${shell("touch begun; sleep 2; touch done")};`));
    const running = nixops4.startInTerminal();
    await nixops4.until("it has begun", () => nixops4.has("begun"));
    running.child.stdin!.write("\u0003");
    expect(await running.ended).toBe(0);
    expect(nixops4.has("done")).toBe(true);
  }, 120_000);

  it("lists the members of the template", async () => {
    const nixops4 = new Nixops4(`flake ${join(root, "templates/default")}`);
    const list = async (...path: string[]) => {
      const running = nixops4.start(["members", "list", "--no-interactive", ...path]);
      expect({ code: await running.ended, log: running.log }).toMatchObject({ code: 0 });
      return running.log.split("\n");
    };
    expect(await list()).toEqual(expect.arrayContaining(["deploy_key", "host1", "state"]));
    expect(await list("host1")).toEqual(
      expect.arrayContaining([
        "installation",
        "installation_host_key",
        "installation_pxe_nbp",
        "nixos",
        "ssh_host_public_key",
      ]),
    );
  }, 120_000);

  const withServers = dnsServersAvailable && missingForNamespaces() === undefined ? it : it.skip;
  withServers(
    "applies every type in one deployment, three times",
    async () => {
      const nixops4 = Nixops4.withModule("{ }");
      const { folder } = nixops4;
      const bootService = await BootService.onLoopback(folder);
      cleanUps.push(() => bootService.kill());
      const [hostKey, user] = [
        await makeSshKey(folder, "ssh_host_ed25519_key"),
        await makeSshKey(folder, "user"),
      ];
      const sshd = await startSshd({
        folder,
        hostKeyFiles: [hostKey.file],
        authorizedKeys: [user.publicKey],
      });
      cleanUps.push(() => sshd.stop());
      fs.writeFileSync(nixops4.path("kernel"), "a kernel");
      fs.mkdirSync(nixops4.path("tftp"));
      fs.mkdirSync(nixops4.path("dns"));
      const powerDns = await BACKENDS.find(({ label }) => label === "PowerDNS by HTTP")!.start(
        nixops4.path("dns"),
      );
      cleanUps.push(() => powerDns.stop());
      const pve = await FakePve.start();
      cleanUps.push(() => pve.close());
      pve.cluster.addVolume("local:vztmpl/debian.tar.zst", "vztmpl", 1000);
      fs.writeFileSync(nixops4.path("token"), pve.connection.tokenSecret.value);
      fs.writeFileSync(nixops4.path("disk.qcow2"), "a disk");
      const host = await startNamespaceTarget();
      cleanUps.push(() => host.stop());
      const systems = { one: await buildSystem({ name: "one" }), two: await buildSystem({ name: "two" }) };
      const members = (text: keyof typeof systems) => `{ members, providers, lib, ... }:
      let
        toHost = builtins.fromJSON ${nixString(JSON.stringify(host.connection))};
        inZone = {
          zone = "made.test";
          server = builtins.fromJSON ${nixString(JSON.stringify(powerDns.server))};
          verify.nameServers."ns1.made.test" = "${powerDns.target.address}:${powerDns.target.port}";
        };
        connectionTo = hostPublicKey: {
          host = "127.0.0.1"; port = ${sshd.port}; user = "${sshd.user}";
          hostPublicKeys = [ hostPublicKey ]; privateKey.file = "${user.file}";
        };
        connection = connectionTo members.host_key.outputs.hostPublicKey;
        server.socket = "${bootService.socket}";
        onPve = {
          connection = {
            inherit (builtins.fromJSON ${nixString(JSON.stringify(pve.connection))}) endpoint tokenId tlsFingerprint;
            tokenSecret.file = "${folder}/token";
          };
          node = "pve";
        };
        guest = onPve // { pool = members.pool.outputs.poolId; networks = [ { bridge = "vmbr0"; } ]; };
      in {
        providers = {
          inherit (self.modules.nixops4Provider) local ssh ssh-keypair pxe-nbp dns proxmox;
          # With the Nix store of the machine, in which the systems are: nixops4's own is another.
          nixos = {
            imports = [ self.modules.nixops4Provider.nixos ];
            executable = lib.mkForce "/usr/bin/env";
            args = lib.mkForce ([ "-u" "NIX_STORE_DIR" "-u" "NIX_STATE_DIR" "-u" "NIX_LOG_DIR" "-u" "NIX_CONF_DIR" "${builtProvider("nixos")}" ]);
          };
        };
        members = {
          ${STATE}
          memo = { type = providers.local.memo; state = members.state; inputs.initialize_with = { n = 1.0; }; };
          file = { type = providers.local.file; inputs = { name = "file"; contents = builtins.toJSON members.memo.outputs; }; };
          exec = { type = providers.local.exec; inputs = { executable = "echo"; args = [ "${text}" ]; }; };
          keypair = { type = providers.ssh-keypair.keypair; state = members.state; inputs.privateKeyFile = "${folder}/key"; };
          host_key = { type = providers.ssh.host_key; state = members.state; inputs = {
            connection = connectionTo "${hostKey.publicKey}"; directory = "${folder}"; timeoutSeconds = 60; }; };
          wait = { type = providers.ssh.wait; inputs = { inherit connection; }; };
          remote_exec = { type = providers.ssh.exec; inputs = { inherit connection; command = "cat ${folder}/remote"; stdin = members.remote_file.outputs.sha256; }; };
          remote_file = { type = providers.ssh.file; inputs = { inherit connection; path = "${folder}/remote"; contents = "${text}"; }; };
          entry = { type = providers.pxe-nbp.boot_entry; inputs = {
            inherit server; name = "m"; macs = [ "52:54:00:12:34:56" ]; kernel = "${folder}/kernel"; }; };
          installed = { type = providers.pxe-nbp.installed; inputs = { inherit server; inherit (members.entry.outputs) entryId; timeoutSeconds = 100; }; };
          tftp = { type = providers.pxe-nbp.tftp_entry; inputs = { root = "${folder}/tftp"; macs = [ "52:54:00:12:34:56" ]; kernel = "vmlinuz"; }; };
          zone = { type = providers.dns.zone; state = members.state; inputs = {
            inherit (inZone) server; name = "made.test"; nameServers = [ "ns1.made.test" ]; }; };
          # The zone comes first.
          address = { type = providers.dns.record_set; state = members.state; inputs = inZone // {
            name = "ns1"; type = "A"; values = lib.optional (members.zone.outputs.serial >= 0) "127.0.0.1"; }; };
          text = { type = providers.dns.records; state = members.state; inputs = inZone // {
            records.text.TXT.values = [ (builtins.toJSON "\${members.address.outputs.fqdn} ${text}") ]; }; };
          copied = { type = providers.nixos.closure; inputs = { connection = toHost; path = "${systems.one}"; substituteOnDestination = false; }; };
          activated = { type = providers.nixos.system; inputs = {
            connection = toHost; toplevel = "${systems[text]}"; substituteOnDestination = false; }; };
          pool = { type = providers.proxmox.pool; inputs = { inherit (onPve) connection; name = "web"; }; };
          image = { type = providers.proxmox.image; inputs = onPve // {
            storage = "files"; name = "disk.qcow2"; source.file = "${folder}/disk.qcow2"; }; };
          vm = { type = providers.proxmox.vm; state = members.state; inputs = guest // {
            name = "vm"; disks.scsi0 = { storage = "local-lvm"; importFrom = members.image.outputs.volumeId; }; waitForIp = { }; }; };
          container = { type = providers.proxmox.container; state = members.state; inputs = guest // {
            name = "container"; template = "local:vztmpl/debian.tar.zst"; rootDisk = { storage = "local-lvm"; size = "4G"; };
            networks = [ { bridge = "vmbr0"; ipv4 = "dhcp"; } ]; }; };
          outputs = { type = providers.local.file; inputs = { name = "outputs"; contents = builtins.toJSON {
            vm = members.vm.outputs.ipAddresses; container = members.container.outputs.node; image = members.image.outputs.sha256;
            inherit (members.remote_exec.outputs) stdout; inherit (members.installed.outputs) installedAt;
            inherit (members.exec) outputs; copied = members.copied.outputs; tftp = members.tftp.outputs; key = members.keypair.outputs.publicKey; }; }; };
        };
      }`;
      const install = async () => {
        for (;;) {
          const machine = await NetbootingMachine.boot(bootService, "52:54:00:12:34:56", folder).catch(
            () => undefined,
          );
          if (machine !== undefined) return machine.install();
          await sleep(200);
        }
      };
      nixops4.deploy(`root (${members("one")})`);
      const installing = install();
      await nixops4.succeed();
      await installing;
      const first = nixops4.read("outputs");
      expect(JSON.parse(first)).toMatchObject({ stdout: "one", outputs: { stdout: "one\n", json: null } });
      const vms = [...pve.cluster.guests.values()];
      expect(vms.map(({ kind, status }) => `${kind} ${status}`).toSorted()).toEqual([
        "lxc running",
        "qemu running",
      ]);
      expect(pve.cluster.pools.get("web")!.guests.size).toBe(2);
      const sent = pve.writes.length;
      const state = nixops4.read("state.json");
      await nixops4.succeed();
      expect(pve.writes.length).toBe(sent);
      expect(nixops4.read("outputs")).toBe(first);
      expect(nixops4.read("state.json")).toBe(state);
      nixops4.deploy(`root (${members("two")})`);
      await nixops4.succeed();
      expect(nixops4.read("outputs")).toBe(first.replaceAll('"one', '"two'));
      const added = nixops4.read("state.json").slice(state.length);
      expect(nixops4.read("state.json").slice(0, state.length)).toBe(state);
      expect(new Set(added.match(/\/resources\/[^/]*/g))).toEqual(new Set(["/resources/text"]));
      const read = await runOperation(builtProvider("local"), (provider) =>
        provider.stateRead({ type: "state_file", inputProperties: { name: nixops4.path("state.json") } }),
      );
      expect(Object.keys(read["resources"] as object).toSorted()).toEqual([
        "address",
        "container",
        "host_key",
        "keypair",
        "memo",
        "text",
        "vm",
        "zone",
      ]);
      expect(pve.writes.length).toBe(sent);
      expect(pve.violations).toEqual([]);
    },
    300_000,
  );
});
