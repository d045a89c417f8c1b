import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { DEFAULT_LIMITS, type Limits } from "../core/limits.ts";
import type { AssetRef } from "../core/model.ts";
import { openAssets, type Assets } from "./assets.ts";

const BYTES = Buffer.from("a kernel");
const ASSET = assetOf(BYTES);
const OTHER = assetOf(Buffer.from("another kernel"));

let folder: string;
let nixStore: string;

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "assets-"));
  nixStore = join(folder, "nix");
  await fs.mkdir(nixStore);
});
afterEach(async () => fs.rm(folder, { recursive: true }));

function assetOf(bytes: Buffer): AssetRef {
  return { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
}

async function open(limits: Partial<Limits> = {}, store = nixStore): Promise<Assets> {
  return openAssets(join(folder, "assets"), store, { ...DEFAULT_LIMITS, minFreeBytes: 0, ...limits });
}

const stored = async () => fs.readdir(join(folder, "assets"));

async function* chunks(...parts: string[]): AsyncIterable<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

/** Returns "done", or the kind and the message of the refusal. */
async function resultOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "done",
    (error: Error & { kind?: string }) => `${error.kind}: ${error.message}`,
  );
}

describe("an upload", () => {
  it.each([["a kernel"], ["a ", "", "kernel"]])("is stored: %j", async (...parts) => {
    const assets = await open();
    await assets.add(ASSET, chunks(...parts));
    expect(await stored()).toEqual([ASSET.sha256]);
    const file = (await assets.open(ASSET))!;
    const buffer = Buffer.alloc(100);
    expect([await file.read(buffer, 2), buffer.toString("utf8", 0, 6)]).toEqual([6, "kernel"]);
    expect(await file.read(buffer, 8)).toBe(0);
    await file.close();
    expect([file.size, file.sha256]).toEqual([8, ASSET.sha256]);
  });

  it.each([
    ["is too short", ["a kerne"], "the upload had 7 bytes instead of 8"],
    ["is too long", ["a kernel", "s"], "the upload had at least 9 bytes instead of 8"],
    ["is empty", [], "the upload had 0 bytes instead of 8"],
    ["has other bytes", ["a colonel".slice(1)], "the uploaded bytes do not have the announced SHA-256"],
  ])("that %s is refused, and leaves nothing", async (_what, parts, message) => {
    const assets = await open();
    expect(await resultOf(assets.add(ASSET, chunks(...parts)))).toBe(`invalid: ${message}`);
    expect(await stored()).toEqual([]);
  });

  it("that is too long is not read to its end", async () => {
    const assets = await open();
    async function* endless(): AsyncIterable<Uint8Array> {
      for (let i = 0; ; i++) {
        if (i > 2) throw new Error("read on");
        yield Buffer.from("12345");
      }
    }
    expect(await resultOf(assets.add(ASSET, endless()))).toBe(
      "invalid: the upload had at least 10 bytes instead of 8",
    );
  });

  it.each([
    ["too large", { maxAssetBytes: 7 }, "limit: the asset has 8 bytes: the limit is 7 bytes"],
    ["just small enough", { maxAssetBytes: 8 }, "done"],
    ["one too many", { maxAssets: 1 }, "limit: there are already 1 assets, which is the limit"],
    ["the last one", { maxAssets: 2 }, "done"],
    ["too large for the disk", { minFreeBytes: 2 ** 60 }, "limit: the server's disk has no room for 8 bytes"],
  ])("is limited: %s", async (_what, limits, expected) => {
    await (await open()).add(OTHER, chunks("another kernel"));
    expect(await resultOf((await open(limits)).add(ASSET, chunks("a kernel")))).toBe(expected);
  });

  it("is limited to names that are hashes", async () => {
    const assets = await open();
    for (const sha256 of ["../x", "A".repeat(64), "a".repeat(63)]) {
      expect(await resultOf(assets.open({ sha256, size: 1 }))).toBe(
        "invalid: not a SHA-256 in lower-case hexadecimal",
      );
    }
  });

  it("that was interrupted is removed at the next start", async () => {
    await (await open()).add(ASSET, chunks("a kernel"));
    await fs.writeFile(join(folder, "assets", ".upload-1"), "a ker");
    await open();
    expect(await stored()).toEqual([ASSET.sha256]);
  });
});

