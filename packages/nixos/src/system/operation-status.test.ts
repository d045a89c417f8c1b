import { describe, expect, it } from "@jest/globals";
import { nextStep, type Poll, toPoll } from "./operation-status.ts";
import { parseValues } from "./remote-values.ts";

const pollOf = (text: string): Poll => toPoll(parseValues(text));

describe("an answer about an operation", () => {
  it("is read from name=value lines", () => {
    const text =
      "phase=done\npid=7\noutcome=rolled-back\nreason=exit-code\nexitCode=2\nholder=\npreviousToplevel=/nix/store/old\n" +
      "previousLink=system-7-link\ndetails=a.service\ncurrentSystem=/nix/store/old\n";
    expect(pollOf(text)).toEqual({
      status: {
        phase: "done",
        outcome: "rolled-back",
        reason: "exit-code",
        exitCode: 2,
        holder: "",
        previousToplevel: "/nix/store/old",
        previousLink: "system-7-link",
        details: "a.service",
        currentSystem: "/nix/store/old",
      },
      isLost: false,
      isAgentGone: false,
    });
  });

  it("has no exit code and no previous system where the host has none, and 0 is an exit code", () => {
    expect(pollOf("phase=starting\nexitCode=\npreviousToplevel=\n").status).toMatchObject({
      exitCode: null,
      previousToplevel: null,
    });
    expect(pollOf("exitCode=0\n").status.exitCode).toBe(0);
  });

  it("says when the host has no record, and when the agent has ended", () => {
    expect(pollOf("lost=yes\n")).toMatchObject({ isLost: true, isAgentGone: false });
    expect(pollOf("agent=gone\nphase=activating\n")).toMatchObject({ isLost: false, isAgentGone: true });
  });
});

describe("the next step", () => {
  const PHASES = ["", "starting", "waiting", "activating", "awaiting-confirmation", "rolling-back", "done"];
  const END_PHASES = ["awaiting-confirmation", "done"];
  const step = (text: string, knownPhase: string, isStarting = false) => {
    const next = nextStep(pollOf(text), { knownPhase, isStarting });
    return next.kind === "lost" ? next.why : next.kind;
  };

  for (const phase of PHASES.slice(1)) {
    const returns = END_PHASES.includes(phase) ? "return" : "ask-again";
    it(`at ${phase} is ${returns} when the phase is new, and to ask again when it is not`, () => {
      expect(step(`phase=${phase}\n`, "")).toBe(returns);
      expect(step(`phase=${phase}\n`, phase)).toBe("ask-again");
    });

    it(`at ${phase} counts the phase although the agent has ended since`, () => {
      const lost = `its process has ended while ${phase}`;
      expect(step(`agent=gone\nphase=${phase}\n`, "")).toBe(returns === "return" ? "return" : lost);
      expect(step(`agent=gone\nphase=${phase}\n`, phase)).toBe(lost);
    });
  }

  it.each([
    // answer, still starting
    ["", true, "ask-again"],
    ["", false, "its process did not start"],
    ["agent=gone\n", true, "ask-again"],
    ["agent=gone\n", false, "its process did not start"],
    ["lost=yes\n", true, "the host has no record of it any more"],
    ["lost=yes\n", false, "the host has no record of it any more"],
    ["phase=activating\n", true, "ask-again"],
    ["agent=gone\nphase=activating\n", true, "its process has ended while activating"],
  ])("after %j, while starting: %s, is %s", (text, isStarting, expected) => {
    expect(step(text, "", isStarting)).toBe(expected);
  });
});
