import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import { type BootAsset, describeAsset, readAsset } from "./boot-asset.ts";

const { signal } = new AbortController();
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "boot-asset-"));
  path = join(folder, "bzImage");
  await fs.writeFile(path, "a kernel");
});
afterEach(() => fs.rm(folder, { recursive: true }));

async function contentsOf(asset: BootAsset): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of readAsset(asset, signal)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const messageOf = (work: Promise<unknown>) => work.then(() => "", describeError);

it("knows a file by its content and reads it whole", async () => {
  const asset = await describeAsset(path, "kernel", signal);
  expect(asset).toEqual({
    path,
    sha256: "4fff0d3e643b3894c17a0738fbdc591953aa722c9d42774425090accc4377126",
    size: 8,
    storePath: "",
  });
  expect(await contentsOf(asset)).toBe("a kernel");
});

describe("a file that cannot be used", () => {
  const LETTERS = "abcdefghijk".split("");
  const refused = async (name: string) => {
    const message = await messageOf(describeAsset(join(folder, name), "kernel", signal));
    return message.replaceAll(folder, "FOLDER");
  };

  it("is an empty one, or none", async () => {
    await fs.writeFile(path, "");
    expect(await refused("bzImage")).toBe("kernel: cannot use the file FOLDER/bzImage: it is empty");
    expect(await refused("none")).toMatch(/^kernel: cannot use the file FOLDER\/none: /);
    expect(await messageOf(describeAsset("/dev/null", "kernel", signal))).toBe(
      "kernel: cannot use the file /dev/null: it is not a regular file",
    );
  });

  it.each([
    ["nothing in it", [], "nothing", "."],
    ["a kernel in it", ["System.map", "bzImage"], "System.map, bzImage", ", as FOLDER/boot/bzImage."],
    ["other files in it", ["b", "a"], "a, b", ", as FOLDER/boot/a."],
    ["ten files in it", LETTERS.slice(0, 10), "a, b, c, d, e, f, g, h, i, j", ", as FOLDER/boot/a."],
    ["eleven files in it", LETTERS, "a, b, c, d, e, f, g, h, i, j, …", ", as FOLDER/boot/a."],
    [
      "a kernel among many",
      [...LETTERS, "vmlinuz-6"],
      "a, b, c, d, e, f, g, h, i, j, …",
      ", as FOLDER/boot/vmlinuz-6.",
    ],
  ])("is a folder, with %s", async (_, names, shown, example) => {
    await fs.mkdir(join(folder, "boot"));
    await Promise.all(names.map((name) => fs.writeFile(join(folder, "boot", name), "")));
    expect(await refused("boot")).toBe(
      `kernel: cannot use the file FOLDER/boot: it is a folder, with ${shown} in it\nGive the file${example}`,
    );
  });

  it("is a folder with a slash at its end", async () => {
    await fs.mkdir(join(folder, "boot"));
    await fs.writeFile(join(folder, "boot", "linux"), "");
    expect(await refused("boot/")).toMatch(/\nGive the file, as FOLDER\/boot\/linux\.$/);
  });
});

it("knows the path of a file in the Nix store, also behind a link", async () => {
  const before = process.env["NIX_STORE_DIR"];
  process.env["NIX_STORE_DIR"] = await fs.realpath(folder);
  const link = join(await fs.realpath(tmpdir()), `boot-asset-link-${process.pid}`);
  await fs.symlink(path, link);
  try {
    const storePath = await fs.realpath(path);
    expect(await describeAsset(link, "kernel", signal)).toMatchObject({ path: link, storePath });
  } finally {
    if (before === undefined) delete process.env["NIX_STORE_DIR"];
    else process.env["NIX_STORE_DIR"] = before;
    await fs.unlink(link);
  }
});

describe("a file that changes", () => {
  it.each(["a kernem", "a kerne", "a kernel and more"])(
    "to %j before it is sent is not sent as it was",
    async (text) => {
      const asset = await describeAsset(path, "kernel", signal);
      await fs.writeFile(path, text);
      expect(await messageOf(contentsOf(asset))).toBe(
        "it changed while it was being read\nApply again when nothing writes to it any more.",
      );
    },
  );

  it("to more than was hashed is not sent, even if the rest is as it was", async () => {
    await fs.truncate(path, 1024 ** 2);
    const asset = await describeAsset(path, "kernel", signal);
    await fs.appendFile(path, "x");
    expect(await messageOf(contentsOf(asset))).toMatch(/^it changed while it was being read\n/);
  });

  let seconds = 0;
  it.each([
    ["its length", () => fs.appendFile(path, "x")],
    ["its time", () => fs.utimes(path, ++seconds, seconds)],
  ])("in %s while it is hashed is refused", async (_, change) => {
    await fs.truncate(path, 200_000_000);
    const work = messageOf(describeAsset(path, "initrd[0]", signal));
    const timer = setInterval(() => void change(), 5);
    expect(await work).toBe(
      `initrd[0]: cannot use the file ${path}: it changed while it was being read\nApply again when nothing writes to it any more.`,
    );
    clearInterval(timer);
  });
});

it("stops when interrupted", async () => {
  await fs.truncate(path, 200_000_000);
  const interruption = new AbortController();
  const work = messageOf(describeAsset(path, "kernel", interruption.signal));
  setTimeout(() => interruption.abort(new Error("interrupted by SIGINT")), 20);
  expect(await work).toBe("interrupted by SIGINT");
});
