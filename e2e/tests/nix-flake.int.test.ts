import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { nixMissing, root } from "./nix-sources.ts";

const unset = ["FLAKE_PARTS_SOURCE", "NIXPKGS_LIB_SOURCE"].filter((name) => (process.env[name] ?? "") === "");
const missing = nixMissing || (unset.length > 0 ? ` (skipped without ${unset.join(", ")})` : "");
const systems = ["aarch64-linux", "x86_64-linux"];

/** A stand-in for nixpkgs: its real lib, and the packages and NixOS of nix/tests/nixos. */
const NIXPKGS = `{
  outputs = _: let
    lib = import ./lib;
    pkgsFor = system: import ./stand-in/pkgs.nix { inherit lib system; };
  in {
    _type = "flake";
    lib = lib // { nixosSystem = import ./stand-in/nixos-system.nix { inherit lib pkgsFor; }; };
    legacyPackages = lib.genAttrs ${JSON.stringify(systems).replaceAll(",", " ")} pkgsFor;
  };
}`;
const NIXOPS4 = `{ outputs = _: { _type = "flake"; }; }`;

function nix(...args: string[]) {
  const features = ["--extra-experimental-features", "nix-command flakes", "--offline"];
  const result = spawnSync("nix", [...features, ...args], { encoding: "utf8" });
  if (result.status !== 0) throw new Error(result.stderr);
  return result.stdout;
}

