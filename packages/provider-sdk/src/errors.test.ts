import { describe, expect, it } from "@jest/globals";
import { describeError, ProviderError } from "./errors.ts";

describe("describeError", () => {
  it("says what, where, why and what to do next", () => {
    const cause = new ProviderError("the key is locked", {
      hint: "Unlock it.",
      path: "connection.privateKey",
    });
    const error = new ProviderError("cannot log in to host.example", { cause, hint: "Try again." });
    expect(describeError(error)).toBe(
      "cannot log in to host.example: connection.privateKey: the key is locked\nTry again.\nUnlock it.",
    );
  });

  it("does not repeat a cause that the message already says", () => {
    expect(describeError(new Error("failed: no route", { cause: new Error("no route") }))).toBe(
      "failed: no route",
    );
  });

  it("shows a stack trace only when asked", () => {
    const error = new Error("oops");
    expect(describeError(error)).toBe("oops");
    expect(describeError(error, { stack: true })).toContain("errors.test.ts");
  });

  it("takes whatever was thrown", () => {
    expect(describeError("text")).toBe("text");
    expect(describeError(new AggregateError([new Error("a"), new Error("b")], ""))).toBe("a; b");
  });
});
