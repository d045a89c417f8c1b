export interface ByteRange {
  start: number;
  /** Of the last byte. */
  end: number;
}

/**
 * The part of `size` bytes that a Range header asks for (RFC 9110 section 14.1.2). `undefined` when all of it is to be
 * sent: several ranges, other units and what is malformed may be ignored.
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

/** Whether an If-None-Match header has this strong entity tag (RFC 9110 section 13.1.2), quotes included. */
export function hasEntityTag(header: string, tag: string): boolean {
  return header.split(",").some((one) => ["*", tag].includes(one.trim().replace(/^W\//, "")));
}
