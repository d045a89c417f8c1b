import { execFile, spawnSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { filesUnder, startTftpServer } from "@nixops4-providers/tftp-server";
import { builtProvider, createResource, ProviderProcess } from "@nixops4-providers/e2e";

const execute = promisify(execFile);
const MAC = "52:54:00:AB:CD:EF";
const MARKER = "# Written by nixops4 (pxe-nbp.tftp_entry): changes will be lost.";

let folder: string;
let root: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "tftp-entry-"));
  root = join(folder, "tftp");
  await fs.mkdir(root);
});
afterEach(() => fs.rm(folder, { recursive: true }));

const apply = (inputs: object) =>
  createResource(builtProvider("pxe-nbp"), "tftp_entry", {
    root,
    macs: [MAC],
    kernel: "debian/linux",
    initrd: "debian/initrd.gz",
    cmdline: ["console=ttyS0", "quiet"],
    ...inputs,
  });
const pxelinuxFile = () => join(root, "pxelinux.cfg", "01-52-54-00-ab-cd-ef");
const ipxeFile = () => join(root, "ipxe", "01-52-54-00-ab-cd-ef.ipxe");

async function snapshot() {
  const names = (await fs.readdir(root, { recursive: true })).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const { ino, mode, mtimeMs, ctimeMs } = await fs.lstat(join(root, name));
      return { name, ino, mode, mtimeMs, ctimeMs };
    }),
  );
}

describe("present", () => {
  it("writes both files, and again writes nothing", async () => {
    expect(await apply({})).toEqual({ paths: [pxelinuxFile(), ipxeFile()] });
    expect(await fs.readFile(pxelinuxFile(), "utf8")).toBe(
      `${MARKER}\nDEFAULT linux\nLABEL linux\n  LINUX debian/linux\n  APPEND console=ttyS0 quiet\n  INITRD debian/initrd.gz\n`,
    );
    expect(await fs.readFile(ipxeFile(), "utf8")).toBe(
      `#!ipxe\n${MARKER}\nkernel ../debian/linux initrd=initrd0 console=ttyS0 quiet\ninitrd --name initrd0 ../debian/initrd.gz\nboot\n`,
    );
    const before = await snapshot();
    await apply({});
    expect(await snapshot()).toEqual(before);
  });

  it("rewrites a file that changed, and sets its mode", async () => {
    await apply({});
    const { ino } = await fs.stat(ipxeFile());
    await apply({ formats: ["ipxe"], cmdline: "quiet", mode: "0640" });
    const after = await fs.stat(ipxeFile());
    expect(after.ino).not.toBe(ino);
    expect(after.mode & 0o7777).toBe(0o640);
    await apply({ formats: ["ipxe"], cmdline: "quiet" });
    const { ino: sameIno, mode } = await fs.stat(ipxeFile());
    expect({ ino: sameIno, mode: mode & 0o7777 }).toEqual({ ino: after.ino, mode: 0o644 });
  });

  it("makes folders and files that the server can read, whatever the umask", async () => {
    const provider = new ProviderProcess("sh", {
      args: ["-c", `umask 077; exec ${builtProvider("pxe-nbp")}`],
      onStderr: () => {},
    });
    await provider.create("tftp_entry", { root, macs: [MAC], kernel: "linux", ipxePath: "a/b/{mac}.ipxe" });
    await provider.close();
    const modes = (await snapshot()).map(({ name, mode }) => [name, (mode & 0o7777).toString(8)]);
    expect(modes).toEqual([
      ["a", "755"],
      ["a/b", "755"],
      ["a/b/52-54-00-ab-cd-ef.ipxe", "644"],
      ["pxelinux.cfg", "755"],
      ["pxelinux.cfg/01-52-54-00-ab-cd-ef", "644"],
    ]);
  });

  it("writes for many machines at once into one folder", async () => {
    const macs = Array.from({ length: 8 }, (_, i) => `52:54:00:00:00:0${i}`);
    await Promise.all(macs.map((mac) => apply({ macs: [mac] })));
    expect(await fs.readdir(join(root, "pxelinux.cfg"))).toHaveLength(8);
    expect(await fs.readdir(join(root, "ipxe"))).toHaveLength(8);
  });
});

describe("absent", () => {
  it("removes what it wrote, and nothing else", async () => {
    await apply({});
    await fs.writeFile(join(root, "pxelinux.cfg", "default"), "DEFAULT local\n");
    expect(await apply({ ensure: "absent", kernel: null })).toEqual({ paths: [] });
    expect((await snapshot()).map(({ name }) => name)).toEqual([
      "ipxe",
      "pxelinux.cfg",
      "pxelinux.cfg/default",
    ]);
    expect(await apply({ ensure: "absent" })).toEqual({ paths: [] });
  });
});

