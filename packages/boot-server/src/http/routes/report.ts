import type { ReportRequest } from "../../core/api.ts";
import { sendJson } from "../answers.ts";
import { bearerToken } from "../bearer-token.ts";
import type { Route } from "../exchange.ts";
import { bodyOf, readJsonBody } from "../json-body.ts";

const validate = bodyOf<ReportRequest>(
  {
    bootId: { type: "string", pattern: "^[A-Za-z0-9-]{1,64}$" },
    stage: { type: "string", minLength: 1, maxLength: 100 },
    percent: { type: "number", minimum: 0, maximum: 100 },
    message: { type: "string" },
    log: { type: "array", items: { type: "string" } },
    outcome: { enum: ["installed", "failed"] },
  },
  ["bootId", "stage"],
);

export const reportRoute: Route = {
  method: "POST",
  path: "/jobs/:entry/report",
  async handle({ req, res, sources, params, maxBodyBytes }) {
    const report = await readJsonBody(req, maxBodyBytes, validate);
    await sources.core.report(params["entry"]!, bearerToken(req), report);
    sendJson(res, 200, {});
  },
};
