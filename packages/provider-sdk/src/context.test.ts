import { describe, expect, it } from "@jest/globals";
import { createContext } from "./context.ts";
import { Redactor } from "./redactor.ts";

function contextWith(redactor: Redactor) {
  const { signal } = new AbortController();
  return createContext({ provider: "test", type: "thing", isStateful: false, signal, redactor });
}

describe("createContext", () => {
  it.each(["secret", "key"] as const)("replaces in messages what %s has read", async (read) => {
    const redactor = new Redactor();
    expect(await contextWith(redactor)[read]({ value: "abcd" }, "the password")).toBe("abcd");
    expect(redactor.redact("with abcd")).toBe("with [secret]");
  });

  it.each(["", "abcd"])("takes %j as a key", async (value) => {
    expect(await contextWith(new Redactor()).key({ value }, "the key")).toBe(value);
  });

  it.each(["a", "abc"])("refuses %j as a key, which is too short to be replaced", async (value) => {
    const context = contextWith(new Redactor());
    await expect(context.key({ value }, "the key")).rejects.toMatchObject({
      message: "the key has fewer than 4 characters",
      hint: "Choose a longer one: a secret this short cannot be removed from messages.",
    });
    expect(await context.secret({ value }, "the password")).toBe(value);
  });
});
