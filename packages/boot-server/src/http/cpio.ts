export interface CpioFile {
  /** Absolute or relative to the root, without `.` and `..` parts. */
  path: string;
  contents: Uint8Array;
  /** Permission bits. */
  mode: number;
}

const DIRECTORY = 0o040755;
const REGULAR = 0o100000;
const BLOCK_BYTES = 512;

/**
 * Returns an archive in cpio's "newc" format, which Linux unpacks as an initial ramdisk
 * (https://docs.kernel.org/driver-api/early-userspace/buffer-format.html). All members belong to root. The folders of a
 * file precede it. The same files always produce the same bytes.
 */
export function cpioArchive(files: readonly CpioFile[]): Buffer {
  const parts: Uint8Array[] = [];
  const made = new Set<string>();
  let inode = 0;
  const add = (member: Omit<CpioFile, "mode"> & { mode: number; links: number }) =>
    parts.push(...encodeMember(member, ++inode));
  for (const { path, contents, mode } of files) {
    const name = path.replace(/^\/+/, "");
    for (const folder of foldersOf(name)) {
      if (made.has(folder)) continue;
      made.add(folder);
      add({ path: folder, contents: new Uint8Array(), mode: DIRECTORY, links: 2 });
    }
    add({ path: name, contents, mode: REGULAR | (mode & 0o7777), links: 1 });
  }
  parts.push(...encodeMember({ path: "TRAILER!!!", contents: new Uint8Array(), mode: 0, links: 1 }, 0));
  return padded(Buffer.concat(parts), BLOCK_BYTES);
}

function foldersOf(name: string): string[] {
  const parts = name.split("/").slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
}

function encodeMember(
  { path, contents, mode, links }: CpioFile & { links: number },
  inode: number,
): Uint8Array[] {
  const name = Buffer.from(`${path}\0`);
  const fields = [inode, mode, 0, 0, links, 0, contents.length, 0, 0, 0, 0, name.length, 0];
  const header = fields.map((field) => field.toString(16).padStart(8, "0").toUpperCase()).join("");
  return [padded(Buffer.concat([Buffer.from(`070701${header}`), name]), 4), padded(contents, 4)];
}

function padded(bytes: Uint8Array, multiple: number): Buffer {
  const missing = -bytes.length & (multiple - 1);
  return Buffer.concat([bytes, Buffer.alloc(missing)]);
}
