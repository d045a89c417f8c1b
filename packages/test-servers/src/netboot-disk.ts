const SECTOR = 512;
const SECTORS = 64;
const SECTORS_PER_CLUSTER = 2;
// The first sectors of the FAT, its copy, the root folder and the clusters. Cluster numbers start at 2.
const [FAT, FAT_COPY, ROOT, CLUSTERS] = [1, 2, 3, 4] as const;
const [IS_FOLDER, IS_FILE] = [0x10, 0x20] as const;

/** Machine code for both modes of the processor: writes the text at SI to the port in DX, then halts. */
// lodsb; test al, al; jz end; out dx, al; jmp lodsb; end: hlt; jmp end
const WRITE_TEXT = Buffer.from("ac84c07403eeebf8f4ebfd", "hex");

/**
 * Returns the start of a disk of at least 1 MiB. Booted by BIOS or EFI, it writes `line` to the first serial port, and
 * halts.
 */
export function bootableDisk(line: string): Buffer {
  const text = Buffer.from(`${line}\r\n\0`);
  const disk = Buffer.alloc(SECTORS * SECTOR);
  const put = (bytes: Buffer, sector: number) => bytes.copy(disk, sector * SECTOR);
  const putCluster = (bytes: Buffer, cluster: number) =>
    put(bytes, CLUSTERS + (cluster - 2) * SECTORS_PER_CLUSTER);
  put(bootSector(text), 0);
  // A FAT12 table with entries of 12 bits: the medium, a reserved entry, and three chains of one cluster.
  for (const sector of [FAT, FAT_COPY]) put(Buffer.from("f8ffffffffffff0f", "hex"), sector);
  put(folderEntry("EFI        ", IS_FOLDER, 2), ROOT);
  putCluster(folderEntry("BOOT       ", IS_FOLDER, 3), 2);
  putCluster(folderEntry("BOOTX64 EFI", IS_FILE, 4), 3);
  putCluster(efiProgram(text), 4);
  return disk;
}

/** Returns a boot sector with the header of a FAT file system and a program for BIOS. */
function bootSector(text: Buffer): Buffer {
  const sector = Buffer.alloc(SECTOR);
  const codeAt = 0x3e;
  const textAt = codeAt + 10 + WRITE_TEXT.length;
  sector.set([0xeb, codeAt - 2, 0x90]); // jmp to the code
  sector.write("NETBOOT ", 3);
  sector.writeUInt16LE(SECTOR, 11);
  sector[13] = SECTORS_PER_CLUSTER;
  sector.writeUInt16LE(FAT, 14);
  sector[16] = 2; // The number of FATs.
  sector.writeUInt16LE(SECTOR / 32, 17); // The number of entries of the root folder.
  sector.writeUInt16LE(SECTORS, 19);
  sector[21] = 0xf8; // The medium: a hard disk.
  sector.writeUInt16LE(FAT_COPY - FAT, 22);
  sector.set([1, 0, 1, 0], 24); // Sectors per track, and heads.
  sector[38] = 0x29; // The extended boot signature: the next fields are present.
  sector.write("NETBOOT    FAT12   ", 43);
  sector.set([0x31, 0xc0, 0x8e, 0xd8], codeAt); // xor ax, ax; mov ds, ax
  sector.set([0xbe, textAt, 0x7c, 0xba, 0xf8, 0x03, ...WRITE_TEXT], codeAt + 4); // mov si, text; mov dx, 0x3f8
  text.copy(sector, textAt);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** A PE32+ image without anything that can be left out. */
function efiProgram(text: Buffer): Buffer {
  const image = Buffer.alloc(2 * SECTOR);
  image.write("MZ");
  image.writeUInt32LE(0x40, 0x3c);
  image.write("PE", 0x40);
  image.writeUInt16LE(0x8664, 0x44);
  image.writeUInt16LE(1, 0x46); // Sections.
  image.writeUInt16LE(112, 0x54); // The size of the optional header.
  image.writeUInt16LE(0x202, 0x56); // Executable, without symbols.
  const optional = image.subarray(0x58);
  optional.writeUInt16LE(0x20b, 0);
  optional.writeUInt32LE(SECTOR, 4); // Code.
  optional.writeUInt32LE(SECTOR, 16); // Where to start,
  optional.writeUInt32LE(SECTOR, 20); // where code is,
  optional.writeUInt32LE(SECTOR, 32); // alignment in memory,
  optional.writeUInt32LE(SECTOR, 36); // in the file,
  optional.writeUInt32LE(image.length, 56); // size of the image,
  optional.writeUInt32LE(SECTOR, 60); // and of all headers.
  optional.writeUInt16LE(10, 68); // An EFI application.
  const section = optional.subarray(112);
  section.write(".text");
  for (const field of [8, 12, 16, 20]) section.writeUInt32LE(SECTOR, field); // Sizes and places.
  section.writeUInt32LE(0x60000020, 36); // Code, to be read and executed.
  // lea rsi, [rip + …]; mov dx, 0x3f8
  image.set(
    [0x48, 0x8d, 0x35, 4 + WRITE_TEXT.length, 0, 0, 0, 0x66, 0xba, 0xf8, 0x03, ...WRITE_TEXT],
    SECTOR,
  );
  text.copy(image, SECTOR + 11 + WRITE_TEXT.length);
  return image;
}

function folderEntry(name: string, attributes: number, cluster: number): Buffer {
  const entry = Buffer.alloc(32);
  entry.write(name);
  entry[11] = attributes;
  entry.writeUInt16LE(cluster, 26);
  if (attributes === IS_FILE) entry.writeUInt32LE(2 * SECTOR, 28);
  return entry;
}
