/** Shortens a text to `length` characters and an ellipsis. */
export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length).trimEnd()}\u2026`;
}

/** Returns a count with its unit, such as `3 lines`. */
export function count(list: readonly unknown[], unit: string): string {
  return `${list.length} ${unit}${list.length === 1 ? "" : "s"}`;
}

/** Returns a size with its unit, such as `1.5 MiB`. */
export function bytes(count: number): string {
  if (count < 1024) return `${count}\u00a0B`;
  const unit = Math.min(3, Math.floor(Math.log2(count) / 10));
  const scaled = count / 1024 ** unit;
  return `${scaled.toFixed(scaled < 10 ? 1 : 0)}\u00a0${["B", "KiB", "MiB", "GiB"][unit]}`;
}

/** Removes colors and cursor movements, which installers print (ECMA-48 control sequences). */
export function withoutAnsi(line: string): string {
  // eslint-disable-next-line no-control-regex
  return line.replaceAll(/\x1b\[[0-?]*[ -/]*[@-~]/g, "");
}
