import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { builtProvider, ProviderProcess } from "@nixops4-providers/e2e";
import { BootLab, ENTRY_ID, MAC } from "./boot-lab.ts";

const OTHER_USER = 65534;
const hasNix = spawnSync("nix-store", ["--version"]).status === 0;
const suite = hasNix ? describe : describe.skip;

suite(`links for Nix's garbage collector${hasNix ? "" : " (skipped: there is no nix-store)"}`, () => {
  let lab: BootLab;
  let folder: string;
  let made: string[];
  beforeEach(async () => {
    lab = await BootLab.start();
    folder = join(lab.folder, "gc-roots");
    made = [];
  });
  afterEach(async () => {
    for (const path of made) spawnSync("nix-store", ["--delete", path]);
    await lab.end();
  });

  /** Adds a new path to the real store. */
  async function storePath(name: string): Promise<string> {
    const { path } = await lab.file(`${name}-${made.length}`, `${name} ${lab.folder}`);
    const stored = execFileSync("nix-store", ["--add", path], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    made.push(stored.trim());
    return stored.trim();
  }

  async function apply(type: string, inputs: object): Promise<void> {
    const provider = new ProviderProcess(builtProvider("pxe-nbp"), { onStderr: () => {} });
    try {
      await provider.create(type, { server: { socket: lab.socket }, gcRootsFolder: folder, ...inputs });
    } finally {
      await provider.close();
    }
  }

  const arm = (kernel: string, contents: string, inputs: object = {}) =>
    apply("boot_entry", { macs: [MAC], kernel, files: { "/nixops4/install.json": { contents } }, ...inputs });
  const roots = async (): Promise<Set<string>> =>
    new Set(await fs.readdir(join(folder, ENTRY_ID)).catch((): string[] => []));
  const canBeCollected = (path: string) => spawnSync("nix-store", ["--delete", path]).status === 0;

  it("keep what an armed entry needs, until its machine is installed", async () => {
    const [kernel, system, secret] = [
      await storePath("kernel"),
      await storePath("system"),
      await storePath("secret"),
    ];
    const elsewhere = "/nix/store/00000000000000000000000000000000-elsewhere";
    await arm(kernel, JSON.stringify({ system, diskoScript: `${elsewhere}/bin/disko` }));
    expect(await roots()).toEqual(new Set([kernel, system].map((path) => basename(path))));
    expect(canBeCollected(kernel)).toBe(false);
    expect(canBeCollected(system)).toBe(false);
    expect(canBeCollected(secret)).toBe(true);

    const installer = await lab.boot();
    await installer.claim();
    await arm(kernel, JSON.stringify({ system }));
    expect(canBeCollected(system)).toBe(false);
    await installer.end("installed", "done", "");
    await apply("installed", { entryId: ENTRY_ID });
    expect(await roots()).toEqual(new Set());
    expect(canBeCollected(system)).toBe(true);
  });

  it("are those of the entry as it was applied last, and none for a machine that is installed", async () => {
    const [kernel, first, second] = [
      await storePath("kernel"),
      await storePath("first"),
      await storePath("second"),
    ];
    await arm(kernel, first);
    await fs.writeFile(join(folder, ENTRY_ID, "a file of somebody"), "");
    await arm(kernel, second);
    expect(canBeCollected(first)).toBe(true);
    expect(canBeCollected(second)).toBe(false);
    await fs.rm(join(folder, ENTRY_ID, "a file of somebody"));

    const installer = await lab.boot();
    await installer.claim();
    await installer.end("installed", "done", "");
    await arm(kernel, second);
    expect(await roots()).toEqual(new Set());
    await arm(kernel, second, { installGeneration: 2 });
    expect(canBeCollected(second)).toBe(false);
    await apply("boot_entry", { macs: [MAC], ensure: "absent" });
    expect(canBeCollected(second)).toBe(true);
  });

  const asRoot = process.geteuid?.() === 0 ? it : it.skip;
  asRoot("are neither made nor removed where another user can change the folder (root only)", async () => {
    const [own, other] = [join(folder, ENTRY_ID), join(lab.folder, "other")];
    for (const path of [own, other]) {
      await fs.mkdir(path, { recursive: true });
      await fs.symlink("/nix/store", join(path, "link"));
    }
    const kernel = await storePath("kernel");
    const spoilings = [
      () => fs.chown(folder, OTHER_USER, OTHER_USER),
      () => fs.chmod(folder, 0o777),
      async () => {
        await fs.rename(own, join(folder, "aside"));
        await fs.symlink(other, own);
        await fs.lchown(own, OTHER_USER, OTHER_USER);
      },
    ];
    for (const spoil of spoilings) {
      await spoil();
      await expect(arm(kernel, "")).rejects.toThrow(
        /gcRootsFolder: cannot keep .*another user|others could change/s,
      );
      await expect(apply("boot_entry", { macs: [MAC], ensure: "absent" })).rejects.toThrow(
        "cannot remove the links",
      );
      await fs.chown(folder, 0, 0);
      await fs.chmod(folder, 0o755);
    }
    for (const path of [other, join(folder, "aside")]) expect(await fs.readdir(path)).toEqual(["link"]);
    expect(canBeCollected(kernel)).toBe(true);
  });

  it("are an error where they cannot be made", async () => {
    await fs.writeFile(folder, "");
    await expect(arm(await storePath("kernel"), "")).rejects.toThrow(
      /gcRootsFolder: cannot keep what 52-54-00-12-34-56 needs from being collected/,
    );
  });
});
