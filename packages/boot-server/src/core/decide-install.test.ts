import { describe, expect, it } from "@jest/globals";
import {
  ADDRESS,
  entryAfter,
  entryIn,
  PHASES,
  refusalOf,
  reportOf,
  resultOf,
  START,
  STEPS,
  TOKEN,
} from "../../tests/entries.ts";
import type { ReportRequest } from "./api.ts";
import { allowHardwareReport, decideByTime, decideClaim, decideReport } from "./decide-install.ts";
import { LOG_TAIL_LINES, type Entry, type Phase } from "./model.ts";

const AT = START + 5;

function claim(entry: Entry | undefined, bootId: string, token = TOKEN) {
  return decideClaim(entry, { token, bootId, address: ADDRESS }, AT);
}

function report(entry: Entry | undefined, request: Partial<ReportRequest>, token = TOKEN) {
  return decideReport(entry, token, { bootId: "first", stage: "disko", ...request }, AT);
}

describe("a claim", () => {
  it.each<[Phase, first: string, other: string]>([
    ["armed", "refused: denied", "refused: denied"],
    ["booting", "claimed", "claimed"],
    ["refused", "claimed", "claimed"],
    ["installing", "nothing", "refused: conflict"],
    ["installed", "refused: conflict", "refused: conflict"],
    ["failed", "refused: conflict", "refused: conflict"],
    ["interrupted", "claimed", "refused: conflict"],
    ["expired", "refused: denied", "refused: denied"],
  ])("of a machine that is %s, by the same boot: %s; by another: %s", (phase, first, other) => {
    expect(resultOf(() => claim(entryIn(phase), "first"))).toBe(first);
    expect(resultOf(() => claim(entryIn(phase), "second"))).toBe(other);
    expect(resultOf(() => claim(entryIn(phase), "first", "a guess"))).toBe("refused: denied");
  });

  it("records the boot, its address and the time", () => {
    expect(claim(entryIn("booting"), "x")).toEqual([
      { kind: "claimed", id: "web", at: AT, claim: { bootId: "x", address: ADDRESS, claimedAt: AT } },
    ]);
    expect(resultOf(() => claim(undefined, "x"))).toBe("refused: denied");
  });
});

describe("a report", () => {
  const conflict = "refused: conflict";
  it.each<[Phase, step: string, installed: string, failed: string, failedElsewhere: string]>([
    ["booting", conflict, conflict, "refused", "refused"],
    ["refused", conflict, conflict, "nothing", "refused"],
    ["installing", "reported", "installed", "failed", "failed"],
    ["installed", conflict, "nothing", conflict, conflict],
    ["failed", conflict, conflict, "nothing", conflict],
    ["interrupted", "reported", "installed", "failed", "failed"],
  ])(
    "of a machine that is %s, of a step: %s; installed: %s; failed: %s; failed at another stage: %s",
    (phase, step, installed, failed, failedElsewhere) => {
      const entry = entryIn(phase);
      expect(resultOf(() => report(entry, {}))).toBe(step);
      expect(resultOf(() => report(entry, { outcome: "installed" }))).toBe(installed);
      expect(resultOf(() => report(entry, { outcome: "failed" }))).toBe(failed);
      expect(resultOf(() => report(entry, { outcome: "failed", stage: "boot" }))).toBe(failedElsewhere);
      const atAnother = installed === "nothing" ? conflict : installed;
      expect(resultOf(() => report(entry, { outcome: "installed", stage: "boot" }))).toBe(atAnother);
    },
  );

  it.each(PHASES)("of another boot, or with another token, of a machine that is %s", (phase) => {
    const entry = entryIn(phase);
    const isBeforeClaim = phase === "armed" || phase === "expired";
    const expected = isBeforeClaim ? "refused: denied" : conflict;
    expect(resultOf(() => report(entry, { bootId: "second" }))).toBe(expected);
    expect(resultOf(() => report(entry, {}, "a guess"))).toBe("refused: denied");
  });

  it("has the last lines of all reports", () => {
    const entry = entryAfter([
      ...STEPS.installing,
      {
        kind: "reported",
        report: reportOf({ log: Array.from({ length: LOG_TAIL_LINES }, (_, i) => `old ${i}`) }),
      },
    ]);
    const [event] = report(entry, { percent: 5, message: "m", log: ["new"] });
    expect(event).toMatchObject({
      report: { stage: "disko", percent: 5, message: "m", reportedAt: AT },
    });
    const { log } = (event as { report: { log: string[] } }).report;
    expect([log.length, log[0], log.at(-1)]).toEqual([LOG_TAIL_LINES, "old 1", "new"]);
    expect(report(entryIn("installing"), {})[0]).toMatchObject({ report: { message: "", log: [] } });
  });

  it.each(PHASES)("of the hardware of a machine that is %s", (phase) => {
    const isRunning = ["booting", "refused", "installing"].includes(phase);
    const isDenied = ["armed", "expired"].includes(phase);
    const expected = isRunning ? "nothing" : isDenied ? "refused: denied" : conflict;
    expect(refusalOf(() => allowHardwareReport(entryIn(phase), TOKEN))).toBe(expected);
    expect(refusalOf(() => allowHardwareReport(entryIn(phase), "a guess"))).toBe("refused: denied");
  });
});

describe("the passage of time", () => {
  it.each<[Phase, string]>([
    ["armed", "expired"],
    ["booting", "expired"],
    ["refused", "expired"],
    ["installing", "interrupted"],
    ["installed", "nothing"],
    ["failed", "nothing"],
    ["interrupted", "nothing"],
    ["expired", "nothing"],
  ])("for a machine that is %s: %s, and nothing before", (phase, expected) => {
    const entry = entryIn(phase);
    const [silence, deadline] = [600_000, entry.expiresAt];
    expect(resultOf(() => decideByTime(entry, deadline, silence))).toBe(expected);
    expect(resultOf(() => decideByTime(entry, deadline - 1, silence - 1))).toBe("nothing");
    for (const event of decideByTime(entry, deadline, silence)) {
      expect(event).toMatchObject({ id: "web", at: deadline });
    }
  });
});
