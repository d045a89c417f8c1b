import { HttpError } from "./answers.ts";
import type { Route } from "./exchange.ts";

/**
 * The route of a path as it came in, and its parameters. There are no files behind it, so nothing is normalized:
 * `..`, doubled slashes and the like are simply not found.
 *
 * @throws HttpError 400, 404 or 405
 */
export function findRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): { route: Route; params: Record<string, string> } {
  const segments = path.split("/").map(decodeSegment);
  for (const route of routes) {
    const params = matchSegments(route.path.split("/"), segments);
    if (params === undefined) continue;
    const allowed = route.method === "GET" ? ["GET", "HEAD"] : [route.method];
    if (!allowed.includes(method)) {
      throw new HttpError(405, "not with this method", { Allow: allowed.join(", ") });
    }
    return { route, params };
  }
  throw new HttpError(404, "not found");
}

function decodeSegment(segment: string): string {
  let decoded;
  try {
    decoded = decodeURIComponent(segment);
  } catch {
    throw new HttpError(400, "invalid percent-encoding in the path");
  }
  // eslint-disable-next-line no-control-regex
  if (/[/\\\x00-\x1f\x7f]/.test(decoded)) throw new HttpError(400, "an odd character in the path");
  return decoded;
}

function matchSegments(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, part] of pattern.entries()) {
    const segment = segments[i]!;
    if (part.startsWith(":")) params[part.slice(1)] = segment;
    else if (part !== segment) return undefined;
  }
  return params;
}
