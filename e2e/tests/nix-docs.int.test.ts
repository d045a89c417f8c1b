import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import { normalize, refuse, type Provider, violationsOf } from "@nixops4-providers/provider-sdk";
import { contractsOf } from "../../packages/provider-sdk/src/contracts.ts";
import { applyDeployment, type Evaluator, type MemberPath } from "../harness/index.ts";
import { evaluate, moduleSystemsMissing, root } from "./nix-sources.ts";
import { temporaryFolders } from "./temporary-folder.ts";

jest.setTimeout(300_000);
const suite = moduleSystemsMissing === "" ? describe : describe.skip;
const temporaryFolder = temporaryFolders();

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPzM5VNMcVmkPFE7chyWtdkYVCtMaeG2a2YCrSxS7VHL";

const providers: Provider[] = [];
for (const name of readdirSync(join(root, "packages"))) {
  const file = join(root, "packages", name, "src", "provider.ts");
  // One at a time, since jest fails when modules are imported concurrently.
  if (existsSync(file)) providers.push(((await import(file)) as { provider: Provider }).provider);
}

/** The examples of the types. Each is the module of a whole deployment, and is in the reference. */
const typeExamples = readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".nix"))
  .map((name) => [name, readFileSync(join(root, "examples", name), "utf8")] as const);

const pages = [
  "README.md",
  join("examples", "README.md"),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];
const examples = pages.flatMap((page) =>
  [...readFileSync(join(root, page), "utf8").matchAll(/^```nix\n(.*?)^```$/gms)]
    .filter(([, text]) => !typeExamples.some(([, example]) => example === text))
    .map(([, text], index) => [`${page}, example ${index + 1}`, text!] as const),
);

/** Members that examples use without defining them. */
const elsewhere: Record<string, string> = {
  state: `{ type = providers.local.state_file; inputs.name = "/state.json"; }`,
  web_key: `{ type = providers.ssh-keypair.keypair; state = members.state; inputs.privateKeyFile = "/web"; }`,
  installation_key: `{ type = providers.ssh-keypair.keypair; state = members.state; inputs.privateKeyFile = "/i"; }`,
  host_key: `{ type = providers.ssh.host_key; state = members.state;
    inputs.connection = { host = "web"; hostPublicKeys = [ "${KEY}" ]; }; }`,
};

/** The connection of hosts that are virtual machines. */
const VM_CONNECTION = `defaults.vm.connection = {
  endpoint = "https://10.0.0.11:8006"; tokenId = "deploy@pve!nixops4"; tokenSecret.file = "/root/token"; };`;

function deploymentOf(example: string): Evaluator {
  if (example.startsWith("{")) {
    const folder = join(temporaryFolder(), "flake");
    mkdirSync(folder);
    writeFileSync(join(folder, "flake.nix"), example);
    for (const [name, text] of typeExamples) {
      if (example.includes(`./${basename(name)}`)) writeFileSync(join(folder, basename(name)), text);
    }
    return evaluate(`flake ${folder}`);
  }
  const [first = ""] = /^[a-zA-Z]+/.exec(example) ?? [];
  if (["name", "proxmoxMACs", "hosts", "defaults"].includes(first)) {
    const hosts =
      first === "name" ? `proxmoxMACs = { ${example.replace("ADDRESS", "10.0.0.11")} };` : example;
    return evaluate(`root ({
      imports = [ self.modules.nixops4Component.network ];
      inherit nixpkgs;
      roles = { proxmox = { }; web = { }; };
      landscaper.cache.url = "http://10.0.0.1:5000";
      ${hosts}
      ${first === "hosts" ? VM_CONNECTION : ""}
    })`);
  }
  const module =
    first === "inputs"
      ? `members.it = { type = providers.ssh-keypair.keypair; state = members.state; ${example} };`
      : example;
  const needed = Object.entries(elsewhere).filter(([name]) => !module.includes(`members.${name} = `));
  const providers = module.includes("providers.local = ")
    ? ""
    : "inherit (self.modules.nixops4Provider) local ssh-keypair ssh nixos pxe-nbp dns proxmox;";
  return evaluate(`root ({ members, providers, ... }:
    let
      inputs = { nixops4-providers = self; };
      nixosSystem = nixpkgs.lib.nixosSystem { modules = [ { } ]; };
    in {
      imports = [ { providers = { ${providers} }; } ({ ... }: { ${module} }) ];
      ${providers === "" ? "" : needed.map(([name, value]) => `members.${name} = ${value};`).join("\n")}
    })`);
}

/** A resource of an example, with the inputs for its provider. */
interface Resource {
  executable: string;
  type: string;
  inputs: Record<string, unknown>;
}

