import { HttpError, sendJson } from "../answers.ts";
import { bearerToken } from "../bearer-token.ts";
import type { Route } from "../exchange.ts";
import { readBody } from "../json-body.ts";

const GZIP = Buffer.from([0x1f, 0x8b]);

/** Stores the report as it was received. Clients that request it over gRPC decompress it. */
export const hardwareRoute: Route = {
  method: "POST",
  path: "/jobs/:entry/hardware",
  async handle({ req, res, sources, params, maxBodyBytes }) {
    const report = await readBody(req, maxBodyBytes);
    if (!report.subarray(0, 2).equals(GZIP)) throw new HttpError(400, "the body is not in gzip format");
    await sources.core.reportHardware(params["entry"]!, bearerToken(req), report);
    sendJson(res, 200, {});
  },
};
