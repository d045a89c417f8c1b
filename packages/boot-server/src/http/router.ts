import { HttpError } from "./answers.ts";
import type { Route } from "./exchange.ts";

/**
 * Returns the route for a path, and its parameters. The path is not normalized: no route has `..` or empty segments.
 *
 * @throws HttpError 400 for a malformed path, 404 without a route, 405 for another method
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
      throw new HttpError(405, "method not allowed", { Allow: allowed.join(", ") });
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
  if (/[/\\\x00-\x1f\x7f]/.test(decoded))
    throw new HttpError(400, "the path contains a slash, a backslash or a control character in encoded form");
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
