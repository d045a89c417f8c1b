import { describe, expect, it } from "@jest/globals";
import type { Link } from "../link.ts";
import { explainNotRun, type NotRun } from "./explain.ts";

const facts: NotRun = {
  link: { endpoint: { user: "bob" } } as Link,
  sudo: false,
  refusal: undefined,
  greeted: false,
  said: "",
  end: "exit code 1",
};

describe("why a script did not run", () => {
  it.each<[Partial<NotRun>, why: string, hint: string]>([
    [{ refusal: "terminal" }, "in a terminal", "ForceCommand"],
    [{ refusal: "lost" }, "has read what was sent", "bob's login shell"],
    [{ refusal: "not-root" }, "sudo ran it as another user than root", "runas_default"],
    [{ refusal: "too-much-noise", said: "x" }, "printed too much: x (exit code 1)", "login shell"],
    [{}, "bob cannot run commands there: exit code 1", "login shell"],
    [{ said: "a\nb" }, "bob cannot run commands there: a / b (exit code 1)", "login shell"],
    [{ sudo: true }, "bob cannot run commands there", "login shell"],
    [{ greeted: true }, "bob cannot run commands there", "login shell"],
    [
      { greeted: true, sudo: true, said: "no tty" },
      "sudo did not run the command of bob: no tty (",
      "NOPASSWD",
    ],
    [{ greeted: true, sudo: true, refusal: "lost" }, "has read what was sent", "bob's login shell"],
  ])("with %j", (changes, why, hint) => {
    const explanation = explainNotRun({ ...facts, ...changes });
    expect(explanation.why).toContain(why);
    expect(explanation.hint).toContain(hint);
  });

  it("quotes at most 500 characters of the host", () => {
    const whyFor = (length: number) => explainNotRun({ ...facts, said: "x".repeat(length) }).why;
    const start = "bob cannot run commands there: ";
    expect(whyFor(500)).toBe(`${start}${"x".repeat(500)} (exit code 1)`);
    expect(whyFor(501)).toBe(`${start}${"x".repeat(500)} … (exit code 1)`);
  });
});
