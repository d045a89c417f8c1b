import type { Endpoint } from "./endpoint.ts";
import { openLink, type Link } from "./link.ts";

/** Opens the links of a route that are not open yet, and adds each to `links`, also when a later one fails. */
export async function openRoute(
  endpoints: readonly Endpoint[],
  links: Link[],
  signal: AbortSignal,
): Promise<void> {
  const broken = links.findIndex((link) => link.lost !== undefined);
  if (broken !== -1) endLinks(links.splice(broken));
  for (const endpoint of endpoints.slice(links.length)) {
    links.push(await openLink(endpoint, links.at(-1), signal));
  }
}

export function endLinks(links: readonly Link[]): void {
  for (const link of links.toReversed()) link.end();
}
