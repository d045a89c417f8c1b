import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { DebianMachine, debianMachineAvailable } from "./debian-machine.ts";
import { hasNix, root } from "./nix-sources.ts";

function whyNot(): string | undefined {
  if ((process.env["NIXPKGS_LIB_SOURCE"] ?? "") === "") return "without NIXPKGS_LIB_SOURCE";
  if (!hasNix) return "there is no nix-instantiate";
  return debianMachineAvailable(["git"]);
}

interface Unit {
  environment: Record<string, string>;
  script: string;
  serviceConfig: Record<string, unknown>;
}

const unavailable = whyNot();
const suite = unavailable === undefined ? describe : describe.skip;
const title = unavailable === undefined ? "" : ` (skipped: ${unavailable})`;

suite(`what a landscaper runs as root, in its sandbox of systemd${title}`, () => {
  let machine: DebianMachine;
  let units: Record<string, Unit>;

  beforeAll(async () => {
    const file = join(root, "nix/tests/nixos-modules.nix");
    const args = ["--eval", "--strict", "--json", file, "-A", "landscaper.full"];
    const { stdout } = await promisify(execFile)("nix-instantiate", args, { maxBuffer: 2 ** 26 });
    units = (JSON.parse(stdout) as { services: typeof units }).services;
    machine = await DebianMachine.start(["git"]);
    await machine.copy(join(root, "templates/default"), "/template");
  }, 1_200_000);

  afterAll(async () => {
    await machine?.stop();
  });

  /** Runs a script in the unit of that name. `environment` replaces variables of the unit. */
  async function runAs(
    name: string,
    script: string,
    environment: Record<string, string> = {},
  ): Promise<void> {
    const unit = units[name]!;
    const lines = ["[Service]"];
    for (const [directive, value] of Object.entries(unit.serviceConfig)) {
      if (directive === "ExecStart") continue;
      for (const one of [value].flat()) lines.push(`${directive}=${one === true ? "yes" : String(one)}`);
    }
    const variables = { PATH: "/usr/bin:/bin", ...unit.environment, ...environment };
    for (const [variable, value] of Object.entries(variables))
      lines.push(`Environment="${variable}=${value}"`);
    lines.push(`ExecStart=/bin/bash -e /run/${name}.sh`);
    await machine.sh(`cat >/run/${name}.sh <<'END OF SCRIPT'
${script}
END OF SCRIPT
cat >/run/systemd/system/${name}.service <<'END OF UNIT'
${lines.join("\n")}
END OF UNIT
systemctl daemon-reload
systemctl restart ${name} || { journalctl --unit ${name} --output cat >&2; exit 1; }`);
  }

  it("makes the key of the cache", async () => {
    await runAs("nixops4-cache-key", units["nixops4-cache-key"]!.script);
    expect(
      await machine.sh("cd /var/lib/nixops4-cache; stat --format='%n %a %U' *; cut -d: -f1 public-key"),
    ).toBe("public-key 644 root\nsecret-key 600 root\nlandscaper-1");
  });

  it("makes the example of a network, a git repository", async () => {
    await machine.sh("mkdir -p /nix/var/nix/gcroots");
    await runAs("nixops4-network-template", units["nixops4-network-template"]!.script, {
      TEMPLATE: "/template",
    });
    expect(
      await machine.sh(
        "cd /root/fediversity-network; git diff --cached --name-only | head -3; stat --format=%a .",
      ),
    ).toBe(".gitignore\nREADME.md\ndisk.nix\n700");
  });

  it("applies: builds by the daemon, and writes keys and state", async () => {
    await runAs(
      "nixops4-apply",
      `nix-build --option sandbox false -E 'derivation { name = "x"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo > $out" ]; }'
       mkdir -p /var/lib/nixops4/network /root/.ssh
       echo key >/root/.ssh/id_ed25519
       ssh -V
       echo state >/var/lib/nixops4/network/state.json
       git -C /root/fediversity-network status`,
    );
    expect(await machine.sh("cat /root/.ssh/id_ed25519 /var/lib/nixops4/network/state.json")).toBe(
      "key\nstate",
    );
  });
});
