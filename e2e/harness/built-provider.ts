import { join } from "node:path";

export const binFolder = join(import.meta.dirname, "../../dist/bin");

/** The executable that `npm run build` makes of a provider. */
export function builtProvider(
  name: "local" | "ssh-keypair" | "ssh" | "nixos" | "pxe-nbp" | "dns" | "proxmox",
): string {
  return join(binFolder, `nixops4-resources-${name}`);
}
