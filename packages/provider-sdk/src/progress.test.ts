import { afterEach, beforeEach, expect, it, jest } from "@jest/globals";
import type { Log } from "./log.ts";
import { startProgress } from "./progress.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function start() {
  const lines: string[] = [];
  const log = { info: (line: string) => lines.push(line) } as unknown as Log;
  return { lines, progress: startProgress("waiting for web1", log) };
}

it("reports every 5 s, with the last detail, until it is done", () => {
  const { lines, progress } = start();
  expect(lines).toEqual(["waiting for web1"]);
  jest.advanceTimersByTime(5_000);
  progress.update("no answer");
  jest.advanceTimersByTime(5_000);
  progress.done();
  jest.advanceTimersByTime(60_000);
  expect(lines).toEqual(["waiting for web1", "waiting for web1 (5 s)", "waiting for web1 (10 s; no answer)"]);
});

it("says once, after 60 s, how to end it", () => {
  const { lines, progress } = start();
  jest.advanceTimersByTime(55_000);
  expect(lines.join()).not.toContain("Ctrl-C");
  jest.advanceTimersByTime(5_000);
  progress.done();
  expect(lines.slice(-2)).toEqual([
    "waiting for web1 (60 s)",
    `Ctrl-C ends this only if nixops4 runs with --no-interactive; \`kill ${process.pid}\` ends it in any case`,
  ]);
});

it("does not repeat how to end it", () => {
  const { lines, progress } = start();
  jest.advanceTimersByTime(120_000);
  progress.done();
  expect(lines.filter((line) => line.includes("kill"))).toHaveLength(1);
});
