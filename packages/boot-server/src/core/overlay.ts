import { createHash } from "node:crypto";
import type { EntrySpec, OverlayFileInfo, OverlayRef, StoredSpec } from "./model.ts";

/** A file of an overlay with its contents. */
export type OverlayContent = OverlayFileInfo & { contents: Buffer };

/** Splits a spec into the stored spec and the overlay: a line of JSON, then the contents of all files. */
export function splitSpec(spec: EntrySpec): { spec: StoredSpec & { overlay: OverlayRef }; bytes: Buffer } {
  const files = spec.files.map(({ path, mode, secret }) => ({ path, mode, secret }));
  const contents = spec.files.map((file) => Buffer.from(file.contents, "base64"));
  const header = files.map((file, i) => ({ ...file, size: contents[i]!.length }));
  const bytes = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...contents]);
  const overlay = { sha256: sha256Of(bytes), size: bytes.length };
  return { spec: { ...spec, files, overlay }, bytes };
}

/** Reads the files of an overlay. */
export function readOverlay(bytes: Buffer): OverlayContent[] {
  let at = bytes.indexOf(0x0a) + 1;
  const header = JSON.parse(bytes.toString("utf8", 0, at)) as (OverlayFileInfo & { size: number })[];
  return header.map(({ size, ...file }) => ({ ...file, contents: bytes.subarray(at, (at += size)) }));
}

/** Returns whether the bytes have the size and the hash of the overlay. */
export function isOverlay(bytes: Uint8Array, { sha256, size }: OverlayRef): boolean {
  return bytes.length === size && sha256Of(bytes) === sha256;
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