(missing === "" ? describe : describe.skip)(`the flake${missing}`, () => {
  let folder: string;
  let flake: string[];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "nixops4-flake-"));
    flake = prepare();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Copies the sources, since Nix ignores files of a repository that git does not track. */
  function prepare(): string[] {
    const [source, nixpkgs, nixops4] = ["source", "nixpkgs", "nixops4"].map((name) => join(folder, name));
    const files = ["flake.nix", "flake.lock", "nix", "templates", "package.json", "packages", "scripts"];
    const others = readdirSync(root).filter((name) => /^(pnpm-|tsconfig).*/.test(name));
    for (const name of [...files, ...others, "e2e/package.json"]) {
      cpSync(join(root, name), join(source!, name), {
        recursive: true,
        filter: (path) => basename(path) !== "node_modules",
      });
    }
    mkdirSync(nixops4!);
    writeFileSync(join(nixops4!, "flake.nix"), NIXOPS4);
    cpSync(join(process.env["NIXPKGS_LIB_SOURCE"]!, "lib"), join(nixpkgs!, "lib"), { recursive: true });
    cpSync(join(root, "nix/tests/nixos"), join(nixpkgs!, "stand-in"), { recursive: true });
    writeFileSync(join(nixpkgs!, "flake.nix"), NIXPKGS);
    const inputs = { nixpkgs, nixops4, "flake-parts": process.env["FLAKE_PARTS_SOURCE"] };
    const overrides = Object.entries(inputs).flatMap(([name, path]) => [
      "--override-input",
      name,
      `path:${path}`,
    ]);
    return [`path:${source}`, ...overrides, "--no-write-lock-file"];
  }

  const evaluate = (attribute: string, apply: string, ...more: string[]) => {
    const [url, ...options] = flake;
    const args = ["--json", `${url}#${attribute}`, "--apply", apply, ...options, ...more];
    return JSON.parse(nix("eval", ...args)) as unknown;
  };
  const namesIn = (folder: string, ending: string) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(ending))
      .map((name) => name.slice(0, name.length - ending.length))
      .toSorted();

  /** Returns the packages of the flake's nixpkgs. */
  const standIn = () =>
    `import ${folder}/nixpkgs/stand-in/pkgs.nix { lib = import ${folder}/nixpkgs/lib; system = "aarch64-linux"; }`;

  it("has all its outputs", () => {
    const outputs = JSON.parse(nix("flake", "show", "--json", ...flake)) as Record<string, object>;
    const providers = namesIn("nix/providers", ".json");
    const names = (value: object | undefined) => Object.keys(value ?? {}).toSorted();
    for (const system of systems) {
      const of = (output: string) => (outputs[output] as Record<string, object>)[system];
      const images = system === "x86_64-linux" ? ["landscaper-iso"] : [];
      expect(names(of("packages"))).toEqual([...providers, ...images, "boot-server", "default"].toSorted());
      const checks = namesIn("nix/checks", ".nix").filter(
        (name) => system === "x86_64-linux" || name !== "bare-metal",
      );
      expect(names(of("checks"))).toEqual(checks);
      expect(names(of("devShells"))).toEqual(["default"]);
      expect(of("formatter")).toMatchObject({ name: "nixfmt-tree" });
    }
    expect(names(outputs["nixosModules"])).toEqual(["default", ...namesIn("nix/nixos", ".nix")].toSorted());
    expect(names(outputs["overlays"])).toEqual(["default"]);
    expect(names(outputs["templates"])).toEqual(["default"]);
    expect(evaluate("modules", "builtins.mapAttrs (_: builtins.attrNames)")).toEqual({
      nixops4Component: namesIn("nix/components", ".nix"),
      nixops4Provider: providers,
    });
  });

  it("instantiates its packages, and so does the overlay", () => {
    const paths = "builtins.mapAttrs (_: package: package.drvPath)";
    const packages = evaluate("packages.aarch64-linux", paths);
    expect(packages).toMatchObject({ default: expect.stringMatching(/nixops4-providers-.*\.drv$/) });
    const overlaid = `overlay: ${paths} (overlay (${standIn()}) { }).nixops4-providers`;
    expect(evaluate("overlays.default", overlaid, "--impure")).toEqual(packages);
  });

  it("describes its packages, one of which `nix run` starts", () => {
    const describe = `builtins.mapAttrs (_: package: {
      inherit (package.meta) description homepage mainProgram;
      license = package.meta.license.spdxId;
      forIt = builtins.elem "aarch64-linux" package.meta.platforms;
    })`;
    const packages = evaluate("packages.aarch64-linux", describe) as Record<string, object>;
    expect(packages["default"]).toMatchObject({ mainProgram: "nixops4-boot-server" });
    for (const meta of Object.values(packages)) {
      expect(meta).toMatchObject({
        description: expect.stringMatching(/.../),
        homepage: expect.stringMatching(/^https:/),
        mainProgram: expect.stringMatching(/^nixops4-/),
        license: "MIT",
        forIt: true,
      });
    }
  });

  it("has instructions for the template", () => {
    expect(evaluate("templates.default", "template: template.welcomeText")).toContain(
      "git init && git add .",
    );
  });

  it("gives nixops4 the executable for its own system", () => {
    const executable = evaluate(
      "modules.nixops4Provider.ssh-keypair",
      `module: ((${standIn()}).lib.evalModules {
        modules = [ module ({ lib, ... }: { _module.freeformType = lib.types.lazyAttrsOf lib.types.raw; }) ];
        specialArgs.resourceProviderSystem = "aarch64-linux";
        class = "nixops4Provider";
      }).config.executable`,
      "--impure",
    );
    const output = evaluate("packages.aarch64-linux.ssh-keypair", "package: package.outPath") as string;
    expect(executable).toBe(`${output}/bin/nixops4-resources-ssh-keypair`);
  });

  it("provides the providers for the first network of a landscaper that was made from it", () => {
    const unit = evaluate(
      "nixosModules.landscaper-iso",
      `module: (import ${folder}/nixpkgs/stand-in/nixos-system.nix {
        inherit (${standIn()}) lib;
        pkgsFor = _: ${standIn()};
      } {
        modules = [ module { nixpkgs.hostPlatform = "x86_64-linux"; } ];
      }).config.systemd.services.nixops4-network-template`,
      "--impure",
    ) as { environment: Record<string, string>; script: string };
    const source = unit.environment["PROVIDERS"]!;
    expect(readFileSync(join(source, "flake.nix"))).toEqual(readFileSync(join(root, "flake.nix")));

    const [network, gcRoot] = [join(folder, "network"), join(folder, "gc-root")];
    const env = { ...process.env, ...unit.environment, DIRECTORY: network, GC_ROOT: gcRoot };
    expect(spawnSync("bash", ["--norc", "-euc", unit.script], { env }).status).toBe(0);
    const disko = ["--override-input", "disko", `path:${join(folder, "nixops4")}`];
    nix("flake", "lock", `path:${network}`, ...flake.slice(1, -1), ...disko);
    const { nodes } = JSON.parse(readFileSync(join(network, "flake.lock"), "utf8")) as {
      nodes: Record<string, { locked?: object; inputs?: object }>;
    };
    expect(nodes["nixops4-providers"]).toMatchObject({
      locked: { type: "path", path: source },
      inputs: { nixpkgs: ["nixpkgs"], nixops4: ["nixops4"], "flake-parts": ["flake-parts"] },
    });
  });

  it("locks every input by a hash", () => {
    nix("flake", "metadata", "--no-update-lock-file", flake[0]!);
    const { nodes, root: rootNode } = JSON.parse(readFileSync(join(root, "flake.lock"), "utf8")) as {
      nodes: Record<string, { locked?: { narHash: string; rev: string } }>;
      root: string;
    };
    for (const [name, { locked }] of Object.entries(nodes)) {
      if (name === rootNode) continue;
      expect(locked?.narHash).toMatch(/^sha256-[A-Za-z0-9+/]{43}=$/);
      expect(locked?.rev).toMatch(/^[0-9a-f]{40}$/);
    }
  });
});
