import { existsSync, readFileSync } from "node:fs";

/**
 * Lets Nix build as root when its group of build users does not exist, for example after `apt-get install nix-bin`
 * without recommended packages. Applies to this process and its children.
 */
export function buildWithoutBuildUsers(): void {
  const configured = ["/etc/nix/nix.conf"].some((file) => /^\s*build-users-group\b/m.test(read(file)));
  if (process.getuid?.() !== 0 || configured || /^nixbld:/m.test(read("/etc/group"))) return;
  process.env["NIX_CONFIG"] = `build-users-group =\n${process.env["NIX_CONFIG"] ?? ""}`;
}

function read(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
