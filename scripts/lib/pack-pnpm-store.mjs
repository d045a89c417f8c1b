// Packs the archive of a pnpm store. scripts/pnpm-deps-hash.ts runs it as `node pack-pnpm-store.mjs <tar file>
// <target>`, on a Node with the right zstd.
import { readFileSync, writeFileSync } from "node:fs";
import { constants, zstdCompressSync } from "node:zlib";

const BLOCK = 512;

/** Changes an archive of GNU tar 1.34 into what 1.35 writes: only devices have device numbers. */
function withoutDeviceNumbers(archive) {
  for (let at = 0; archive[at] !== undefined && archive[at] !== 0;) {
    const header = archive.subarray(at, at + BLOCK);
    header.fill(0, 329, 345);
    header.fill(" ", 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    const size = Number.parseInt(header.toString("latin1", 124, 135), 8);
    at += BLOCK * (1 + Math.ceil(size / BLOCK));
  }
  return archive;
}

const [source = "", target = ""] = process.argv.slice(2);
// The zstd program compresses in a thread and does not store the size of its input. Both change the output.
const params = {
  [constants.ZSTD_c_compressionLevel]: 3,
  [constants.ZSTD_c_checksumFlag]: 1,
  [constants.ZSTD_c_contentSizeFlag]: 0,
  [constants.ZSTD_c_nbWorkers]: 1,
};
const archive = withoutDeviceNumbers(readFileSync(source));
writeFileSync(target, zstdCompressSync(archive, { params, chunkSize: 1 << 20 }));
