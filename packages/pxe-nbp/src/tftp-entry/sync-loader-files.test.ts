import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type Context, describeError } from "@nixops4-providers/provider-sdk";
import { MARKER } from "./loader-files.ts";
import type { Inputs } from "./schema.ts";
import { syncLoaderFiles } from "./sync-loader-files.ts";

let root: string;
beforeEach(async () => (root = await fs.realpath(await fs.mkdtemp(join(tmpdir(), "loader-files-")))));
afterEach(() => fs.rm(root, { recursive: true }));

const PXELINUX = "pxelinux.cfg/01-52-54-00-12-34-56";
const IPXE = "ipxe/01-52-54-00-12-34-56.ipxe";

/** Returns the paths below the root and the log, or the error. */
async function sync(more: object = {}) {
  const log: string[] = [];
  const context = { log: { info: (line: string) => void log.push(line) } } as unknown as Context;
  const inputs = {
    root,
    macs: ["52:54:00:12:34:56"],
    kernel: "linux",
    initrd: "initrd.gz",
    cmdline: ["quiet", "splash"],
    formats: ["pxelinux", "ipxe"],
    ipxePath: "ipxe/01-{mac}.ipxe",
    mode: "0644",
    overwrite: false,
    ensure: "present",
    ...more,
  } as unknown as Inputs;
  const short = (text: string) => text.replaceAll(`${root}/`, "");
  return syncLoaderFiles({ inputs, previous: undefined }, context).then(
    ({ paths }) => ({ paths: paths.map(short), log: log.map(short) }),
    (error: unknown) => short(describeError(error)),
  );
}
const read = (path: string) => fs.readFile(join(root, path), "utf8");
const modeOf = async (path: string) => ((await fs.stat(join(root, path))).mode & 0o7777).toString(8);
async function put(path: string, contents: string): Promise<void> {
  await fs.mkdir(join(root, path, ".."), { recursive: true });
  await fs.writeFile(join(root, path), contents);
}

describe("the files of a machine", () => {
  it("are written once, with their mode", async () => {
    const paths = [PXELINUX, IPXE];
    expect(await sync()).toEqual({ paths, log: [`wrote ${PXELINUX}`, `wrote ${IPXE}`] });
    expect(await read(PXELINUX)).toContain("  LINUX linux\n  APPEND quiet splash\n  INITRD initrd.gz\n");
    expect(await read(IPXE)).toContain("kernel ../linux initrd=initrd0 quiet splash\n");
    expect(await modeOf(PXELINUX)).toBe("644");
    const { ino } = await fs.stat(join(root, PXELINUX));
    expect(await sync()).toEqual({ paths, log: [] });
    expect((await fs.stat(join(root, PXELINUX))).ino).toBe(ino);
  });

  it("get another mode without being written", async () => {
    await sync();
    const { ino } = await fs.stat(join(root, PXELINUX));
    expect(await sync({ mode: "640" })).toMatchObject({ log: [] });
    expect(await modeOf(PXELINUX)).toBe("640");
    expect((await fs.stat(join(root, PXELINUX))).ino).toBe(ino);
  });

  it("get other contents", async () => {
    await sync();
    expect(await sync({ kernel: "other" })).toMatchObject({ log: [`wrote ${PXELINUX}`, `wrote ${IPXE}`] });
    expect(await read(PXELINUX)).toContain("  LINUX other\n");
  });

  it.each([
    ["pxelinux", [PXELINUX]],
    ["ipxe", [IPXE]],
  ])("are only those of %s", async (format, paths) => {
    expect(await sync({ formats: [format] })).toMatchObject({ paths });
  });

  it("are removed where they exist, for each MAC address", async () => {
    const macs = ["52:54:00:12:34:56", "52:54:00:12:34:57"];
    await sync({ macs });
    await fs.unlink(join(root, IPXE));
    expect(await sync({ macs, ensure: "absent" })).toEqual({
      paths: [],
      log: [PXELINUX, PXELINUX.replace(/6$/, "7"), IPXE.replace("56.", "57.")].map(
        (path) => `removed ${path}`,
      ),
    });
  });
});

describe("a file that is not ours", () => {
  const refusal =
    `${IPXE} was not written by this resource type\n` +
    "It was left as it is. Move it away, or set `overwrite = true` to have it replaced or removed.";
  it.each(["present", "absent"])("stays, with all others, with ensure = %s", async (ensure) => {
    await put(PXELINUX, `${MARKER}\n`);
    // The marker is a whole line.
    await put(IPXE, `echo ${MARKER}\n`);
    expect(await sync({ ensure })).toBe(refusal);
    expect([await read(PXELINUX), await read(IPXE)]).toEqual([`${MARKER}\n`, `echo ${MARKER}\n`]);
  });

  it.each([
    ["present", { paths: [IPXE], log: [`wrote ${IPXE}`] }],
    ["absent", { paths: [], log: [`removed ${IPXE}`] }],
  ])("may be overwritten, with ensure = %s", async (ensure, wanted) => {
    await put(IPXE, "#!ipxe\n");
    expect(await sync({ ensure, formats: ["ipxe"], overwrite: true })).toEqual(wanted);
  });

  it("is ours with the line in it", async () => {
    await put(IPXE, `#!ipxe\n${MARKER}\nboot\n`);
    expect(await sync({ formats: ["ipxe"] })).toMatchObject({ log: [`wrote ${IPXE}`] });
  });

  it("is a folder", async () => {
    await fs.mkdir(join(root, IPXE), { recursive: true });
    expect(await sync({ overwrite: true })).toBe(
      `${IPXE} is not a regular file\nIt was left as it is. Move it away, or choose another path.`,
    );
  });
});

describe("the root", () => {
  const hint = "\nGive the folder that the TFTP server serves, on the machine that runs nixops4.";
  it("must be a folder", async () => {
    await put("file", "");
    expect(await sync({ root: join(root, "file") })).toBe(
      `root: cannot use the folder file: it is not a folder${hint}`,
    );
    expect(await sync({ root: join(root, "none") })).toMatch(/^root: cannot use the folder none: .*\n/);
  });

  it("must not be left by a link", async () => {
    const outside = await fs.mkdtemp(join(tmpdir(), "outside-"));
    await fs.symlink(outside, join(root, "ipxe"));
    expect(await sync({ formats: ["ipxe"] })).toMatch(
      /^cannot (read|write) ipxe\/01-52-54-00-12-34-56\.ipxe: .*\nRemove the symbolic link, or give the folder that it leads to as `root`\.$/,
    );
    expect(await fs.readdir(outside)).toEqual([]);
    await fs.rmdir(outside);
  });

  it("must be able to hold the files", async () => {
    await put("ipxe", "a file");
    const message = await sync({ formats: ["ipxe"] });
    expect(message).toMatch(/^cannot (read|write) ipxe\/01-52-54-00-12-34-56\.ipxe: /);
    expect(message).not.toContain("symbolic link");
  });
});
