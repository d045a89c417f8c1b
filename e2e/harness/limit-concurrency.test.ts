import { expect, it } from "@jest/globals";
import { limitConcurrency } from "./limit-concurrency.ts";

it("runs so much at once, and all of it", async () => {
  const limit = limitConcurrency(2);
  let running = 0;
  let most = 0;
  const work = async (index: number) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running -= 1;
    if (index === 1) throw new Error("one fails");
    return index;
  };
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map((index) => limit(() => work(index))));
  expect(results.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "fulfilled",
    "fulfilled",
  ]);
  expect(most).toBe(2);
  expect(running).toBe(0);
});
