// What PXELINUX and iPXE read: https://wiki.syslinux.org/wiki/index.php?title=PXELINUX, .../Config, https://ipxe.org/scripting
import type { Violation } from "@nixops4-providers/provider-sdk";
import { MAX_CMDLINE, refuseCmdline } from "../cmdline.ts";

/** The files and the command line to boot. A path is relative to the folder that the files are in, or absolute; or it is a URL. */
export interface BootFiles {
  kernel: string;
  initrds: readonly string[];
  cmdline: string;
}

export type Format = "pxelinux" | "ipxe";

/** The line that marks a file of this resource type. It is a comment in both languages. */
export const MARKER = "# Written by nixops4 (pxe-nbp.tftp_entry): changes will be lost.";

/** PXELINUX may truncate longer file names, according to its documentation. */
const MAX_PXELINUX_PATH = 127;

/** Returns a configuration for PXELINUX. `LINUX`, unlike `KERNEL`, does not guess the type from the file name. */
export function pxelinuxConfig({ kernel, initrds, cmdline }: BootFiles): string {
  return [
    MARKER,
    "DEFAULT linux",
    "LABEL linux",
    `  LINUX ${kernel}`,
    ...(cmdline === "" ? [] : [`  APPEND ${cmdline}`]),
    ...(initrds.length === 0 ? [] : [`  INITRD ${initrds.join(",")}`]),
    "",
  ].join("\n");
}

/** Returns an iPXE script. iPXE resolves relative names from `path`, where the script is. */
export function ipxeScript({ kernel, initrds, cmdline }: BootFiles, path: string): string {
  const up = "../".repeat(path.split("/").length - 1);
  const seen = (file: string) => (isRelative(file) ? up + file : file);
  return [
    "#!ipxe",
    MARKER,
    ["kernel", seen(kernel), ...initrdArguments(initrds), cmdline].join(" ").trim(),
    ...initrds.map((initrd, index) => `initrd --name ${initrdName(index)} ${seen(initrd)}`),
    "boot",
    "",
  ].join("\n");
}

/** Finds missing inputs, and values that the formats cannot express. `initrdPath` returns the path of an initrd in the inputs. */
export function checkBootFiles(
  files: Omit<BootFiles, "kernel"> & { kernel: string | undefined },
  formats: readonly Format[],
  initrdPath: (index: number) => string,
): Violation[] {
  const { kernel, initrds, cmdline } = files;
  const violations: Violation[] = [];
  const add = (path: string, messages: Iterable<string>) =>
    violations.push(...[...messages].map((message) => ({ path, message })));
  add("kernel", kernel === undefined ? ["is required"] : refuseFile(kernel, formats));
  for (const [index, initrd] of initrds.entries()) {
    add(initrdPath(index), refuseFile(initrd, formats));
    if (formats.includes("pxelinux") && initrd.includes(",")) {
      add(initrdPath(index), ["must not contain a comma, which separates files in PXELINUX"]);
    }
  }
  add("cmdline", refuseCmdline(cmdline, formats.includes("ipxe")));
  add("cmdline", refuseLength(initrds, cmdline, formats));
  return violations;
}

function* refuseFile(file: string, formats: readonly Format[]): Iterable<string> {
  if (!/^[\x21-\x7e]+$/.test(file)) yield "must be printable ASCII without spaces, and not empty";
  if (formats.includes("pxelinux") && file.length > MAX_PXELINUX_PATH) {
    yield `must not be longer than ${MAX_PXELINUX_PATH} characters for PXELINUX`;
  }
  if (!formats.includes("ipxe")) return;
  if (file.includes("${")) yield "must not contain ${, which iPXE replaces";
  if (file.startsWith("-")) yield "must not begin with a hyphen: iPXE takes it for an option";
  if (file.includes("::")) yield "must not contain ::, which only PXELINUX knows: use a URL";
  if (!file.includes("://") && /[?#%]/.test(file)) {
    yield "must not contain ?, # or %, which have a meaning in a URL: write a URL";
  }
}

function* refuseLength(
  initrds: readonly string[],
  cmdline: string,
  formats: readonly Format[],
): Iterable<string> {
  const added = {
    pxelinux: initrds.length === 0 ? [] : [`initrd=${initrds.join(",")}`],
    ipxe: initrdArguments(initrds),
  };
  const length = Math.max(...formats.map((format) => [cmdline, ...added[format]].join(" ").length));
  if (length > MAX_CMDLINE) {
    yield `is too long: with what is added for the initrds it has ${length} characters, and kernels take ${MAX_CMDLINE}`;
  }
}

/** Returns the arguments that name the initrds for an EFI kernel. Other kernels ignore them. */
function initrdArguments(initrds: readonly string[]): string[] {
  return initrds.map((_, index) => `initrd=${initrdName(index)}`);
}

function initrdName(index: number): string {
  return `initrd${index}`;
}

function isRelative(file: string): boolean {
  return !file.startsWith("/") && !file.includes("://");
}
