import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { Interrupts } from "./interrupts.ts";

// The timer that ends the process must not act.
beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

// Without SIGHUP, which is ignored when the tests are started by nohup.
const SIGNALS = ["SIGINT", "SIGTERM", "SIGQUIT"] as const;
const listeners = () => SIGNALS.map((signal) => process.listenerCount(signal));

describe("Interrupts", () => {
  it.each(SIGNALS)("aborts the work in hand on %s", (signal) => {
    const interrupts = new Interrupts();
    const work = interrupts.beginWork();
    expect([work.aborted, interrupts.stoppedBy]).toEqual([false, undefined]);
    process.emit(signal);
    expect(work.reason).toEqual(new Error(`interrupted by ${signal}`));
    expect(interrupts.stoppedBy).toBe(signal);
    interrupts.endWork();
  });

  it("ends the process at a second signal", () => {
    const kill = jest.spyOn(process, "kill").mockReturnValue(true);
    const interrupts = new Interrupts();
    interrupts.beginWork();
    process.emit("SIGINT");
    expect(kill.mock.calls).toEqual([]);
    process.emit("SIGTERM");
    expect(kill.mock.calls).toEqual([[process.pid, "SIGTERM"]]);
    interrupts.endWork();
    kill.mockRestore();
  });

  it("handles signals during work only, and counts as begun from then on", () => {
    const interrupts = new Interrupts();
    const before = listeners();
    expect(interrupts.begun).toBe(false);
    for (let request = 0; request < 2; request += 1) {
      interrupts.beginWork();
      expect(listeners()).toEqual(before.map((count) => count + 1));
      interrupts.endWork();
      expect(listeners()).toEqual(before);
      expect(interrupts.begun).toBe(true);
    }
  });
});
