import { sendText } from "../answers.ts";
import type { Route } from "../exchange.ts";
import { genericScript } from "../ipxe-script.ts";

export const genericScriptRoute: Route = {
  method: "GET",
  path: "/boot.ipxe",
  async handle({ res, baseUrl }) {
    sendText(res, genericScript(baseUrl));
  },
};