describe("an asset", () => {
  it("is there only with its size", async () => {
    const assets = await open();
    expect(await assets.has(ASSET)).toBe(false);
    expect(await assets.open(ASSET)).toBeUndefined();
    await assets.add(ASSET, chunks("a kernel"));
    expect(await assets.has(ASSET)).toBe(true);
    const shorter = { ...ASSET, size: 7 };
    expect([await assets.has(shorter), await assets.open(shorter)]).toEqual([false, undefined]);
  });

  it("is not a folder", async () => {
    const assets = await open();
    const path = join(folder, "assets", ASSET.sha256);
    await fs.mkdir(path);
    const { size } = await fs.stat(path);
    expect(await assets.has({ ...ASSET, size })).toBe(false);
  });

  it("that cannot be opened is an error, not missing", async () => {
    const assets = await open();
    await fs.symlink(ASSET.sha256, join(folder, "assets", ASSET.sha256));
    await expect(assets.open(ASSET)).rejects.toThrow("ELOOP");
  });
});

describe("a file of the Nix store", () => {
  const inStore = (name: string) => join(nixStore, name);

  it("is linked, not copied", async () => {
    const assets = await open();
    await fs.writeFile(inStore("kernel"), BYTES);
    await fs.symlink("kernel", inStore("link"));
    expect(await assets.adopt(ASSET, inStore("link"))).toBe(true);
    expect(await fs.readlink(join(folder, "assets", ASSET.sha256))).toBe(
      await fs.realpath(inStore("kernel")),
    );
    expect(await assets.has(ASSET)).toBe(true);
    await fs.rm(inStore("kernel"));
    expect([await assets.has(ASSET), await assets.open(ASSET)]).toEqual([false, undefined]);
  });

  it("may be in a store that is the root folder", async () => {
    const assets = await open({}, "/");
    await fs.writeFile(inStore("kernel"), BYTES);
    expect(await assets.adopt(ASSET, inStore("kernel"))).toBe(true);
  });

  it.each<[string, () => Promise<string>]>([
    ["does not exist", async () => inStore("missing")],
    ["is a folder", async () => nixStore.concat("/")],
    [
      "is a folder in it",
      async () => {
        await fs.mkdir(inStore("folder"));
        return inStore("folder");
      },
    ],
    ["has other bytes", async () => written("kernel", "a colonel".slice(1))],
    ["has another size", async () => written("kernel", "a kernels")],
    ["is outside", async () => written("../kernel", "a kernel")],
    ["is in a folder whose name begins with that of the store", async () => written("../nix2", "a kernel")],
    [
      "is a link to the outside",
      async () => {
        await fs.symlink(await written("../kernel", "a kernel"), inStore("link"));
        return inStore("link");
      },
    ],
  ])("is not used when it %s", async (_what, make) => {
    const assets = await open();
    const path = await make();
    expect(await assets.adopt(ASSET, path)).toBe(false);
    const numbers = await fs.readdir("/proc/self/fd");
    const files = await Promise.all(
      numbers.map(async (number) => fs.readlink(`/proc/self/fd/${number}`).catch(() => "")),
    );
    expect([await stored(), files.filter((file) => file.startsWith(folder))]).toEqual([[], []]);
  });

  it("is not used when it is a folder of the announced size", async () => {
    const assets = await open();
    await fs.mkdir(inStore("folder"));
    const { size } = await fs.stat(inStore("folder"));
    expect(await assets.adopt({ ...ASSET, size }, inStore("folder"))).toBe(false);
  });

  it("is not used when nobody may open it", async () => {
    const assets = await open();
    const { Server } = await import("node:net");
    const server = new Server().listen(inStore("socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    expect(await assets.adopt({ ...ASSET, size: 0 }, inStore("socket"))).toBe(false);
    await new Promise((resolve) => server.close(resolve));
  });

  async function written(name: string, text: string): Promise<string> {
    await fs.writeFile(inStore(name), text);
    return inStore(name);
  }
});

describe("collect", () => {
  it("removes what is not needed, and no uploads that are running", async () => {
    const assets = await open({ assetGraceSeconds: 0 });
    await assets.add(ASSET, chunks("a kernel"));
    await assets.add(OTHER, chunks("another kernel"));
    await fs.writeFile(join(folder, "assets", ".upload-1"), "");
    expect(await assets.collect(new Set([OTHER.sha256]))).toBe(1);
    expect((await stored()).toSorted()).toEqual([".upload-1", OTHER.sha256].toSorted());
  });

  it("keeps what was requested within the grace period, and removes it after that", async () => {
    const assets = await open({ assetGraceSeconds: 3600 });
    await assets.add(ASSET, chunks("a kernel"));
    expect(await assets.collect(new Set())).toBe(0);
    expect(await stored()).toEqual([ASSET.sha256]);
  });

  it("counts the grace period of earlier assets from the start of the service", async () => {
    await (await open()).add(ASSET, chunks("a kernel"));
    expect(await (await open({ assetGraceSeconds: 3600 })).collect(new Set())).toBe(0);
    expect(await (await open({ assetGraceSeconds: 0 })).collect(new Set())).toBe(1);
  });
});
