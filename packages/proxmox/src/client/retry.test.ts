import { afterEach, beforeEach, expect, it, jest } from "@jest/globals";
import type { Context } from "@nixops4-providers/provider-sdk";
import type { ApiAccess } from "../api-access.ts";
import { PveClient } from "./client.ts";
import { ConnectError, LostAnswerError, PveError, TaskError } from "./errors.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const context = {
  signal: new AbortController().signal,
  log: { debug: () => {} },
} as unknown as Context;

/** The seconds at which something that always fails is tried. */
async function triesOf(what: string, error: unknown, retrySeconds: number): Promise<number[]> {
  const access = { endpoint: "https://pve:8006", tlsFingerprint: "AB", retrySeconds } as ApiAccess;
  const client = new PveClient(access, "secret", context);
  const start = performance.now();
  const tries: number[] = [];
  const end = client
    .retry(what, async () => {
      tries.push(Math.round(performance.now() - start) / 1000);
      throw error;
    })
    .catch((reason: unknown) => expect(reason).toBe(error));
  await jest.advanceTimersByTimeAsync(200_000);
  await end;
  return tries;
}

const refused = new ConnectError("https://pve:8006", { code: "ECONNREFUSED" });
const untrusted = new ConnectError("https://pve:8006", { code: "CERT_HAS_EXPIRED" });
const pve = (status: number, reason: string) => new PveError("GET /x", status, reason);
const lost = new LostAnswerError("GET /x", undefined);

const TRIED = [0, 0.2];
it.each([
  ["a refused connection", "POST /x", refused, TRIED],
  ["a refused certificate", "GET /x", untrusted, [0]],
  ["a lost answer to a read", "GET /x", lost, TRIED],
  ["a lost answer to a write", "POST /x", lost, [0]],
  ["a node that was not reached", "POST /x", pve(595, "No route to host"), TRIED],
  ["a lock", "PUT /x", pve(500, "VM is locked (backup)"), TRIED],
  ["another refusal", "PUT /x", pve(500, "no"), [0]],
  ["a task that met a lock", "POST /x", new TaskError("a", "VM is locked (backup)", []), TRIED],
  ["a task that failed", "POST /x", new TaskError("a", "no", []), [0]],
  ["anything else", "GET /x", new Error("no"), [0]],
])("%s is tried at these times", async (_, what, error, times) => {
  // A pause may end exactly when the time is up.
  expect(await triesOf(what, error, 0.2)).toEqual(times);
});

it.each([
  ["a lock", pve(500, "VM is locked (backup)"), 28],
  ["a refused connection, 10 s at most,", refused, 6],
  ["a lost answer, 10 s at most,", lost, 6],
])("%s is tried for 120 s", async (_, error, count) => {
  expect(await triesOf("GET /x", error, 120)).toHaveLength(count);
});

it("nothing is tried again without time for it", async () => {
  expect(await triesOf("GET /x", lost, 0)).toEqual([0]);
});
