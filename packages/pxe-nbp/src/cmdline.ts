import { Type } from "@nixops4-providers/provider-sdk";
import { asList } from "./one-or-more.ts";

/** The limit of the kernels for x86 and 64-bit ARM (COMMAND_LINE_SIZE), without the final NUL. */
export const MAX_CMDLINE = 2047;

export const cmdlineField = Type.Union([Type.String(), Type.Array(Type.String())], {
  default: "",
  description:
    "The kernel's command line. A list is joined by spaces. Do not put secrets into it: every process on the machine " +
    "can read it.",
});

export function joinCmdline(cmdline: string | readonly string[]): string {
  return asList(cmdline).join(" ").trim();
}

/** Yields the violations of a command line that loaders cannot pass to the kernel. See `system` in iPXE's src/core/exec.c. */
export function* refuseCmdline(cmdline: string, ipxe: boolean): Iterable<string> {
  if (/[^\x20-\x7e]/.test(cmdline)) yield "must be printable ASCII on one line";
  if (cmdline.includes("initrd=")) yield "must not contain initrd=, which is added: use the input initrd";
  if (!ipxe) return;
  if (cmdline.includes("${")) yield "must not contain ${, which iPXE replaces";
  const words = cmdline.split(/\s+/);
  const separator = words.find((word) => ["&&", "||", ";"].includes(word) || word.startsWith("#"));
  if (separator !== undefined) {
    yield "must not have &&, ||, ; or a # at the beginning of a word: iPXE ends a command there";
  }
  if (cmdline.endsWith("\\")) yield "must not end with a backslash: iPXE goes on with the next line";
  if (/"[^" ]*(?: [^" ]+)* {2}/.test(cmdline))
    yield "must not have two spaces in a row inside quotes: iPXE makes them one";
}
