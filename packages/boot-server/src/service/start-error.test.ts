import { describe, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import { startPart } from "./start-error.ts";

describe("startPart", () => {
  it("returns what has started", async () => {
    expect(await startPart("HTTP", "http.port", async () => 1)).toBe(1);
  });

  it.each([
    [{ code: "EADDRINUSE", port: 69 }, /Another program .*'sport = :69'.*change `http.port`/],
    [{ code: "EADDRINUSE" }, /Another program .*'sport = :<port>'.*change `http.port`/],
    [{ code: "EACCES" }, /CAP_NET_BIND_SERVICE.*change `http.port`/],
    [{ code: "EPERM" }, /CAP_NET_BIND_SERVICE.*change `http.port`/],
    [{ code: "EADDRNOTAVAIL" }, /no such address.*Change `http.port`/],
    [{ code: "EIO" }, /^cannot start HTTP: it failed$/],
    [{}, /^cannot start HTTP: it failed$/],
  ])("has a hint for %j", async (properties, message) => {
    const error = Object.assign(new Error("it failed"), properties);
    const failure = startPart("HTTP", "http.port", async () => Promise.reject(error));
    expect(await failure.catch(describeError)).toMatch(message);
  });
});
