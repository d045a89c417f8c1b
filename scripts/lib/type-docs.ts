// Reads the documentation of resource types that is written by hand: the sections of `<type>.md`, and the examples.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type JsonSchema,
  type Provider,
  type ResourceType,
  takesExactlyOne,
} from "@nixops4-providers/provider-sdk";
import { root, type ProviderPackage } from "./providers.ts";

/** The headings in `<type>.md`, in the order of the reference, each with the heading that the reference uses. */
const SECTIONS = new Map([
  ["Changes", "What a change does"],
  ["Taking over", "Taking over what exists"],
  ["Removal", "Removal"],
  ["Security", "Security"],
  ["Errors", "Common errors"],
]);

/** Returns the first sentence of `<type>.md`, without its final dot. */
export function summaryOf({ docs }: ResourceType): string {
  const [summary = ""] = docs.split(/^## /m);
  return summary.trim().replace(/\.$/, "");
}

/** Returns the sections of a type, with their headings in the reference. */
export function sectionsOf({ docs }: ResourceType): [heading: string, text: string][] {
  const given = parseSections(docs);
  return [...SECTIONS].flatMap(([name, heading]) => {
    const text = given.get(name);
    return text === undefined ? [] : [[heading, text]];
  });
}

/** Returns the examples of a type: `<type>.nix`, then `<type>.<variant>.nix` for each other kind of server. */
export function examplesOf({ name }: Provider, { type }: ResourceType): { variant: string; text: string }[] {
  const folder = join(root, "examples", name);
  const variantOf = (file: string) => file.slice(type.length + 1, -".nix".length);
  return (existsSync(folder) ? readdirSync(folder) : [])
    .filter((file) => file.endsWith(".nix") && (file === `${type}.nix` || file.startsWith(`${type}.`)))
    .map((file) => ({
      variant: file === `${type}.nix` ? "" : variantOf(file),
      text: readFileSync(join(folder, file), "utf8").trim(),
    }))
    .toSorted((one, other) => one.variant.localeCompare(other.variant));
}

/** Returns what is missing in the documentation of the types, one line each. */
export function undocumented(packages: readonly ProviderPackage[]): string[] {
  const security = readFileSync(join(root, "docs", "explanation", "security.md"), "utf8");
  return packages.flatMap(({ provider }) => [
    ...(security.includes(`\n### ${provider.name}\n`)
      ? []
      : [`${provider.name}: docs/explanation/security.md has no section "${provider.name}"`]),
    ...provider.resources.flatMap((resource) =>
      problemsOf(provider, resource).map((problem) => `${provider.name}.${resource.type}: ${problem}`),
    ),
  ]);
}

function problemsOf(provider: Provider, resource: ResourceType): string[] {
  const given = parseSections(resource.docs);
  const missing = [...SECTIONS.keys()].filter((name) => (given.get(name) ?? "") === "");
  const unknown = [...given.keys()].filter((name) => !SECTIONS.has(name));
  const changes = given.get("Changes") ?? "";
  const unsaid = Object.keys(resource.inputs.properties).filter((name) => !changes.includes(`\`${name}\``));
  const file = join("examples", provider.name, resource.type);
  const examples = examplesOf(provider, resource);
  const { server } = resource.inputs.properties as Record<string, JsonSchema>;
  const kinds = server !== undefined && takesExactlyOne(server) ? Object.keys(server.properties ?? {}) : [];
  const unshown = kinds.filter((kind) => !examples.some(({ text }) => text.includes(`server.${kind}`)));
  return [
    ...(examples[0]?.variant === "" ? [] : [`there is no ${file}.nix`]),
    ...unshown.map((kind) => `there is no ${file}.${kind}.nix`),
    ...(/^.+$/.test(summaryOf(resource)) ? [] : ["its docs do not begin with one line that says what it is"]),
    ...missing.map((name) => `its docs have no section "${name}"`),
    ...unknown.map((name) => `its docs have a section "${name}", which the reference does not know`),
    ...(missing.includes("Changes")
      ? []
      : unsaid.map((name) => `the section "Changes" does not say what a change of \`${name}\` does`)),
  ];
}

function parseSections(docs: string): Map<string, string> {
  const [, ...sections] = `\n${docs}`.split(/\n## /);
  return new Map(
    sections.map((section) => {
      const [name = "", ...lines] = section.split("\n");
      return [name.trim(), lines.join("\n").trim()];
    }),
  );
}
