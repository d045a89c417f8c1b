import { describe, expect, it } from "@jest/globals";
import { type Answer, API_SECRET, withApi } from "../../tests/scripted-api.ts";
import { DnsError } from "../client/dns-error.ts";
import { wallClockSeconds } from "../client/wall-clock.ts";
import type { HttpApi } from "./http.ts";

const TOO_MANY = 429;

/** Answers with these, one after another; the last again and again. */
function inTurn(...answers: (Answer | undefined)[]) {
  let next = 0;
  return () => answers[Math.min(next++, answers.length - 1)];
}

async function errorOf(work: Promise<unknown>): Promise<DnsError> {
  const error = await work.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DnsError);
  return error as DnsError;
}

describe("a request", () => {
  it("has the credential, and a body with its type and length", async () => {
    await withApi(inTurn({ body: {} }), async (api, asked) => {
      await api.request("GET", "/zones");
      await api.request("POST", "/zones", { body: { name: "ü" } });
      const seen = asked.map(({ method, path, headers, body }) => ({
        method,
        path,
        body,
        authorization: headers.authorization,
        accept: headers.accept,
        type: headers["content-type"],
        length: headers["content-length"],
      }));
      const both = { path: "/zones", authorization: `Bearer ${API_SECRET}`, accept: "application/json" };
      expect(seen).toEqual([
        { ...both, method: "GET", body: undefined, type: undefined, length: undefined },
        { ...both, method: "POST", body: { name: "ü" }, type: "application/json", length: "13" },
      ]);
    });
  });

  it.each<[string, Answer, number[] | undefined, unknown]>([
    ["JSON", { body: [1] }, undefined, [1]],
    ["nothing", {}, undefined, undefined],
    ["no JSON", { text: "<html>" }, undefined, undefined],
    ["another status that is expected", { status: 404, body: "none" }, [200, 404], "none"],
  ])("returns %s", async (_, answer, expected, body) => {
    await withApi(inTurn(answer), async (api) => {
      const received = await api.request("GET", "/", expected && { expect: expected });
      expect([received.status, received.body]).toEqual([answer.status ?? 200, body]);
    });
  });

  it.each<[string, Answer, string, boolean]>([
    ["what is missing", { status: 404, body: { error: "none" } }, '404 {"error":"none"}', false],
    ["a text", { status: 400, text: "no\r\n\u001b[31m!" }, "400 no [31m!", false],
    ["nothing", { status: 499 }, "499 ", false],
    ["a redirect", { status: 301, headers: { location: "http://127.0.0.1:1/" } }, "301 ", false],
    ["a timeout", { status: 408 }, "408 ", true],
    ["an internal error", { status: 500 }, "500 ", true],
    ["the credential", { status: 401, body: `bad ${API_SECRET}` }, "401 bad [secret]", false],
    [
      "a credential at the cut",
      { status: 400, text: `${"x".repeat(296)}${API_SECRET}` },
      `400 ${"x".repeat(296)}[sec`,
      false,
    ],
  ])("fails with the text of the server: %s", async (_, answer, said, isTransient) => {
    await withApi(inTurn(answer), async (api, _asked, baseUrl) => {
      const error = await errorOf(api.request("PUT", "/zone"));
      expect(error.message).toBe(`PUT ${baseUrl}/zone failed: ${said}`);
      expect(error.isTransient).toBe(isTransient);
    });
  });

  it("may be repeated when the connection breaks", async () => {
    await withApi(inTurn(undefined), async (api, _asked, baseUrl) => {
      const error = await errorOf(api.request("GET", "/zone"));
      expect([error.message, error.isTransient]).toEqual([`GET ${baseUrl}/zone got no answer`, true]);
    });
  });

  it("ends with the reason of an interruption", async () => {
    const reason = new Error("interrupted by SIGINT");
    const interruption = new AbortController();
    const respond = () => {
      interruption.abort(reason);
      return undefined;
    };
    const work = withApi(respond, (api) => api.request("GET", "/"), { signal: interruption.signal });
    await expect(work).rejects.toBe(reason);
  });
});

