import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { makeSshKey } from "@nixops4-providers/test-servers";
import { deploy, failToDeploy, type Run, startDeploying } from "./deployer.ts";
import { startNamespaceTarget } from "./namespace-target.ts";
import { describeWithNamespaces } from "./requirements.ts";
import type { Target } from "./target.ts";
import { buildSystem } from "./test-systems.ts";

const NOWHERE = `/nix/store/${"0".repeat(32)}-nowhere`;

describeWithNamespaces("copying to a host", () => {
  const folder = mkdtempSync(join(tmpdir(), "copy-"));
  let target: Target;
  let system: string;

  beforeAll(async () => {
    target = await startNamespaceTarget({ storeSize: "30m" });
    system = await buildSystem({ name: "copied" });
  }, 240_000);

  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await target.stop();
  });

  it("copies a closure over the same connection, and finds one that was copied already", async () => {
    const path = addToStore("some-file", "contents");
    const copy = () => startCopying(path).outputs;
    const logins = await target.logins();
    expect(await copy()).toEqual({ path });
    expect(await target.sh(`cat ${path}`)).toBe("contents");
    expect(await copy()).toEqual({ path });
    expect(await target.logins()).toBe(logins + 2);
  });

  it.each([
    "/nix/var/nix/profiles/default/bin",
    "/run/.nix-profile/bin",
    "/run/.local/state/nix/profile/bin",
  ])("finds the Nix that was installed into %s", async (nixIn) => {
    const other = await startNamespaceTarget({ nixIn });
    try {
      await expect(other.sh("nix-store --version")).rejects.toThrow();
      const path = addToStore("for-another-nix", "contents");
      const copy = startDeploying(other, path, {}, { type: "closure" });
      expect(await copy.outputs).toEqual({ path });
      expect(
        await deploy(other, system, { healthChecks: [{ command: "nix-store --version" }] }),
      ).toMatchObject({
        generation: 1,
      });
    } finally {
      await other.stop();
    }
  });

  it("reports that the disk of the host is full, and leaves no partial copy", async () => {
    const big = addToStore("big-file", "x".repeat(60 * 1024 * 1024));
    const error = await failToCopy(big);
    expect(error).toMatch(/No space left on device/);
    expect(error).toContain("nix-collect-garbage");
    expect(await target.sh(`nix-store --check-validity ${big} 2>&1 || true`)).toContain("is not valid");
  });

  it("refuses a path that does not exist, and one that is not valid here", async () => {
    expect(await failToCopy(NOWHERE)).toContain("it exists neither there nor on the deploying machine");
    const invalid = `/nix/store/${"1".repeat(32)}-invalid`;
    writeFileSync(invalid, "");
    try {
      expect(await failToCopy(invalid)).toContain("not valid in the Nix store of the deploying machine");
    } finally {
      rmSync(invalid);
    }
  });

  it("refuses paths that are not systems before it connects", async () => {
    const path = addToStore("no-system", "");
    const logins = await target.logins();
    expect(await failToDeploy(target, path)).toContain("is not a NixOS system: it has no bin/switch-to");
    expect(await failToDeploy(target, "/etc/passwd")).toContain("toplevel: must be a store path");
    expect(await failToDeploy(target, `${system}/bin`)).toContain("toplevel: must be a store path");
    expect(await target.logins()).toBe(logins);
    expect(await failToDeploy(target, NOWHERE)).toContain("it exists neither there nor");
  });

  it("gives one clear error for a key that is refused and for a host that is down", async () => {
    const stranger = await makeSshKey(folder, "stranger");
    const refused = { ...target.connection, privateKey: { file: stranger.file } };
    expect(await failToDeploy({ connection: refused }, system)).toContain("refused the login of root");
    const down = { ...target.connection, port: 1 };
    expect(await failToDeploy({ connection: down }, system)).toContain("cannot connect to 127.0.0.1:1");
    const other = { ...target.connection, hostPublicKeys: [stranger.publicKey] };
    expect(await failToDeploy({ connection: other }, system)).toContain("host key");
  });

  it("copies to two hosts at once where TMPDIR has a long path, and where it runs no programs", async () => {
    const long = join(folder, "x".repeat(60), "y".repeat(60));
    const noexec = join(folder, "noexec");
    const others = await Promise.all([startNamespaceTarget(), startNamespaceTarget()]);
    for (const path of [long, noexec]) mkdirSync(path, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "noexec", "none", noexec]);
    try {
      for (const TMPDIR of [long, noexec]) {
        const path = addToStore(`for-${basename(TMPDIR)}`, "contents");
        const copy = (to: Target) =>
          startDeploying(to, path, {}, { type: "closure", env: { TMPDIR } }).outputs;
        expect(await Promise.all(others.map(copy))).toEqual([{ path }, { path }]);
        for (const other of others) expect(await other.sh(`cat ${path}`)).toBe("contents");
        expect(readdirSync(TMPDIR)).toEqual([]);
      }
    } finally {
      execFileSync("umount", [noexec]);
      await Promise.all(others.map((other) => other.stop()));
    }
  });

  it("leaves no files of the relay behind", () => {
    expect(readdirSync(folder).filter((name) => name.startsWith("nixops4-relay-"))).toEqual([]);
  });

  function startCopying(path: string): Run {
    return startDeploying(target, path, {}, { type: "closure", env: { TMPDIR: folder } });
  }

  async function failToCopy(path: string): Promise<string> {
    return startCopying(path).outputs.then(
      () => "it did not fail",
      (error: Error) => error.message,
    );
  }

  function addToStore(name: string, contents: string): string {
    const file = join(folder, name);
    writeFileSync(file, contents);
    return execFileSync("nix-store", ["--add", file], { encoding: "utf8" }).trim();
  }
});
