import type { Cluster } from "./cluster.ts";
import type { FakeRequest } from "./request.ts";

export interface Call extends FakeRequest {
  cluster: Cluster;
  /** The parameters in the path: node, vmid, storage, … */
  at: Record<string, string>;
}

export type Handler = (call: Call) => unknown;

export interface Route {
  method: string;
  regex: RegExp;
  handler: Handler;
}

/** Defines a route, such as `GET /nodes/:node/qemu`. `:volume` matches the rest of the path. */
export function route(what: string, handler: Handler): Route {
  const [method = "", path = ""] = what.split(" ");
  const pattern = path.replaceAll(
    /:(\w+)/g,
    (_, name: string) => `(?<${name}>${name === "volume" ? ".+" : "[^/]+"})`,
  );
  return { method, regex: new RegExp(`^${pattern}$`), handler };
}
