import { afterEach, beforeEach, expect, it, jest } from "@jest/globals";
import { tableClient } from "../../tests/table-client.ts";
import { LostAnswerError, PveError } from "../client/errors.ts";
import { repeat } from "./repeat.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const LOST = new LostAnswerError("POST /x", undefined);
const CHANGED = new PveError("PUT /x", 500, "checksum mismatch (file change by other user?)");
const GONE = new PveError("GET /x", 404, "Not found");

/** Runs a flow that fails so many times. Returns its result, and the milliseconds at which it ran. */
async function run(failure: Error, failures: number, retrySeconds: number, slowMs = 0) {
  const { client, log } = tableClient({}, { retrySeconds });
  const begun = performance.now();
  const times: number[] = [];
  const flow = async () => {
    times.push(performance.now() - begun);
    jest.advanceTimersByTime(slowMs);
    if (times.length <= failures) throw failure;
    return "done";
  };
  const end = repeat(client, flow).catch((reason: unknown) => reason);
  await jest.advanceTimersByTimeAsync(100_000);
  return { result: await end, times, log };
}

it.each([
  ["a lost answer", LOST],
  ["a change by another client", CHANGED],
  ["a guest that moved", GONE],
])("starts over after %s", async (_, error) => {
  expect(await run(error, 1, 60)).toEqual({
    result: "done",
    times: [0, 200],
    log: [`debug: starting over: ${error.message}`],
  });
});

it.each([new PveError("GET /x", 403, "no"), new Error("checksum mismatch (file change")])(
  "passes on %s",
  async (error) => {
    expect(await run(error, 1, 60)).toEqual({ result: error, times: [0], log: [] });
  },
);

it("runs five times at most, with growing pauses", async () => {
  expect(await run(LOST, 4, 60)).toMatchObject({ result: "done" });
  expect(await run(LOST, 5, 60)).toMatchObject({ result: LOST, times: [0, 200, 600, 1200, 2000] });
});

it.each([
  [999, 2],
  [1000, 1],
])("starts over within 1 s: after %d ms, it ran %d times", async (slowMs, count) => {
  expect((await run(LOST, 1, 1, slowMs)).times).toHaveLength(count);
});

it("does not start over without time for it", async () => {
  expect(await run(LOST, 1, 0)).toMatchObject({ result: LOST, times: [0] });
});