/** Valid values for outputs that inputs of other types check. */
const madeUp: Record<string, unknown> = {
  sshfp: [`4 2 ${"ab".repeat(32)}`],
  stdout: "landscaper-1:AAAA=\n",
  vmid: 100,
  volumeId: "local:import/made-up.qcow2",
  poolId: "made-up",
};

/** Evaluates all inputs of all resources, with invented values for the outputs that they need. */
async function evaluateAll(
  evaluator: Evaluator,
  path: MemberPath,
  known: Map<string, Record<string, unknown>>,
): Promise<Resource[]> {
  const answer = async <T>(
    ask: () => Promise<{ value: T } | { needs: { member: MemberPath; output: string } }>,
  ) => {
    for (;;) {
      const step = await ask();
      if ("value" in step) return step.value;
      const { member, output } = step.needs;
      const value = output.endsWith("ublicKey") ? KEY : (madeUp[output] ?? "/made/up");
      known.set(member.join("."), { ...known.get(member.join(".")), [output]: value });
    }
  };
  const members = await answer(() => evaluator.listMembers(path, known));
  const resources: Resource[] = [];
  for (const [name, kind] of Object.entries(members)) {
    const member = [...path, name];
    if (kind === "composite") resources.push(...(await evaluateAll(evaluator, member, known)));
    else {
      const { provider, type, inputNames } = await answer(() => evaluator.resourceInfo(member, known));
      const inputs: Record<string, unknown> = {};
      for (const input of inputNames) {
        inputs[input] = await answer(() => evaluator.input(member, input, known));
      }
      resources.push({ executable: basename(provider.executable), type, inputs });
    }
  }
  return resources;
}

suite(`the Nix examples of the documentation${moduleSystemsMissing}`, () => {
  it("exist", () => expect(examples.length).toBeGreaterThan(9));

  it.each(examples)("%s can be evaluated", async (name, example) => {
    const resources = await evaluateAll(deploymentOf(example), [], new Map());
    if (!name.startsWith("docs/how-to/migrate.md")) expect(resources).not.toEqual([]);
  });

  it("keep state and keys outside of their own folder", () => {
    const relative = /\b(privateKeyFile|privateKey\.file|stateFile|inputs\.name) = "(?!\/)/;
    for (const [name, example] of examples)
      expect({ name, found: relative.exec(example)?.[0] }).toEqual({ name, found: undefined });
    for (const page of pages) {
      const text = readFileSync(join(root, page), "utf8");
      expect({ page, found: /privateKeyFile "?(?!\/)keys\//.exec(text)?.[0] }).toEqual({
        page,
        found: undefined,
      });
    }
  });
});

suite(`the example of a resource type${moduleSystemsMissing}`, () => {
  it.each(typeExamples)("%s is a whole deployment with inputs that the type takes", async (name) => {
    const resources = await evaluateAll(exampleAt(join(root, "examples", name)), [], new Map());
    // `record_set.hetzner.nix` is an example of `record_set`.
    const [provider, type] = name.replace(/(\.\w+)?\.nix$/, "").split("/");
    expect(resources.map((one) => `${one.executable} ${one.type}`)).toContain(
      `nixops4-resources-${provider} ${type}`,
    );
    for (const resource of resources) expect(await refusalOf(resource)).toBe("");
  });

  // The other examples need hosts, servers or machines.
  const onThisMachine = typeExamples.filter(([name]) => /^(local|ssh-keypair)\/|tftp_entry/.test(name));
  it.each(onThisMachine)("%s is applied, and changes nothing when it is applied again", async (_, text) => {
    const folder = temporaryFolder();
    const file = join(folder, "example.nix");
    writeFileSync(file, text.replaceAll(/"\/(var\/lib\/nixops4\/example|srv\/tftp)/g, `"${folder}`));
    await applyDeployment(exampleAt(file), { cwd: folder });
    const files = readTree(folder);
    const again = await applyDeployment(exampleAt(file), { cwd: folder });
    expect(again.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(readTree(folder)).toEqual(files);
  });
});

function readTree(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(files.map((file) => [file, readFileSync(file, "utf8")]));
}

function exampleAt(file: string): Evaluator {
  return evaluate(`root {
    imports = [ ${file} ];
    _module.args.inputs = { nixops4-providers = self; inherit nixpkgs; };
  }`);
}

/** Returns the error of the provider for these inputs, or an empty string. Does not create the resource. */
async function refusalOf({ executable, type, inputs }: Resource): Promise<string> {
  const { resources } = providers.find((one) => one.executable === executable)!;
  const resource = resources.find((one) => one.type === type)!;
  const { inputs: contract } = await contractsOf(resource);
  const given = normalize(contract.schema, inputs) as Record<string, unknown>;
  const violations = violationsOf(contract, given);
  if (violations.length === 0) violations.push(...(resource.check?.(given) ?? []));
  return violations.length === 0 ? "" : refuse(type, violations).message;
}
