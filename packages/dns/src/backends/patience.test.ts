import { describe, expect, it } from "@jest/globals";
import { DnsError } from "../client/dns-error.ts";
import { type Backend, isAsSeen } from "./backend.ts";
import { RFC2136_CAPABILITIES } from "./capabilities.ts";
import { Patience, withPatience } from "./patience.ts";

const passing = new DnsError("the server is busy", { isTransient: true });
const lasting = new DnsError("no");

/** The reason that a pause ends with: no test has to wait. */
const reason = new Error("interrupted");
const noPause = AbortSignal.abort(reason);
const paused = expect.objectContaining({ name: "AbortError", cause: reason });

describe("patience", () => {
  const failWith = (patience: Patience, error: Error, times: number) =>
    Promise.all(
      Array.from({ length: times }, () =>
        patience
          .try(async () => {
            throw error;
          })
          .catch((one: unknown) => one),
      ),
    );

  it("ends at the eighth failure", async () => {
    const failures = await failWith(new Patience(noPause), passing, 9);
    expect(failures).toEqual([...Array.from({ length: 7 }, () => paused), passing, passing]);
  });

  it.each([
    ["an error that lasts", lasting],
    ["another error", new TypeError("x")],
  ])("ends at once by %s", async (_, error) => {
    expect(await failWith(new Patience(noPause), error, 1)).toEqual([error]);
  });

  it("counts from the start again when fewer changes are left", async () => {
    const patience = new Patience(noPause);
    patience.note(5);
    await failWith(patience, passing, 7);
    patience.note(4);
    expect(await failWith(patience, passing, 7)).toEqual(Array.from({ length: 7 }, () => paused));
    patience.note(4);
    expect(await failWith(patience, passing, 1)).toEqual([passing]);
  });

  it("ends when others change the records for the sixtieth time", async () => {
    const patience = new Patience(noPause);
    for (let times = 1; times < 60; times++) await expect(patience.stale()).rejects.toEqual(paused);
    await expect(patience.stale()).rejects.toThrow("others change the same records all the time");
  });

  it("returns the result, or nothing after a failure that passes", async () => {
    const patience = new Patience(new AbortController().signal);
    expect(await patience.try(async () => "done")).toBe("done");
    expect(await patience.try(() => Promise.reject(passing))).toBe(undefined);
  });
});

describe("a backend", () => {
  /** Fails as often as this. */
  function backendThatFails(times: number, signal: AbortSignal) {
    const called: string[] = [];
    const answer =
      <Result>(what: string, result: Result) =>
      async () => {
        called.push(what);
        if (called.length <= times) throw passing;
        return result;
      };
    const backend: Backend = {
      zone: "example.test.",
      capabilities: RFC2136_CAPABILITIES,
      read: answer("read", new Map()),
      apply: answer("apply", "applied" as const),
      nameServers: answer("nameServers", ["ns1.example.test."]),
      findZone: answer("findZone", undefined),
      close: answer("close", undefined),
    };
    return { backend: withPatience(backend, signal), called };
  }

  it.each<[string, (backend: Backend) => Promise<unknown>, unknown]>([
    ["read", (backend) => backend.read([]), new Map()],
    ["nameServers", (backend) => backend.nameServers(), ["ns1.example.test."]],
    ["findZone", (backend) => backend.findZone("example.test."), undefined],
  ])("is asked again after a failure that passes: %s", async (what, ask, result) => {
    const { backend, called } = backendThatFails(1, new AbortController().signal);
    expect(await ask(backend)).toEqual(result);
    expect(called).toEqual([what, what]);
  });

  it("writes once", async () => {
    const { backend, called } = backendThatFails(1, noPause);
    await expect(backend.apply([])).rejects.toBe(passing);
    expect(called).toEqual(["apply"]);
  });
});

describe("what was seen before", () => {
  const rrset = { name: "www.example.test.", type: "A", ttl: 60, values: ["192.0.2.1"] };
  const one = { rrset, owner: "ours" };

  it.each([
    ["the same", one, one, true],
    ["nothing, twice", undefined, { rrset: undefined, owner: undefined }, true],
    [
      "the marker of nothing",
      { rrset: undefined, owner: "ours" },
      { rrset: undefined, owner: undefined },
      true,
    ],
    ["nothing now", undefined, one, false],
    ["something now", one, { rrset: undefined, owner: "ours" }, false],
    ["another owner", { rrset, owner: "theirs" }, one, false],
    ["another TTL", { rrset: { ...rrset, ttl: 61 }, owner: "ours" }, one, false],
  ])("%s", (_, now, before, isSame) => {
    expect(isAsSeen(now, before)).toBe(isSame);
  });
});
