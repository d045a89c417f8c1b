import { spawnSync } from "node:child_process";
import { join } from "node:path";
import {
  builtProvider,
  graph,
  nixEvaluator,
  toNix,
  type Evaluator,
  type Input,
  type Members,
  type View,
} from "../../harness/index.ts";
import type { NameServer } from "../../lab/name-server.ts";
import { moduleSystemsMissing, nixArgs, withModules } from "../../tests/nix-sources.ts";

/** An entry of `proxmoxMACs`: options of the component `bare-metal-host`. */
export interface Host {
  mac: string;
  ip: string;
  installGeneration?: number;
  disk?: { allowWipe: boolean };
}

export interface Network {
  /** The folder of the state and the keys. */
  folder: string;
  /** The socket of the boot service. */
  socket: string;
  cache: { url: string; publicKeyFile: string };
  installer: { kernel: string; initrd: string; cmdline: string[] };
  /** The DNS zone and server for the names of the hosts. */
  dns: Pick<NameServer, "zone" | "server">;
  /** The hosts by name. */
  hosts: Record<string, Host>;
  /** A text in the hosts' system. Another text makes another system. */
  text: string;
}

const LAB = join(import.meta.dirname, "../../lab/nix");
const RUNS = 'echo "generation $GENERATION: $(readlink /run/current-system)"; cat /etc/text';

/**
 * Returns the network as an evaluator: by Nix, or by {@link networkGraph} when the module systems are not available.
 */
export function networkEvaluator(network: Network): Evaluator {
  return moduleSystemsMissing === "" ? networkExpression(network) : networkGraph(network);
}

/** Returns the network, evaluated by Nix from this project's components. */
export function networkExpression(network: Network): Evaluator {
  const nixpkgs = `import ${LAB}/nixpkgs.nix { inherit lib; }`;
  const settings = `${toNix({ ...network, command: RUNS })} // { inherit self lib; nixpkgs = ${nixpkgs}; }`;
  const module = `import ${import.meta.dirname}/network.nix (${settings})`;
  return nixEvaluator({ root: withModules(`root (${module})`), nixArgs });
}

/** Returns a network with the same members, without the components. */
export function networkGraph(network: Network): Evaluator {
  const { folder, cache, hosts } = network;
  const composites = Object.entries(hosts).map(([name, host]) => [
    name,
    { members: hostMembers(name, host, network) },
  ]);
  return graph<string>({
    state: {
      provider: { executable: builtProvider("local") },
      type: "state_file",
      inputs: { name: `${folder}/state.json` },
    },
    deploy_key: {
      provider: { executable: builtProvider("ssh-keypair") },
      type: "keypair",
      state: "state",
      inputs: { privateKeyFile: deployKeyFile(network), comment: "nixops4" },
    },
    landscaper_cache_key: {
      provider: { executable: builtProvider("local") },
      type: "exec",
      inputs: { executable: "cat", args: [cache.publicKeyFile] },
    },
    ...(Object.fromEntries(composites) as Members<string>),
  });
}

export function deployKeyFile({ folder }: Pick<Network, "folder">): string {
  return join(folder, "deploy_key");
}

/** Returns the folder of the temporary host keys. */
export function keyFolder({ folder }: Pick<Network, "folder">): string {
  return join(folder, "keys");
}

