import { describe, expect, it } from "@jest/globals";
import { isGivenUp, waitMs } from "./retransmission.ts";

describe("waitMs", () => {
  it.each([
    ["the first wait", {}, [1000, 2000, 4000, 8000, 8000]],
    ["a slow client", { roundTripMs: 400 }, [1000, 2000, 4000, 8000, 8000]],
    ["a quick client", { roundTripMs: 100 }, [400, 800, 1600, 3200, 6400, 8000]],
    ["a very quick client", { roundTripMs: 1 }, [200, 400, 800]],
    ["a requested timeout", { timeoutSeconds: 6 }, [6000, 6000]],
    [
      "a requested timeout and a round trip",
      { timeoutSeconds: 6, roundTripMs: 1 },
      [200, 400, 800, 1600, 3200, 6000],
    ],
    [
      "a requested timeout that is longer than 8 waits",
      { timeoutSeconds: 9, roundTripMs: 400 },
      [1000, 2000, 4000, 8000, 9000],
    ],
  ])("is, for %s, as long as %j has it", (_who, facts, waits) => {
    expect(waits.map((_, attempts) => waitMs({ ...facts, attempts }, 1000))).toEqual(waits);
  });
});

describe("isGivenUp", () => {
  it.each([
    [{ attempts: 5, silenceMs: 60_000 }, false],
    [{ attempts: 6, silenceMs: 0 }, true],
    [{ attempts: 7, silenceMs: 0 }, true],
    [{ attempts: 6, silenceMs: 5_999, timeoutSeconds: 2 }, false],
    [{ attempts: 6, silenceMs: 6_000, timeoutSeconds: 2 }, true],
    [{ attempts: 5, silenceMs: 6_000, timeoutSeconds: 2 }, false],
  ])("with %j: %p", (facts, expected) => {
    expect(isGivenUp(facts, 6)).toBe(expected);
  });
});
