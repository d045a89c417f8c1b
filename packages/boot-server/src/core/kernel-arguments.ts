/**
 * The words of the command line that follow the kernel's name. The initrds are named for EFI, where the kernel asks
 * iPXE for them; elsewhere it gets all of them.
 */
export function kernelArguments(initrds: number, cmdline: string, firmware: string): string[] {
  const named =
    firmware === "efi" ? [...initrdNames(initrds), "overlay"].map((name) => `initrd=${name}`) : [];
  const own = cmdline.split(" ").filter((word) => word !== "" && !word.startsWith("initrd="));
  return [...named, ...own];
}

/** The names by which iPXE knows them. */
export function initrdNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `initrd${i}`);
}

/** What a kernel gets at most, in characters: iPXE for EFI puts the image's name in front, and may name one initrd more. */
export function commandLineLength(initrds: number, cmdline: string): number {
  return ["kernel", ...kernelArguments(initrds, cmdline, "efi"), "initrd=initrd.magic"].join(" ").length;
}
