import { expect, it } from "@jest/globals";
import { clockTimeElement, relativeTime, relativeTimeElement } from "./times.ts";

it.each([
  [0, "now"],
  [2_400, "now"],
  [-12_000, "12 s ago"],
  [-59_400, "59 s ago"],
  [-61_000, "1 min ago"],
  [-7_199_000, "1 h ago"],
  [-47 * 3_600_000, "47 h ago"],
  [-3 * 86_400_000, "3 days ago"],
  [90_000, "in 1 min"],
])("tells %i ms from now as %j", (distance, words) => {
  expect(relativeTime(distance).replaceAll("\u00a0", " ")).toBe(words);
});

it("can be sent to the page: it needs nothing from outside itself", () => {
  // eslint-disable-next-line typescript/no-implied-eval, no-new-func
  const sent = new Function(`return (${String(relativeTime)})(-12000)`) as () => string;
  expect(sent()).toBe(relativeTime(-12_000));
});

it("gives the absolute time beside the relative one", () => {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5);
  const { text } = relativeTimeElement(at, at + 5_000);
  expect(text).toContain('datetime="2026-01-02T03:04:05.000Z" title="2026-01-02 03:04:05 UTC"');
  expect(text).toContain(">5\u00a0s ago</time");
  expect(clockTimeElement(at).text).toContain(">03:04:05</time");
});
