import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { bootOf, entryAfter } from "../../../tests/entries.ts";
import { HttpLab } from "../../../tests/http-lab.ts";
import { memoryStore, type MemoryStore } from "../../../tests/stores.ts";

const TOKEN = "a-token";

let store: MemoryStore;
let lab: HttpLab;

beforeEach(async () => {
  const boot = bootOf({ token: TOKEN });
  store = memoryStore({ entries: [entryAfter([{ kind: "booted", boot }])] });
  lab = await HttpLab.start({}, store);
});
afterEach(async () => lab.end());

/** Returns the status and the body of the answer. */
async function post(path: string, body: unknown, token = TOKEN): Promise<[number, string]> {
  const text = Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const headers = { authorization: `Bearer ${token}` };
  const answer = await lab.get(`/jobs/${path}`, { method: "POST", body: text, headers });
  return [answer.status, answer.text];
}

describe("an installer", () => {
  it("claims the install, reports on it, and ends it", async () => {
    const granted = [200, '{"generation":3,"attempt":1}\n'];
    expect(await post("web/claim", { bootId: "a" })).toEqual(granted);
    expect(await post("web/claim", { bootId: "a" })).toEqual(granted);
    expect((await post("web/claim", { bootId: "b" }))[0]).toBe(409);
    const report = { bootId: "a", stage: "copy", percent: 12.5, message: "half", log: ["x"] };
    expect(await post("web/report", report)).toEqual([200, "{}\n"]);
    expect(lab.core.getEntry("web")).toMatchObject({ phase: "installing", report: { percent: 12.5 } });
    const end = { bootId: "a", stage: "done", outcome: "installed" };
    expect(await post("web/report", end)).toEqual([200, "{}\n"]);
    expect(lab.core.getEntry("web")?.phase).toBe("installed");
  });

  it.each([
    ["claim", { bootId: "a" }],
    ["report", { bootId: "a", stage: "s" }],
    ["hardware", gzipSync("{}")],
  ])("without the token is refused: %s", async (what, body) => {
    const error = '{"error":"no such job, or the token is not that of its latest boot"}\n';
    expect(await post(`web/${what}`, body, "wrong")).toEqual([403, error]);
    expect(await post(`other/${what}`, body)).toEqual([403, error]);
  });

  it.each([
    ["claim", {}, "bootId: is required"],
    ["claim", { bootId: "a/b" }, 'bootId: must match pattern "^[A-Za-z0-9-]{1,64}$"'],
    ["report", { bootId: "a" }, "stage: is required"],
    ["report", { bootId: "a", stage: "" }, "stage: must NOT have fewer than 1 characters"],
    ["report", { bootId: "a", stage: "s", percent: 101 }, "percent: must be <= 100"],
    ["report", { bootId: "a", stage: "s", percent: -1 }, "percent: must be >= 0"],
    ["report", { bootId: "a", stage: "s", log: [1] }, "log.0: must be string"],
    [
      "report",
      { bootId: "a", stage: "s", outcome: "done" },
      "outcome: must be equal to one of the allowed values",
    ],
  ])("is told what is wrong with a %s of %j", async (what, body, error) => {
    expect(await post(`web/${what}`, body)).toEqual([400, `${JSON.stringify({ error })}\n`]);
  });

  it("sends its hardware report in gzip format", async () => {
    const puts: [string, Uint8Array][] = [];
    store.hardware.put = async (id, report) => void puts.push([id, report]);
    const report = gzipSync("{}");
    expect(await post("web/hardware", report)).toEqual([200, "{}\n"]);
    const error = '{"error":"the body is not in gzip format"}\n';
    for (const body of [Buffer.from("{}"), report.subarray(0, 1), report.subarray(1)]) {
      expect(await post("web/hardware", body)).toEqual([400, error]);
    }
    expect(puts).toEqual([["web", report]]);
  });
});
