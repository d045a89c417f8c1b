import { existsSync, readdirSync } from "node:fs";
import { register } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Provider } from "@nixops4-providers/provider-sdk";

export const root = join(import.meta.dirname, "..", "..");

export interface ProviderPackage {
  folder: string;
  provider: Provider;
}

// Packages import shell scripts and Markdown files as strings.
register("./text-files.mjs", import.meta.url);

/** Returns every package that has a `src/provider.ts`, sorted by name. */
export async function providerPackages(): Promise<ProviderPackage[]> {
  const folders = readdirSync(join(root, "packages"))
    .map((name) => join(root, "packages", name))
    .filter((folder) => existsSync(join(folder, "src", "provider.ts")));
  return Promise.all(
    folders.toSorted().map(async (folder) => {
      const module = pathToFileURL(join(folder, "src", "provider.ts")).href;
      const { provider } = (await import(module)) as { provider: Provider };
      return { folder, provider };
    }),
  );
}

/** Returns every package that has a `src/main.ts` and is not a provider. */
export function servicePackages(): { folder: string; executable: string }[] {
  return readdirSync(join(root, "packages"))
    .filter((name) => existsSync(join(root, "packages", name, "src", "main.ts")))
    .filter((name) => !existsSync(join(root, "packages", name, "src", "provider.ts")))
    .map((name) => ({ folder: join(root, "packages", name), executable: `nixops4-${name}` }));
}
