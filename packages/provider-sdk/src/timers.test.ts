import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { sleep, startTimer, timeoutSignal, withDeadline } from "./timers.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const advance = (seconds: number) => jest.advanceTimersByTimeAsync(Math.round(seconds * 1000));

/** Whole and broken numbers of milliseconds, and what is more than a timer of Node takes: 2^31 ms. */
const SECONDS = [
  0,
  0.001,
  0.0005,
  0.3,
  1 / 3,
  1.1,
  38.7291,
  299.99999,
  600,
  2_147_483,
  2_147_484,
  4_294_968,
  10_000_000,
];

describe("startTimer", () => {
  it.each(SECONDS)("acts once, after %d s and not before", async (seconds) => {
    let acts = 0;
    startTimer(seconds, () => (acts += 1));
    expect(acts).toBe(0);
    if (seconds > 0.01) await advance(seconds - 0.01);
    expect(acts).toBe(0);
    await advance(0.02);
    expect(acts).toBe(1);
    await advance(3);
    expect(acts).toBe(1);
  });

  it("never acts after Infinity seconds, or when it was stopped", async () => {
    let acts = 0;
    const stop = startTimer(Infinity, () => (acts += 1));
    const stopSoon = startTimer(3_000_000, () => (acts += 1));
    await advance(2_900_000);
    stopSoon();
    await advance(20_000_000);
    expect(acts).toBe(0);
    stop();
    expect(jest.getTimerCount()).toBe(0);
  });

  it("takes what is less than nothing for nothing, and refuses what is no number", async () => {
    let acts = 0;
    startTimer(-1, () => (acts += 1));
    await advance(0);
    expect(acts).toBe(1);
    expect(() => startTimer(NaN, () => {})).toThrow("must be a number");
  });
});

describe("what is made of it", () => {
  it.each(SECONDS)("takes %d s", async (seconds) => {
    const signal = timeoutSignal(seconds);
    let slept = false;
    void sleep(seconds).then(() => (slept = true));
    const late = expect(withDeadline(new Promise(() => {}), seconds, "no answer")).rejects.toThrow(
      `no answer within ${seconds} s`,
    );
    await advance(seconds + 0.01);
    expect([signal.aborted, slept]).toEqual([true, true]);
    await late;
  });

  it("ends early with the reason of the signal, and leaves no timer behind", async () => {
    const abort = new AbortController();
    const waits = [
      sleep(10, abort.signal),
      withDeadline(new Promise(() => {}), 10, "no answer", abort.signal),
    ];
    const ends = waits.map((wait) => expect(wait).rejects.toThrow("by the test"));
    abort.abort(new Error("by the test"));
    await Promise.all(ends);
    expect(jest.getTimerCount()).toBe(0);
    await expect(sleep(10, abort.signal)).rejects.toThrow("by the test");
    expect(await withDeadline(Promise.resolve(1), 10, "no answer")).toBe(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each(["Check the address.", undefined])("says what to do when it is late: %s", async (hint) => {
    const end = expect(
      withDeadline(new Promise(() => {}), 1, "no answer", undefined, hint),
    ).rejects.toMatchObject({ message: "no answer within 1 s", hint });
    await advance(1);
    await end;
  });
});
