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

  it("while it is hashed is refused", async () => {
    await fs.truncate(path, 200_000_000);
    const work = messageOf(describeAsset(path, "initrd[0]", signal));
    const timer = setInterval(() => void fs.appendFile(path, "x"), 5);
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
