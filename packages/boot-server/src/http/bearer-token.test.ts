import type { IncomingMessage } from "node:http";
import { expect, it } from "@jest/globals";
import { bearerToken } from "./bearer-token.ts";

it.each([
  ["Bearer token", "token"],
  ["bearer  token", "token"],
  [`Bearer ${"x".repeat(256)}`, "x".repeat(256)],
  [`Bearer ${"x".repeat(257)}`, ""],
  ["Bearer two words", ""],
  ["Bearer ", ""],
  ["Basic token", ""],
  ["", ""],
  [undefined, ""],
])("%j has the token %j", (authorization, token) => {
  expect(bearerToken({ headers: { authorization } } as IncomingMessage)).toBe(token);
});
