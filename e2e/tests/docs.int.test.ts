import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "@jest/globals";

const root = join(import.meta.dirname, "../..");
const pages = ["README.md", "CONTRIBUTING.md", "examples/README.md", "packages/README.md"].concat(
  readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
);

describe("the documentation", () => {
  it.each(pages)("%s links to pages and headings that exist", (page) => {
    const text = withoutCode(readFileSync(join(root, page), "utf8"));
    const links = [...text.matchAll(/\]\(([^)\s|]+)\)/g)].map(([, link]) => link!);
    const broken = links.filter((link) => !/^https?:/.test(link) && !leadsSomewhere(page, link));
    expect(broken).toEqual([]);
  });

  it("is required for each resource type", () => {
    expect(undocumented(`{ type: "new", docs: "" }`)).toEqual([
      "local.new: there is no examples/local/new.nix",
      "local.new: its docs do not begin with one line that says what it is",
      'local.new: its docs have no section "Changes"',
      'local.new: its docs have no section "Taking over"',
      'local.new: its docs have no section "Removal"',
      'local.new: its docs have no section "Security"',
      'local.new: its docs have no section "Errors"',
    ]);
    const sections = ["Changes", "Taking over", "Removal", "Security", "Errors", "More"]
      .map((name) => `## ${name}\n\nOf \`size\`.\n`)
      .join("\n");
    const docs = `A file.\n\n${sections}`;
    expect(undocumented(`{ type: "file", docs: ${JSON.stringify(docs)} }`)).toEqual([
      'local.file: its docs have a section "More", which the reference does not know',
      'local.file: the section "Changes" does not say what a change of `name` does',
    ]);
  });
});

describe("the common errors of a resource type", () => {
  const code = sourcesOfPackages();

  it.each(typeDocs())("%s are those that the code prints", (path) => {
    const [, errors = ""] = readFileSync(join(root, path), "utf8").split("\n## Errors\n");
    const quotes = [...errors.matchAll(/^- (`[^`]+`)/gm)].map(([, quote]) => quote!.slice(1, -1));
    expect(quotes.length).toBeGreaterThan(0);
    const parts = quotes.flatMap((quote) => quote.split(/…|: /).map((part) => part.trim()));
    expect(parts.filter((part) => part.length > 3 && !code.includes(part))).toEqual([]);
  });
});

function typeDocs(): string[] {
  return readdirSync(join(root, "packages"), { recursive: true, encoding: "utf8" })
    .filter((path) => /^[^/]+\/src\/resources\/[^/]+\.md$/.test(path))
    .map((path) => join("packages", path));
}

/** Returns all source text of the packages, with texts of several lines joined. */
function sourcesOfPackages(): string {
  const files = readdirSync(join(root, "packages"), { recursive: true, encoding: "utf8" }).filter(
    (path) => /^[^/]+\/src\/.*\.(ts|sh)$/.test(path) && !path.endsWith(".test.ts"),
  );
  return files
    .map((path) => readFileSync(join(root, "packages", path), "utf8"))
    .join("\n")
    .replaceAll(/["`] \+\s+["`]/g, "");
}

/**
 * Returns the errors of `npm run check` for a provider `local` with one resource type with inputs `name` and `size`.
 */
function undocumented(resource: string): string[] {
  const script = `
    import { undocumented } from "./scripts/lib/type-docs.ts";
    const inputs = { properties: { name: {}, size: {} } };
    const provider = { name: "local", resources: [{ inputs, ...${resource} }] };
    console.log(JSON.stringify(undocumented([{ folder: "", provider }])));
  `;
  const args = ["--import", "tsx", "--input-type=module", "--eval", script];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as string[];
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : relative(root, join(root, dirname(page), path));
  if (!existsSync(join(root, target))) return false;
  if (anchor === undefined || !target.endsWith(".md")) return true;
  return anchorsOf(withoutCode(readFileSync(join(root, target), "utf8"))).includes(anchor);
}

/** Returns the anchors that GitHub makes from headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, "");
}
