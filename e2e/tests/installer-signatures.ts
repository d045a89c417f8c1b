import { randomBytes } from "node:crypto";
import { open, stat, truncate, writeFile } from "node:fs/promises";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
const MIB = 2 ** 20;

/** Makes an empty disk image. */
export async function blankDisk(image: string, mebibytes: number): Promise<void> {
  await writeFile(image, "");
  await truncate(image, mebibytes * MIB);
}

/** Functions that write a signature to a disk, by name. */
export const signatures: Record<string, (image: string) => Promise<void>> = {
  "a partition table": async (image) => {
    const sfdisk = run("sfdisk", ["--quiet", image]);
    sfdisk.child.stdin!.end("label: gpt\n,8M\n,\n");
    await sfdisk;
  },
  "a file system": async (image) => {
    await run("mkfs.ext4", ["-q", "-F", "-L", "precious", image]);
  },
  "swap space": async (image) => {
    await run("mkswap", [image]);
  },
  "a LUKS container": (image) => put(image, 0, Buffer.from("LUKS\xba\xbe\0\x01", "latin1")),
  "a physical volume of LVM": (image) => put(image, 512, lvmLabel()),
  "a member of a RAID": (image) => put(image, 4096, raidSuperblock()),
};

/** Functions that write data that no program detects by a signature, by name. */
export const dataWithoutSignature: Record<string, (image: string) => Promise<void>> = {
  "plain dm-crypt": (image) => put(image, 0, randomBytes(64 * MIB)),
  "a database": (image) => put(image, 40 * MIB, Buffer.from("a row of a table")),
  "data at its very end": async (image) => put(image, (await stat(image)).size - 1, Buffer.from("x")),
  "a large file system without its beginning": async (image) => {
    await truncate(image, 512 * MIB);
    await run("mkfs.ext4", ["-q", "-F", "-b", "4096", "-E", "nodiscard,lazy_itable_init=1", image]);
    await put(image, 0, Buffer.alloc(20 * MIB));
  },
};

async function put(image: string, position: number, bytes: Buffer): Promise<void> {
  const file = await open(image, "r+");
  await file.write(bytes, 0, bytes.length, position);
  await file.close();
}

/** Returns the label that pvcreate writes to the second sector (lvm2, lib/label/label.h). */
function lvmLabel(): Buffer {
  const label = Buffer.alloc(512);
  label.write("LABELONE", 0);
  label.writeBigUInt64LE(1n, 8);
  label.writeUInt32LE(32, 20);
  label.write("LVM2 001", 24);
  label.write("0123456789abcdefghijklmnopqrstuv", 32);
  label.writeUInt32LE(crc32(label.subarray(20), 0xf597a6cf), 16);
  return label;
}

/** Returns the superblock of Linux RAID, version 1.2 (linux/raid/md_p.h). */
function raidSuperblock(): Buffer {
  const block = Buffer.alloc(256);
  block.writeUInt32LE(0xa92b4efc, 0);
  block.writeUInt32LE(1, 4);
  block.fill(7, 16, 32);
  block.write("host:0", 32);
  block.writeBigUInt64LE(8n, 144);
  let sum = 0n;
  for (let at = 0; at < block.length; at += 4) sum += BigInt(block.readUInt32LE(at));
  block.writeUInt32LE(Number(((sum & 0xffffffffn) + (sum >> 32n)) & 0xffffffffn), 216);
  return block;
}

function crc32(bytes: Buffer, initial: number): number {
  let crc = initial;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return crc >>> 0;
}