function hostMembers(name: string, host: Host, network: Network): Members<string> {
  const { mac, ip, installGeneration = 1, disk } = host;
  const { socket, cache, installer, text, dns } = network;
  const ssh = { executable: builtProvider("ssh") };
  const pxe = { executable: builtProvider("pxe-nbp") };
  const server = { socket };
  const outputs = (members: View<string>, member: string) => members[name]!.members[member]!.outputs;
  const system = (members: View<string>) => {
    const authorizedKeys = [members["deploy_key"]!.outputs["publicKey"]];
    return build("system", { hostName: name, address: `${ip}/24`, authorizedKeys, text });
  };
  const connection = (members: View<string>, hostPublicKey: unknown) => ({
    host: ip,
    hostPublicKeys: [hostPublicKey],
    privateKey: { file: members["deploy_key"]!.outputs["privateKeyFile"] },
    // Emulated machines can be slow to answer.
    connectTimeoutSeconds: 60,
  });
  const record = (inputs: Record<string, Input<string>>): Members<string>[string] => ({
    provider: { executable: builtProvider("dns") },
    type: "record_set",
    state: "state",
    inputs: { ...dns, name, ttl: 3600, ...inputs },
  });
  const ownKey = (members: View<string>) =>
    connection(members, outputs(members, "ssh_host_public_key")["hostPublicKey"]);

  return {
    installation_host_key: {
      provider: { executable: builtProvider("ssh-keypair") },
      type: "keypair",
      state: "state",
      inputs: {
        comment: `temporary host key of ${name}`,
        privateKeyFile: join(keyFolder(network), `${name}_installation_host_key`),
        keepers: { installGeneration },
      },
    },
    installation_pxe_nbp: {
      provider: pxe,
      type: "boot_entry",
      inputs: {
        server,
        macs: [mac],
        installGeneration,
        name,
        ...installer,
        files: (members) => ({
          "/nixops4/install.json": {
            mode: "0600",
            contents: JSON.stringify({
              version: 2,
              hostName: name,
              substituters: [
                {
                  url: cache.url,
                  publicKey: String(members["landscaper_cache_key"]!.outputs["stdout"]).trim(),
                },
              ],
              disks: [{ name: "main", minBytes: 1_000_000_000, allowWipe: false, ...disk }],
              system: system(members),
              diskoScript: build("disko"),
              rootMount: "/mnt",
              hostKeyPath: "/etc/ssh/ssh_host_ed25519_key",
            }),
          },
          "/nixops4/ssh_host_ed25519_key": {
            secret: { file: outputs(members, "installation_host_key")["privateKeyFile"] },
          },
          "/nixops4/ssh_host_ed25519_key.pub": {
            contents: `${String(outputs(members, "installation_host_key")["publicKey"])}\n`,
          },
        }),
      },
    },
    installation: {
      provider: pxe,
      type: "installed",
      inputs: {
        server,
        installGeneration,
        entryId: (members) => outputs(members, "installation_pxe_nbp")["entryId"],
      },
    },
    ssh_host_public_key: {
      provider: ssh,
      type: "host_key",
      state: "state",
      inputs: {
        connection: (members) => connection(members, outputs(members, "installation_host_key")["publicKey"]),
        keepers: (members) => ({ installedAt: outputs(members, "installation")["installedAt"] }),
        timeoutSeconds: 1800,
      },
    },
    nixos: {
      provider: { executable: builtProvider("nixos") },
      type: "system",
      inputs: { connection: ownKey, toplevel: system },
    },
    dns_address: record({ type: "A", values: [ip], reverse: true }),
    dns_sshfp: record({
      type: "SSHFP",
      values: (members) => outputs(members, "ssh_host_public_key")["sshfp"],
    }),
    // More members of a host, such as virtual machines, can be added here, as in network.nix.
    runs: {
      provider: ssh,
      type: "exec",
      inputs: {
        connection: ownKey,
        command: RUNS,
        env: (members) => ({ GENERATION: String(outputs(members, "nixos")["generation"]) }),
      },
    },
  };
}

/** Builds a derivation of the lab. */
function build(name: string, parameters?: object): string {
  const call = parameters === undefined ? "" : `(${toNix(parameters)})`;
  const expression = `import ${LAB}/${name}.nix ${call}`;
  const args = [...nixArgs, "--no-out-link", "-E", expression];
  const { status, error, stdout, stderr } = spawnSync("nix-build", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${name}.nix cannot be built: ${error?.message ?? stderr.trim()}`);
  return stdout.trim();
}
