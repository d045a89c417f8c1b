import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import type { Evaluator, MemberPath } from "../harness/index.ts";
import { evaluate, moduleSystemsMissing, root } from "./nix-sources.ts";
import { temporaryFolders } from "./temporary-folder.ts";

jest.setTimeout(300_000);
const suite = moduleSystemsMissing === "" ? describe : describe.skip;
const temporaryFolder = temporaryFolders();

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPzM5VNMcVmkPFE7chyWtdkYVCtMaeG2a2YCrSxS7VHL";

const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];
const examples = pages.flatMap((page) =>
  [...readFileSync(join(root, page), "utf8").matchAll(/^```nix\n(.*?)^```$/gms)].map(
    ([, text], index) => [`${page}, example ${index + 1}`, text!] as const,
  ),
);

/** What examples refer to without showing it. */
const elsewhere: Record<string, string> = {
  state: `{ type = providers.local.state_file; inputs.name = "/state.json"; }`,
  web_key: `{ type = providers.ssh-keypair.keypair; state = members.state; inputs.privateKeyFile = "/web"; }`,
  installation_key: `{ type = providers.ssh-keypair.keypair; state = members.state; inputs.privateKeyFile = "/i"; }`,
  host_key: `{ type = providers.ssh.host_key; state = members.state;
    inputs.connection = { host = "web"; hostPublicKeys = [ "${KEY}" ]; }; }`,
};

function deploymentOf(example: string): Evaluator {
  if (example.startsWith("{")) {
    const folder = join(temporaryFolder(), "flake");
    mkdirSync(folder);
    writeFileSync(join(folder, "flake.nix"), example);
    return evaluate(`flake ${folder}`);
  }
  const [first = ""] = /^[a-zA-Z]+/.exec(example) ?? [];
  if (["name", "proxmoxMACs"].includes(first)) {
    const hosts =
      first === "name" ? `proxmoxMACs = { ${example.replace("ADDRESS", "10.0.0.11")} };` : example;
    return evaluate(`root ({
      imports = [ self.modules.nixops4Component.network ];
      inherit nixpkgs;
      roles.proxmox = { };
      landscaper.cache.url = "http://10.0.0.1:5000";
      ${hosts}
    })`);
  }
  const module =
    first === "inputs"
      ? `members.it = { type = providers.ssh-keypair.keypair; state = members.state; ${example} };`
      : example;
  const needed = Object.entries(elsewhere).filter(([name]) => !module.includes(`members.${name} = `));
  const providers = module.includes("providers.local = ")
    ? ""
    : "inherit (self.modules.nixops4Provider) local ssh-keypair ssh nixos pxe-nbp dns;";
  return evaluate(`root ({ members, providers, ... }:
    let
      inputs = { nixops4-providers = self; };
      nixosSystem = nixpkgs.lib.nixosSystem { modules = [ { } ]; };
    in {
      imports = [ { providers = { ${providers} }; } ({ ... }: { ${module} }) ];
      ${providers === "" ? "" : needed.map(([name, value]) => `members.${name} = ${value};`).join("\n")}
    })`);
}

/** Evaluates all inputs of all resources, and makes up the outputs that they ask for. */
async function evaluateAll(
  evaluator: Evaluator,
  path: MemberPath,
  known: Map<string, Record<string, unknown>>,
) {
  const answer = async <T>(
    ask: () => Promise<{ value: T } | { needs: { member: MemberPath; output: string } }>,
  ) => {
    for (;;) {
      const step = await ask();
      if ("value" in step) return step.value;
      const { member, output } = step.needs;
      const value = output.endsWith("ublicKey")
        ? KEY
        : output === "stdout"
          ? "landscaper-1:AAAA=\n"
          : "/made/up";
      known.set(member.join("."), { ...known.get(member.join(".")), [output]: value });
    }
  };
  const members = await answer(() => evaluator.listMembers(path, known));
  for (const [name, kind] of Object.entries(members)) {
    const member = [...path, name];
    if (kind === "composite") await evaluateAll(evaluator, member, known);
    else {
      const { inputNames } = await answer(() => evaluator.resourceInfo(member, known));
      for (const input of inputNames) await answer(() => evaluator.input(member, input, known));
    }
  }
  return Object.keys(members).length;
}

suite(`the Nix examples of the documentation${moduleSystemsMissing}`, () => {
  it("are some", () => expect(examples.length).toBeGreaterThan(9));

  it.each(examples)("%s can be evaluated", async (name, example) => {
    const count = await evaluateAll(deploymentOf(example), [], new Map());
    if (!name.startsWith("docs/how-to/migrate.md")) expect(count).toBeGreaterThan(0);
  });

  it("keep state and keys outside of the folder that they are in", () => {
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
