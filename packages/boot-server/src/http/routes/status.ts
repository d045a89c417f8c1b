import { HttpError } from "../answers.ts";
import type { Route } from "../exchange.ts";

export const statusRoutes: Route[] = ["/", "/status.json", "/status/events"].map((path) => ({
  method: "GET",
  path,
  async handle({ req, res, sources }) {
    if (!(await sources.statusPage?.(req, res))) throw new HttpError(404, "not found");
  },
}));
