import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { debianRoot } from "./debian-root.ts";

const INIT = fileURLToPath(new URL("./netboot-linux.sh", import.meta.url));

/** The files that {@link netbootLinux} makes. */
export interface NetbootLinux {
  kernel: string;
  initrd: string;
}

/**
 * Writes Debian's kernel and an initial ramdisk into `folder`. The system prints its command line and all added files
 * to the serial port. Then it runs `/nixops4/test-script` of the overlay. Without one, it claims the job, reports
 * success, and powers the machine off.
 */
export async function netbootLinux(folder: string): Promise<NetbootLinux> {
  const root = await debianRoot();
  const [base, init] = await Promise.all([readFile(root.initrd), readFile(INIT)]);
  const initrd = join(folder, "initrd");
  // The kernel unpacks both archives, one after the other, so this /init replaces the first one.
  await writeFile(initrd, Buffer.concat([base, archiveOf("init", init)]));
  return { kernel: root.kernel, initrd };
}

/** Returns a newc archive with one executable file. */
function archiveOf(name: string, content: Buffer): Buffer {
  return Buffer.concat([member(name, content, 0o100755), member("TRAILER!!!", Buffer.alloc(0), 0)]);
}

function member(name: string, content: Buffer, mode: number): Buffer {
  const fields = [0, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}${name}\0`;
  return Buffer.concat([padded(Buffer.from(header)), padded(content)]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
