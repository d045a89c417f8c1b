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

  it.each<[string, unknown, string]>([
    ["a text", "text", "text"],
    ["an error without a hint", new ProviderError("a"), "a"],
    ["a cause that is no error", new Error("a", { cause: "b" }), "a: b"],
    ["several errors", new AggregateError([new Error("a"), new Error("b")], ""), "a; b"],
    ["several errors with a message", new AggregateError([new Error("a")], "b"), "b"],
    ["an error without a message", new Error(""), ""],
  ])("takes %s", (_, thrown, text) => {
    expect(describeError(thrown)).toBe(text);
  });

  it("shows no stack trace of what has none", () => {
    const error = new Error("oops");
    delete error.stack;
    expect(describeError(error, { stack: true })).toBe("oops");
    expect(describeError("text", { stack: true })).toBe("text");
  });

  it("ends after ten causes", () => {
    const chain = (length: number): Error =>
      length === 1 ? new Error("1") : new Error(`${length}`, { cause: chain(length - 1) });
    expect(describeError(chain(10))).toBe("10: 9: 8: 7: 6: 5: 4: 3: 2: 1");
    expect(describeError(chain(12))).toBe("12: 11: 10: 9: 8: 7: 6: 5: 4: 3");
  });

  it("ends when an error is its own cause", () => {
    const error = new Error("oops");
    error.cause = error;
    expect(describeError(error)).toBe("oops");
  });
});
