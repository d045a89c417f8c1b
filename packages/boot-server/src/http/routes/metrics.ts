import { HttpError, sendText } from "../answers.ts";
import type { Route } from "../exchange.ts";

export const metricsRoute: Route = {
  method: "GET",
  path: "/metrics",
  async handle({ res, sources }) {
    const metrics = await sources.metrics?.();
    if (metrics === undefined) throw new HttpError(404, "not found");
    sendText(res, metrics.text, metrics.contentType);
  },
};
