export interface ByteRange {
  start: number;
  /** The offset of the last byte. */
  end: number;
}

/**
 * Returns the part of `size` bytes that a Range header requests (RFC 9110 section 14.1.2). Returns `undefined` if the
 * header is ignored and everything is sent: for several ranges, for other units, and for a malformed header.
 */
export function parseRange(header: string, size: number): ByteRange | "unsatisfiable" | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header.trim());
  if (match === null || header.trim().toLowerCase() === "bytes=-") return undefined;
  const [, first, last] = match;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(size - 1, Number(last));
  if (first !== "" && last !== "" && Number(last) < start) return undefined;
  return start < size ? { start, end } : "unsatisfiable";
}

/** Returns whether an If-None-Match header lists this entity tag (RFC 9110 section 13.1.2). The tag includes its quotes. */
export function hasEntityTag(header: string, tag: string): boolean {
  return header.split(",").some((one) => ["*", tag].includes(one.trim().replace(/^W\//, "")));
}
