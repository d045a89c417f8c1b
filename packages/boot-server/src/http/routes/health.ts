import { sendText } from "../answers.ts";
import type { Route } from "../exchange.ts";

export const healthRoute: Route = {
  method: "GET",
  path: "/healthz",
  async handle({ res }) {
    sendText(res, "ok\n");
  },
};
