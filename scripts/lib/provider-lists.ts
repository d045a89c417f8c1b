// Renders the lists of all providers and types between the marks in README.md and packages/README.md.
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ProviderPackage } from "./providers.ts";
import { root } from "./providers.ts";
import { summaryOf } from "./type-docs.ts";

/** Returns both pages with the current lists, by path. */
export async function pagesWithLists(
  packages: readonly ProviderPackage[],
): Promise<[path: string, text: string][]> {
  const byName = packages.toSorted((a, b) => (a.provider.name < b.provider.name ? -1 : 1));
  const lines = await Promise.all(byName.map(packageLine));
  return Promise.all([
    withList("README.md", typeTable(byName)),
    withList(join("packages", "README.md"), lines.join("\n")),
  ]);
}

async function withList(page: string, list: string): Promise<[path: string, text: string]> {
  const path = join(root, page);
  const [before, rest] = (await readFile(path, "utf8")).split(
    "<!-- providers: written by `npm run gen` -->\n",
  );
  const after = rest?.split("<!-- end of providers -->\n")[1];
  if (after === undefined) throw new Error(`${page} has no place for the list of providers`);
  const place = ["<!-- providers: written by `npm run gen` -->", list, "<!-- end of providers -->"];
  return [path, `${before}${place.join("\n\n")}\n${after}`];
}

function typeTable(packages: readonly ProviderPackage[]): string {
  const rows = packages.flatMap(({ provider }) =>
    provider.resources.map((resource, index) => {
      const page = `docs/reference/${provider.name}.md`;
      const name = index === 0 ? `[\`${provider.name}\`](${page})` : "";
      return [name, `[\`${resource.type}\`](${page}#${resource.type})`, summaryOf(resource)];
    }),
  );
  return table(["provider", "type", "what it is"], rows);
}

/** Renders a Markdown table with aligned columns, as prettier formats it. */
function table(head: string[], rows: string[][]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  return [head, widths.map((width) => "-".repeat(width)), ...rows].map(line).join("\n");
}

async function packageLine({ folder, provider }: ProviderPackage): Promise<string> {
  const name = basename(folder);
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    description: string;
  };
  const types = provider.resources.map(({ type }) => `\`${type}\``).join(", ");
  return `- [${name}](${name}): ${types}. ${manifest.description.replace(/^Provider: (.)/, (_, first: string) => first.toUpperCase())}.`;
}
