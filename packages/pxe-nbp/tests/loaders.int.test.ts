import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { builtProvider, createResource } from "@nixops4-providers/e2e";

const MAC = "52:54:00:ab:cd:ef";
const FILES = {
  ipxe: "/usr/lib/ipxe/ipxe.lkrn",
  pxelinux: "/usr/lib/PXELINUX/pxelinux.0",
  "syslinux-common": "/usr/lib/syslinux/modules/bios/ldlinux.c32",
};

let root: string;
beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), "loaders-"));
  await fs.mkdir(join(root, "debian"));
  // Has the header of a Linux kernel, and prints its command line.
  await fs.copyFile(FILES.ipxe, join(root, "debian", "linux"));
  await fs.writeFile(join(root, "debian", "initrd.gz"), Buffer.alloc(100_000, 1));
  await createResource(builtProvider("pxe-nbp"), "tftp_entry", {
    root,
    macs: [MAC],
    kernel: "debian/linux",
    initrd: "debian/initrd.gz",
    cmdline: "echo the command line has arrived",
  });
});
afterEach(() => fs.rm(root, { recursive: true }));

suite("iPXE", ["ipxe"], () => {
  it("boots what the script says", async () => {
    const output = await bootFrom("ipxe/01-52-54-00-ab-cd-ef.ipxe");
    expect(output).toMatch(/\.\.\/debian\/linux\.\.\. ok\s+\.\.\/debian\/initrd\.gz\.\.\. ok/);
  }, 240_000);
});

suite("PXELINUX", ["ipxe", "pxelinux", "syslinux-common"], () => {
  it("boots what the configuration file says", async () => {
    await fs.copyFile(FILES.pxelinux, join(root, "pxelinux.0"));
    await fs.copyFile(FILES["syslinux-common"], join(root, "ldlinux.c32"));
    expect(await bootFrom("pxelinux.0")).toMatch(/Loading debian\/linux\.\.\. ok/);
  }, 240_000);
});

function suite(name: string, packages: (keyof typeof FILES)[], tests: () => void): void {
  const missing: string[] = packages.filter((one) => !existsSync(FILES[one]));
  if (spawnSync("qemu-system-x86_64", ["--version"]).error !== undefined) missing.push("qemu-system-x86");
  if (missing.length === 0) describe(name, tests);
  else describe.skip(`${name} (skipped: needs the Debian packages ${missing.join(", ")})`, tests);
}

/** Boots a file with QEMU's TFTP server. Resolves to the console output when the kernel runs. */
async function bootFrom(bootfile: string): Promise<string> {
  const options =
    "-accel tcg -m 256 -nographic -no-reboot -boot n " +
    `-netdev user,id=n,restrict=on,tftp=${root},bootfile=${bootfile} -device virtio-net-pci,netdev=n,mac=${MAC}`;
  const qemu = spawn("qemu-system-x86_64", options.split(" "));
  let output = "";
  try {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not booted in 60 s:\n${output}`)), 60_000);
      qemu.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString("latin1");
        if (!output.includes("the command line has arrived")) return;
        clearTimeout(timer);
        // The firmware may move the cursor in the middle of a word.
        // oxlint-disable-next-line no-control-regex
        resolve(output.replaceAll(/\u001b\[[\d;?]*[A-Za-z]/g, ""));
      });
      qemu.on("error", reject);
    });
  } finally {
    qemu.kill("SIGKILL");
  }
}
