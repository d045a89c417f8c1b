import { describe, expect, it } from "@jest/globals";
import type { Entry, EntrySpec } from "@nixops4-providers/boot-api";
import { describeProgress, describePut, describeState } from "./describe-entry.ts";

const spec: EntrySpec = {
  id: "web",
  macs: ["52:54:00:12:34:56"],
  architecture: "X86_64",
  kernel: { sha256: "", size: 1 },
  initrds: [],
  cmdline: "",
  files: [],
  installGeneration: 2,
  onInterrupted: "HOLD",
  biosLocalBoot: "SANBOOT",
  expireSeconds: 60,
  silenceSeconds: 60,
};
const armed: Entry = {
  spec,
  phase: "ARMED",
  attempt: 0,
  armedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  expiresAt: Date.UTC(2026, 0, 9, 3, 4, 5),
  boot: null,
  claim: null,
  report: null,
  reason: "",
  scriptUrl: "",
  cursor: 1,
};
const endedAt = Date.UTC(2026, 0, 3);
const report = { stage: "copy", percent: 41.7, message: "3 of 7 paths", log: [], reportedAt: 0 };
const boot = {
  mac: "52:54:00:12:34:56",
  address: "192.0.2.9",
  firmware: "pcbios",
  architecture: "i386",
  startedAt: 0,
};

describe("the state", () => {
  it.each<[Partial<Entry>, string]>([
    [{}, "waiting for the machine 52:54:00:12:34:56 to boot from the network, since 2026-01-02T03:04:05Z"],
    [
      { phase: "BOOTING", boot },
      "52:54:00:12:34:56 has fetched its boot script from 192.0.2.9 (pcbios, i386)",
    ],
    [
      { report },
      "waiting for the machine 52:54:00:12:34:56 to boot from the network, since 2026-01-02T03:04:05Z; " +
        "its last boot refused to begin in the stage copy: 3 of 7 paths",
    ],
    [
      { phase: "REFUSED", report, endedAt },
      "the installer refused to begin on 2026-01-03T00:00:00Z, and touched no disk; in the stage copy: 3 of 7 paths",
    ],
    [{ phase: "INSTALLING" }, "the installer has begun"],
    [{ phase: "INSTALLING", report }, "the installer is at the stage copy"],
    [{ phase: "INSTALLED", report, endedAt }, "the machine was installed on 2026-01-03T00:00:00Z"],
    [
      { phase: "FAILED", report, endedAt },
      "the install failed on 2026-01-03T00:00:00Z in the stage copy: 3 of 7 paths",
    ],
    [
      { phase: "FAILED", endedAt, reason: "was failed in this generation as entry x" },
      "the install failed on 2026-01-03T00:00:00Z: was failed in this generation as entry x",
    ],
    [
      { phase: "INTERRUPTED", report, endedAt, reason: "silence" },
      "the install was interrupted on 2026-01-03T00:00:00Z after the stage copy: silence",
    ],
    [
      { phase: "EXPIRED", endedAt },
      "the entry expired on 2026-01-03T00:00:00Z: the machine had not begun to install",
    ],
  ])("of %j", (more, text) => {
    expect(describeState({ ...armed, ...more })).toBe(text);
  });

  it("has a stage with its percentage", () => {
    expect(describeProgress({ ...armed, report })).toBe("copy, 41 %, 3 of 7 paths");
    expect(describeProgress({ ...armed, report: { ...report, percent: 0, message: "" } })).toBe("copy, 0 %");
    expect(describeProgress(armed)).toBe("");
  });
});

describe("a put", () => {
  const text = (more: Partial<Entry>, changed: boolean) => {
    const put = describePut({ ...armed, ...more }, changed);
    return (put.isWarning ? "warning: " : "") + put.text;
  };

  it("arms", () => {
    expect(text({}, true)).toBe(
      "entry web is armed: the machine 52:54:00:12:34:56 installs itself (generation 2) when it boots from the network before 2026-01-09T03:04:05Z",
    );
    expect(text({}, false)).toMatch(/^entry web is unchanged: waiting for the machine/);
  });

  it("warns of changes that come too late, and only of them", () => {
    const installed = { phase: "INSTALLED", endedAt } as const;
    expect(text(installed, true)).toBe(
      "warning: entry web has changed, but the machine was installed on 2026-01-03T00:00:00Z: " +
        "that takes effect with a higher installGeneration than 2",
    );
    expect(text(installed, false)).toBe(
      "entry web is unchanged: the machine was installed on 2026-01-03T00:00:00Z",
    );
    expect(text({ phase: "INSTALLING" }, true)).toMatch(
      /^warning: .*, but the installer has begun: that takes/,
    );
    expect(text({ phase: "BOOTING", boot }, true)).toMatch(
      /^entry web has changed: .* has fetched its boot script/,
    );
  });

  it("warns of an install that needs help", () => {
    const failed = { phase: "FAILED", report, endedAt } as const;
    expect(text(failed, false)).toBe(
      "warning: entry web: the install failed on 2026-01-03T00:00:00Z in the stage copy: 3 of 7 paths; " +
        "nothing is installed until installGeneration is higher than 2",
    );
    const retrying = { ...failed, spec: { ...spec, onInterrupted: "RETRY" } } as const;
    expect(text(retrying, true)).toMatch(/; the next network boot installs it again$/);
  });
});