describe("a server that asks to slow down", () => {
  const date = (seconds: number) => new Date((wallClockSeconds() + seconds) * 1000).toUTCString();

  it.each<[string, Record<string, string>]>([
    ["for no time", { "retry-after": "0" }],
    ["until a time in the past", { "retry-after": date(-60) }],
  ])("is asked again at once, %s", async (_, headers) => {
    const logged: string[] = [];
    const answers = inTurn({ status: TOO_MANY, headers }, { body: "done" });
    await withApi(
      answers,
      async (api) => {
        expect((await api.request("GET", "/")).body).toBe("done");
      },
      { onLog: (line) => logged.push(line) },
    );
    expect(logged).toEqual(["the server asks to wait for 0 s"]);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ["of seconds", { "retry-after": "900" }, /^the server asks to wait for 900 s$/],
    ["of a date", { "retry-after": date(300) }, /^the server asks to wait for (2\d\d|300) s$/],
    ["that is missing", {}, /^the server asks to wait for 1 s$/],
    ["that is no number", { "retry-after": "soon" }, /^the server asks to wait for 1 s$/],
  ])("is not asked again before the time %s", async (_, headers, logged) => {
    const interruption = new AbortController();
    const lines: string[] = [];
    const onLog = (line: string) => {
      lines.push(line);
      interruption.abort(new Error("interrupted"));
    };
    const work = withApi(
      inTurn({ status: TOO_MANY, headers }),
      async (api, asked) => {
        await expect(api.request("GET", "/")).rejects.toThrow("aborted");
        expect(asked).toHaveLength(1);
      },
      { signal: interruption.signal, onLog },
    );
    await work;
    expect(lines).toEqual([expect.stringMatching(logged)]);
  });

  it("is given up when it asks for more than 900 s", async () => {
    await withApi(inTurn({ status: TOO_MANY, headers: { "retry-after": "901" } }), async (api, asked) => {
      const error = await errorOf(api.request("GET", "/zones"));
      expect(error.message).toBe("GET /zones: the server asks to wait for 901 s more; its quota is used up");
      expect(error.isTransient).toBe(false);
      expect(asked).toHaveLength(1);
    });
  });

  /** Whether a second request waits after an answer with these headers. */
  async function waitsAfter(headers: Record<string, string>): Promise<boolean> {
    const interruption = new AbortController();
    const reason = new Error("interrupted");
    const use = async (api: HttpApi) => {
      await api.request("GET", "/");
      const second = api.request("GET", "/").catch((error: unknown) => error);
      interruption.abort(reason);
      // A wait ends with an error of its own.
      return (await second) !== reason;
    };
    return withApi(inTurn({ headers, body: {} }), use, { signal: interruption.signal });
  }

  const empty = (reset: string) => ({ "ratelimit-remaining": "0", "ratelimit-reset": reset });
  const time = (after: number) => String(Math.floor(wallClockSeconds()) + after);

  it.each<[string, Record<string, string>, boolean]>([
    ["no quota", {}, false],
    ["an empty quota", empty("30"), true],
    ["an empty quota for long", empty("1000000000"), true],
    ["an empty quota until a time", empty(time(600)), true],
    ["an empty quota until a time in the past", empty(time(-60)), false],
    ["an empty quota for no time", empty("0"), false],
    ["an empty quota for a time that is no number", empty("x"), false],
    ["an empty quota without a time", { "ratelimit-remaining": "0" }, false],
    ["a quota that is not empty", { "ratelimit-remaining": "1", "ratelimit-reset": "30" }, false],
    ["a quota of unknown size", { "ratelimit-reset": "30" }, false],
    ["one of two quotas that is empty", { ratelimit: '"day";r=5;t=3, "minute";r=0;t=30' }, true],
    ["two quotas that are not empty", { ratelimit: '"day";r=5;t=30, "minute";r=50;t=30' }, false],
    ["an empty quota in one field for no time", { ratelimit: '"minute";r=0;t=0' }, false],
  ])("says %s", async (_, headers, isWaitedFor) => {
    expect(await waitsAfter(headers)).toBe(isWaitedFor);
  });
});

it("refuses an answer that is too large", async () => {
  const text = Buffer.alloc(64 * 1024 * 1024 + 1, " ");
  await withApi(inTurn({ text }), async (api) => {
    const error = await errorOf(api.request("GET", "/"));
    expect([error.message, error.isTransient]).toEqual(["the answer is too large", false]);
  });
});
