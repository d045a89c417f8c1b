// Implements `npm run provider -- describe TYPE`, which prints the reference of a resource type.
import type { Provider, ResourceType } from "@nixops4-providers/provider-sdk";
import { providerPackages } from "./providers.ts";
import { renderType } from "./reference.ts";

/**
 * Returns the reference of a type, such as `ssh.file`. The provider may be left out, as in `host_key`, when only one
 * has the type.
 */
export async function describeType(name: string): Promise<string> {
  const all = (await providerPackages()).flatMap(({ provider }) =>
    provider.resources.map((resource) => ({ provider, resource })),
  );
  const found = all.filter((one) => [fullName(one), one.resource.type].includes(name));
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return forTerminal(renderType(only.provider, only.resource));
  const candidates = (found.length === 0 ? all : found).map(fullName).join(", ");
  const problem = found.length === 0 ? "there is no resource type" : "several providers have a resource type";
  throw new Error(`${problem} ${JSON.stringify(name)}: name one of ${candidates}`);
}

function fullName({ provider, resource }: { provider: Provider; resource: ResourceType }): string {
  return `${provider.name}.${resource.type}`;
}

/** Removes the targets of links and the trailing spaces that break lines. */
function forTerminal(markdown: string): string {
  return markdown.replaceAll(/\[([^\]]+)\]\([^)]*\)/g, "$1").replaceAll(/ {2}$/gm, "");
}
