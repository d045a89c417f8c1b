import { PassThrough } from "node:stream";
import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "@jest/globals";
import { HttpError } from "./answers.ts";
import { bodyOf, readBody, readJsonBody } from "./json-body.ts";

const MAX_BYTES = 16;
const validate = bodyOf<{ a: string; b?: { c: number } }>(
  {
    a: { type: "string", maxLength: 3 },
    b: {
      type: "object",
      properties: { c: { type: "number" } },
      required: ["c"],
      additionalProperties: false,
    },
  },
  ["a"],
);

function requestWith(chunks: string[], headers: IncomingMessage["headers"] = {}): IncomingMessage {
  const request = new PassThrough();
  for (const chunk of chunks) request.write(chunk);
  request.end();
  return Object.assign(request, { headers }) as unknown as IncomingMessage;
}

/** Returns the value of a promise, or the status and message of its error. */
async function resultOf(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof HttpError) return `${error.status} ${error.message}`;
    throw error;
  }
}

describe("readBody", () => {
  it.each([
    [[], {}, ""],
    [["a".repeat(16)], {}, "a".repeat(16)],
    [["a".repeat(8), "b".repeat(8)], {}, `${"a".repeat(8)}${"b".repeat(8)}`],
    [["a".repeat(17)], {}, "413 the body is larger than 16 bytes"],
    [["a".repeat(8), "b".repeat(9)], {}, "413 the body is larger than 16 bytes"],
    [[], { "content-length": "16" }, ""],
    [[], { "content-length": "17" }, "413 the body is larger than 16 bytes"],
  ])("of the chunks %j with the headers %j returns %j", async (chunks, headers, expected) => {
    const result = await resultOf(readBody(requestWith(chunks, headers), MAX_BYTES));
    expect(Buffer.isBuffer(result) ? result.toString() : result).toBe(expected);
  });
});

describe("readJsonBody", () => {
  it.each([
    ['{"a":"x"}', { a: "x" }],
    ['{"a":"x","b":{"c":1}}', { a: "x", b: { c: 1 } }],
    ["", "400 the body is not JSON"],
    ['{"a":"SECRET', "400 the body is not JSON"],
    ["[]", "400 the body: must be object"],
    ["{}", "400 a: is required"],
    ['{"a":"SECRET"}', "400 a: must NOT have more than 3 characters"],
    ['{"a":"x","d":"SECRET"}', "400 d: unknown field"],
    ['{"a":1,"b":{}}', "400 a: must be string; b.c: is required"],
    ['{"a":"x","b":{"c":1,"d":2}}', "400 b.d: unknown field"],
    [`{"a":"x","${"d".repeat(70)}":1}`, `400 ${"d".repeat(64)}: unknown field`],
  ])("of %s returns %j", async (text, expected) => {
    expect(await resultOf(readJsonBody(requestWith([text]), 1000, validate))).toEqual(expected);
  });
});
