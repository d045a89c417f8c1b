import { describe, expect, it } from "@jest/globals";
import { Redactor } from "./redactor.ts";

describe("Redactor", () => {
  it("blots out a secret, its lines and its JSON form, the longest first", () => {
    const redactor = new Redactor();
    redactor.add("first-line\nsecond-line\n");
    redactor.add('quo"ted-secret');
    redactor.add("first");
    const text = 'first-line / second-line / quo\\"ted-secret / quo"ted-secret / first';
    expect(redactor.redact(text)).toBe("[secret] / [secret] / [secret] / [secret] / [secret]");
  });

  it("leaves alone what would be told by what is left out", () => {
    const redactor = new Redactor();
    for (const secret of ["", "a", "abc"]) redactor.add(secret);
    expect(redactor.redact("abc")).toBe("abc");
    redactor.add("abcd");
    expect(redactor.redact("abcdef")).toBe("[secret]ef");
  });

  it.each([
    ["", "text", "text"],
    ["line-012\nother-lines", "line-012", "[secret]"],
    ["line-01\nother-lines", "line-01", "line-01"],
    ["  indented \nother-lines", "indented", "[secret]"],
  ])("makes of the secret %j in the text %j: %s", (secret, text, redacted) => {
    const redactor = new Redactor();
    redactor.add(secret);
    expect(redactor.redact(text)).toBe(redacted);
  });

  it("replaces a secret that is added later", () => {
    const redactor = new Redactor();
    redactor.add("first-secret");
    expect(redactor.redact("second-secret")).toBe("second-secret");
    redactor.add("second-secret");
    expect(redactor.redact("second-secret")).toBe("[secret]");
  });
});