describe("what is not ours", () => {
  beforeEach(async () => {
    await fs.mkdir(join(root, "ipxe"));
    await fs.writeFile(ipxeFile(), "#!ipxe\nshell\n");
  });

  it.each(["present", "absent"])("is refused before anything is written (%s)", async (ensure) => {
    const before = await snapshot();
    await expect(apply({ ensure })).rejects.toThrow(
      `${ipxeFile()} was not written by this resource type\nIt was left as it is. Move it away, or set \`overwrite = true\``,
    );
    expect(await snapshot()).toEqual(before);
  });

  it("is replaced, or removed, when allowed", async () => {
    await apply({ overwrite: true });
    expect(await fs.readFile(ipxeFile(), "utf8")).toContain(MARKER);
    await fs.writeFile(ipxeFile(), "#!ipxe\nshell\n");
    await apply({ overwrite: true, ensure: "absent" });
    await expect(fs.stat(ipxeFile())).rejects.toThrow("ENOENT");
  });
});

describe("symbolic links", () => {
  it("do not lead out of the root", async () => {
    await fs.mkdir(join(folder, "outside"));
    await fs.symlink("../outside", join(root, "pxelinux.cfg"));
    await expect(apply({})).rejects.toThrow(
      `${join(root, "pxelinux.cfg")} leads out of ${root}, to ${join(folder, "outside")}`,
    );
    expect(await fs.readdir(join(folder, "outside"))).toEqual([]);
    expect(await fs.readdir(root)).toEqual(["pxelinux.cfg"]);
  });

  it("may be on the way inside the root, and be the root", async () => {
    await fs.mkdir(join(root, "configs"));
    await fs.symlink("configs", join(root, "pxelinux.cfg"));
    await fs.symlink("tftp", join(folder, "srv"));
    const { paths } = await apply({ root: join(folder, "srv"), formats: ["pxelinux"] });
    expect(paths).toEqual([join(root, "configs", "01-52-54-00-ab-cd-ef")]);
  });

  it("are not written through", async () => {
    await fs.mkdir(join(root, "ipxe"));
    await fs.symlink("../other", ipxeFile());
    await fs.writeFile(join(root, "other"), `${MARKER}\n`);
    await expect(apply({ overwrite: true })).rejects.toThrow(`${ipxeFile()} is not a regular file`);
  });
});

describe("errors", () => {
  it("name every bad input", async () => {
    const inputs = {
      macs: [MAC, "52:54"],
      kernel: "${net0/mac}",
      initrd: ["a", "b,c"],
      cmdline: "a && b\nc",
      ipxePath: "../{mac}.ipxe",
    };
    const message = await apply(inputs).then(() => "", String);
    expect(message.split("\n").slice(1).toSorted()).toEqual([
      "  cmdline: must be printable ASCII on one line",
      "  cmdline: must not have &&, ||, ; or a # at the beginning of a word: iPXE ends a command there",
      "  initrd[1]: must not contain a comma, which separates files in PXELINUX",
      "  ipxePath: must be a path relative to root, without empty parts, . and ..",
      "  kernel: must not contain ${, which iPXE replaces",
      "  macs[1]: must be a MAC address: six pairs of hexadecimal digits with colons or hyphens between them",
    ]);
    await expect(apply({ kernel: null })).rejects.toThrow("kernel: is required");
  });

  it("say what to do about the root", async () => {
    await expect(apply({ root: join(folder, "nowhere") })).rejects.toThrow(
      /root: cannot use the folder .*nowhere: ENOENT.*\nGive the folder that the TFTP server serves/s,
    );
    await fs.writeFile(join(folder, "file"), "");
    await expect(apply({ root: join(folder, "file") })).rejects.toThrow("it is not a folder");
  });
});

const missing = spawnSync("tftp", ["-V"]).error === undefined ? "" : " (skipped: tftp-hpa is not installed)";
const suite = missing === "" ? describe : describe.skip;

suite(`a TFTP client${missing}`, () => {
  it("gets the files", async () => {
    await apply({});
    const server = await startTftpServer({ address: "127.0.0.1", port: 0, open: filesUnder(root) });
    try {
      for (const path of [pxelinuxFile(), ipxeFile()]) {
        const copy = join(folder, "copy");
        const name = path.slice(root.length + 1);
        await execute("tftp", ["-m", "binary", "127.0.0.1", String(server.port), "-c", "get", name, copy]);
        expect(await fs.readFile(copy, "utf8")).toBe(await fs.readFile(path, "utf8"));
      }
    } finally {
      await server.stop({ graceSeconds: 0 });
    }
  });
});
