import { commandLineLength } from "./kernel-arguments.ts";
import type { Limits } from "./limits.ts";
import type { AssetRef, EntrySpec, OverlayFile } from "./model.ts";
import { Refusal } from "./refusal.ts";

/** Refuses an invalid entry, with one error that lists all violations. */
export function checkSpec(spec: EntrySpec, limits: Limits): void {
  const violations = [...generalViolations(spec, limits), ...fileViolations(spec.files, limits)];
  if (violations.length === 0) return;
  throw new Refusal(
    "invalid",
    `the entry ${JSON.stringify(spec.id)} is not valid:\n${violations.join("\n")}`,
  );
}

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

function* generalViolations(spec: EntrySpec, limits: Limits): Iterable<string> {
  const { id, macs, kernel, initrds, cmdline } = spec;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(id)) {
    yield "id: must be 1 to 128 letters, digits, dots, underscores and hyphens, the first a letter or digit";
  }
  if (macs.length === 0 || macs.length > limits.maxMacs) yield `macs: must be 1 to ${limits.maxMacs}`;
  for (const [i, mac] of macs.entries()) {
    if (!MAC.test(mac)) {
      yield `macs.${i}: ${JSON.stringify(mac)} is no MAC address in lower case with colons, such as 52:54:00:12:34:56`;
    } else if (Number.parseInt(mac.slice(0, 2), 16) & 1) yield `macs.${i}: ${mac} is a group address`;
    else if (mac === "00:00:00:00:00:00") yield `macs.${i}: ${mac} is not the address of a network card`;
    if (macs.indexOf(mac) !== i) yield `macs.${i}: ${mac} is listed twice`;
  }
  yield* assetViolations("kernel", kernel, limits);
  if (initrds.length > limits.maxInitrds) yield `initrds: must be at most ${limits.maxInitrds}`;
  for (const [i, initrd] of initrds.entries()) yield* assetViolations(`initrds.${i}`, initrd, limits);
  const length = commandLineLength(initrds.length, cmdline);
  if (length > limits.maxKernelArguments) {
    yield `cmdline: is too long: with the names of the initrds it has ${length} characters, and the limit is ${limits.maxKernelArguments}`;
  }
  // eslint-disable-next-line no-control-regex
  if (/[^\x20-\x7e]/.test(cmdline)) yield "cmdline: must be printable ASCII on one line";
  if (cmdline.includes("${")) yield "cmdline: must not contain ${, which iPXE replaces";
  yield* integerViolations("installGeneration", spec.installGeneration, 1, 2 ** 31);
  yield* integerViolations("expireSeconds", spec.expireSeconds, 60, 10 * 365 * 86_400);
  yield* integerViolations("silenceSeconds", spec.silenceSeconds, 10, 30 * 86_400);
  if (
    spec.login !== undefined &&
    !/^[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9:][A-Za-z0-9:.-]{0,252}$/.test(spec.login)
  ) {
    yield `login: ${JSON.stringify(spec.login)} is not of the form root@10.0.0.11`;
  }
}

function* assetViolations(path: string, { sha256, size }: AssetRef, limits: Limits): Iterable<string> {
  if (!/^[0-9a-f]{64}$/.test(sha256)) yield `${path}.sha256: must be 64 lower-case hexadecimal digits`;
  yield* integerViolations(`${path}.size`, size, 1, limits.maxAssetBytes);
}

function* integerViolations(path: string, value: number, least: number, most: number): Iterable<string> {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    yield `${path}: must be a whole number from ${least} to ${most}`;
  }
}

function* fileViolations(files: readonly OverlayFile[], limits: Limits): Iterable<string> {
  if (files.length > limits.maxFiles) yield `files: must be at most ${limits.maxFiles}`;
  const bytes = files.reduce((sum, { contents }) => sum + Buffer.byteLength(contents, "base64"), 0);
  if (bytes > limits.maxOverlayBytes)
    yield `files: have ${bytes} bytes together, and the limit is ${limits.maxOverlayBytes}`;
  const paths = files.map(({ path }) => path);
  const pathBytes = paths.reduce((sum, path) => sum + Buffer.byteLength(path), 0);
  if (pathBytes > limits.maxPathBytes) {
    yield `files: their paths have ${pathBytes} bytes together, and the limit is ${limits.maxPathBytes}`;
  }
  for (const [i, { path, mode }] of files.entries()) {
    const at = `files.${JSON.stringify(path)}`;
    if (!isPlainPath(path))
      yield `${at}: must be absolute, without empty, "." and ".." parts, below 1024 bytes`;
    if (/^\/nixops4(\/(token|job-url|generation))?$/.test(path))
      yield `${at}: is reserved for the boot service`;
    if (paths.indexOf(path) !== i) yield `${at}: is listed twice`;
    if (paths.some((other) => other.startsWith(`${path}/`)))
      yield `${at}: is both a file and the folder of another file`;
    if (!Number.isInteger(mode) || mode < 0 || mode > 0o7777) yield `${at}.mode: must be from 0 to 07777`;
  }
}

function isPlainPath(path: string): boolean {
  const [first, ...parts] = path.split("/");
  return (
    first === "" &&
    parts.length > 0 &&
    !path.includes("\0") &&
    Buffer.byteLength(path) < 1024 &&
    parts.every((part) => part !== "" && part !== "." && part !== "..")
  );
}
