import { HttpError, sendText } from "../answers.ts";
import type { Route } from "../exchange.ts";

export const healthRoute: Route = {
  method: "GET",
  path: "/healthz",
  async handle({ res, sources }) {
    const { problem } = sources.core;
    if (problem !== undefined) throw new HttpError(503, problem);
    sendText(res, "ok\n");
  },
};
