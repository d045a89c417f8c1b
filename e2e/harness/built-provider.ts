import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

export const binFolder = join(import.meta.dirname, "../../dist/bin");

const PREFIX = "nixops4-resources-";

/** Returns the path of a provider's executable, such as that of `ssh`, in dist/bin. */
export function builtProvider(name: string): string {
  const executable = join(binFolder, PREFIX + name);
  if (existsSync(executable)) return executable;
  const names = existsSync(binFolder) ? readdirSync(binFolder).filter((file) => file.startsWith(PREFIX)) : [];
  const built = names.map((file) => file.slice(PREFIX.length)).join(", ");
  throw new Error(`no provider "${name}" has been built (${built || "none"} has): run \`npm run build\``);
}
