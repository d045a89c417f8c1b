import { execFileSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { BootCore } from "../src/core/api.ts";
import { openBootCore } from "../src/service/open-boot-core.ts";
import { initTls } from "../src/tls/init-tls.ts";
import { ADDRESS, MAC, specOf } from "./entries.ts";

const FACTS = { address: ADDRESS, firmware: "efi", architecture: "x86_64" };
const isRoot = process.getuid?.() === 0;
const suite = isRoot ? describe : describe.skip;

suite(`on a file system that is full${isRoot ? "" : " (not root: cannot mount a tmpfs)"}`, () => {
  let folder: string;
  let core: BootCore | undefined;

  beforeEach(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), "full-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", folder]);
  });
  afterEach(async () => {
    await core?.close();
    core = undefined;
    execFileSync("umount", [folder]);
    await fs.rmdir(folder);
  });

  const filler = () => join(folder, "filler");
  /** Fills the disk completely. */
  async function fill(): Promise<void> {
    const handle = await fs.open(filler(), "a");
    try {
      for (const size of [65_536, 4096, 1]) {
        for (;;) {
          const written = await handle.write(Buffer.alloc(size)).catch(() => undefined);
          if (written?.bytesWritten !== size) break;
        }
      }
    } finally {
      await handle.close();
    }
    await expect(fs.writeFile(join(folder, "probe"), "x")).rejects.toMatchObject({ code: "ENOSPC" });
    await fs.rm(join(folder, "probe"), { force: true });
  }

  async function openCore(limits = { minFreeBytes: 0 }): Promise<BootCore> {
    core = await openBootCore({ folder: join(folder, "store"), limits });
    return core;
  }

  async function prepared(limits?: { minFreeBytes: number }): Promise<{ core: BootCore; token: string }> {
    const core = await openCore(limits);
    const spec = specOf();
    for (const { sha256, size } of [spec.kernel, ...spec.initrds]) {
      await fs.writeFile(join(folder, "store", "assets", sha256), Buffer.alloc(size));
    }
    await core.putEntry(spec);
    const decision = await core.startBoot(MAC, FACTS);
    if (decision.kind !== "install") throw new Error(decision.reason);
    return { core, token: core.overlay(decision.bootId, ADDRESS).token };
  }

  it("refuses what it cannot store, keeps what it has, and goes on when there is room", async () => {
    const { core } = await prepared();
    await fill();
    const before = core.getEntry("web");
    const files = [{ path: "/key", contents: "A".repeat(40_000), mode: 0o600, secret: true }];
    await expect(core.putEntry(specOf({ files }))).rejects.toMatchObject({ kind: "unavailable" });
    expect(core.getEntry("web")).toEqual(before);
    expect(core.problem).toContain("ENOSPC");
    // The last page of the journal still has room for a few events.
    let last = before;
    const boots = async () => {
      for (let count = 0; count < 20; count++) {
        await core.startBoot(MAC, FACTS);
        last = core.getEntry("web");
      }
    };
    await expect(boots()).rejects.toMatchObject({ kind: "unavailable" });
    expect(core.getEntry("web")).toEqual(last);
    await fs.rm(filler());
    const claim = { token: last!.boot!.token, bootId: "boot-a", address: ADDRESS };
    expect(await core.claim("web", claim)).toEqual({ generation: 3, attempt: 1 });
    expect(core.problem).toBeUndefined();
    await core.close();
    const again = await openCore();
    expect(again.getEntry("web")).toMatchObject({ phase: "installing", claim: { bootId: "boot-a" } });
  });

  it("keeps a hardware report that it cannot replace", async () => {
    const { core, token } = await prepared();
    await core.reportHardware("web", token, Buffer.from("the first"));
    await fill();
    await expect(core.reportHardware("web", token, Buffer.alloc(40_000))).rejects.toMatchObject({
      kind: "limit",
    });
    expect((await core.hardwareReport("web"))?.toString()).toBe("the first");
    await fs.rm(filler());
    await core.reportHardware("web", token, Buffer.from("the second"));
    expect((await core.hardwareReport("web"))?.toString()).toBe("the second");
    expect(await fs.readdir(join(folder, "store", "hardware"))).toHaveLength(1);
  });

  it("refuses an upload for which there is no room, and leaves nothing of it", async () => {
    const core = await openCore();
    await fill();
    const asset = { sha256: "f".repeat(64), size: 40_000 };
    const data = (async function* () {
      yield Buffer.alloc(40_000);
    })();
    await expect(core.addAsset(asset, data)).rejects.toMatchObject({ kind: "limit" });
    expect(await fs.readdir(join(folder, "store", "assets"))).toEqual([]);
  });

  it("leaves certificates as they were when new ones cannot be written", async () => {
    const tls = join(folder, "tls");
    await fs.mkdir(tls);
    const options = { folder: tls, hosts: ["boot.example.org"], days: 30 };
    await initTls(options);
    const before = await contents(tls);
    await fill();
    const renewed = { ...options, hosts: ["other.example.org"], renew: true };
    await expect(initTls(renewed)).rejects.toThrow("ENOSPC");
    expect(await contents(tls)).toEqual(before);
  });
});

async function contents(folder: string): Promise<Record<string, string>> {
  const names = await fs.readdir(folder);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await fs.readFile(join(folder, name), "utf8")])),
  ) as Record<string, string>;
}
