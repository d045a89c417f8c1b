import { afterEach, beforeEach, expect, it, jest } from "@jest/globals";
import { type Retries, retryUntil } from "./retry.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Fails until the time, and notes when it was tried, in seconds. */
function tryUntil(succeedsAt: number, retries: Partial<Retries>, seconds = 60) {
  const start = performance.now();
  const elapsed = () => Math.round(performance.now() - start) / 1000;
  const tries: number[] = [];
  const attempt = async () => {
    tries.push(elapsed());
    if (elapsed() < succeedsAt) throw new Error(`failed at ${elapsed()} s`);
    return "done";
  };
  const signal = new AbortController().signal;
  const all = { deadline: start + seconds * 1000, pause: 1, signal, ...retries };
  const end = retryUntil(attempt, all).catch((error: Error) => `${error.message} at ${elapsed()} s`);
  return { tries, end };
}

it.each([
  ["of one length", 1, [0, 1, 2, 3, 4]],
  ["that double to the longest", { first: 0.5, longest: 2 }, [0, 0.5, 1.5, 3.5, 5.5]],
  ["that are chosen", () => 2, [0, 2, 4]],
])("tries again after pauses %s until it succeeds", async (_, pause, times) => {
  const { tries, end } = tryUntil(4, { pause });
  await jest.advanceTimersByTimeAsync(10_000);
  expect(await end).toBe("done");
  expect(tries).toEqual(times);
});

it("throws the last failure when a pause would go beyond the deadline", async () => {
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => failures.push((error as Error).message);
  const { end } = tryUntil(9, { pause: 1, onFailure }, 2.5);
  await jest.advanceTimersByTimeAsync(10_000);
  expect(await end).toBe("failed at 2 s at 2 s");
  expect(failures).toEqual(["failed at 0 s", "failed at 1 s"]);
});

it("tries once more after a pause that ends at the deadline", async () => {
  const { tries, end } = tryUntil(9, { pause: 1 }, 2);
  await jest.advanceTimersByTimeAsync(10_000);
  expect(await end).toBe("failed at 2 s at 2 s");
  expect(tries).toEqual([0, 1, 2]);
});

it("tries once with a deadline that is over", async () => {
  const { tries, end } = tryUntil(9, {}, -1);
  expect(await end).toBe("failed at 0 s at 0 s");
  expect(tries).toEqual([0]);
});

it("throws what does not pass at once, and knows the pause that would follow", async () => {
  const asked: [string, number][] = [];
  const mayPass = (error: unknown, pause: number) => {
    asked.push([(error as Error).message, pause]);
    return pause < 2;
  };
  const { end } = tryUntil(9, { pause: { first: 1, longest: 4 }, mayPass });
  await jest.advanceTimersByTimeAsync(10_000);
  expect(await end).toBe("failed at 1 s at 1 s");
  expect(asked).toEqual([
    ["failed at 0 s", 1],
    ["failed at 1 s", 2],
  ]);
});

it("ends a pause at once when the signal is aborted", async () => {
  const controller = new AbortController();
  const { tries, end } = tryUntil(9, { pause: 5, signal: controller.signal });
  await jest.advanceTimersByTimeAsync(1_500);
  controller.abort(new Error("interrupted"));
  expect(await end).toBe("interrupted at 1.5 s");
  expect(tries).toEqual([0]);
  expect(jest.getTimerCount()).toBe(0);
});

it("does not try again when the signal was aborted during a try", async () => {
  const controller = new AbortController();
  const attempt = jest.fn(async () => {
    controller.abort();
    throw new Error("cut off");
  });
  const retries = { deadline: Infinity, pause: 1, signal: controller.signal };
  await expect(retryUntil(attempt, retries)).rejects.toThrow("cut off");
  expect(attempt).toHaveBeenCalledTimes(1);
});
