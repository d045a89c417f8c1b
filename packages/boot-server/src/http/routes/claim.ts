import { sendJson } from "../answers.ts";
import { bearerToken } from "../bearer-token.ts";
import type { Route } from "../exchange.ts";
import { bodyOf, readJsonBody } from "../json-body.ts";

const validate = bodyOf<{ bootId: string }>({ bootId: { type: "string", pattern: "^[A-Za-z0-9-]{1,64}$" } }, [
  "bootId",
]);

export const claimRoute: Route = {
  method: "POST",
  path: "/jobs/:entry/claim",
  async handle({ req, res, sources, params, address, maxBodyBytes }) {
    const { bootId } = await readJsonBody(req, maxBodyBytes, validate);
    const token = bearerToken(req);
    sendJson(res, 200, await sources.core.claim(params["entry"]!, { token, bootId, address }));
  },
};
