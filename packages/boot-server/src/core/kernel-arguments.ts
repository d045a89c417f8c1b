/**
 * Returns the words of the command line that follow the kernel's name. An EFI kernel requests the initrds from iPXE by
 * the names on its command line; a BIOS kernel gets all of them.
 */
export function kernelArguments(initrds: number, cmdline: string, firmware: string): string[] {
  const named =
    firmware === "efi" ? [...initrdNames(initrds), "overlay"].map((name) => `initrd=${name}`) : [];
  const own = cmdline.split(" ").filter((word) => word !== "" && !word.startsWith("initrd="));
  return [...named, ...own];
}

/** Returns the names of the initrds in iPXE. */
export function initrdNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `initrd${i}`);
}

/** Returns the greatest length of the command line, in characters: iPXE for EFI adds the image's name, and may add one initrd. */
export function commandLineLength(initrds: number, cmdline: string): number {
  return ["kernel", ...kernelArguments(initrds, cmdline, "efi"), "initrd=initrd.magic"].join(" ").length;
}
