import { describe, expect, it } from "@jest/globals";
import { withoutSecrets } from "./report-secrets.ts";

const SECRET = "correct horse battery staple";

function clean(text: string, secrets: string[] = [SECRET]): string {
  const { message } = withoutSecrets({ bootId: "b", stage: "s", message: text }, secrets);
  return message!;
}

/** Returns a text of this length without short repetitions. */
function textOf(length: number): string {
  return Array.from({ length }, (_, i) => String.fromCodePoint(0x4e00 + i)).join("");
}

describe("a report", () => {
  it("is clean in every field, and otherwise as it was", () => {
    const request = { bootId: SECRET, stage: SECRET, message: SECRET, log: ["a", SECRET], percent: 5 };
    expect(withoutSecrets(request, [SECRET])).toEqual({
      bootId: SECRET,
      stage: "[secret]",
      message: "[secret]",
      log: ["a", "[secret]"],
      percent: 5,
    });
    expect(withoutSecrets({ bootId: "b", stage: "s" }, [SECRET])).toEqual({ bootId: "b", stage: "s" });
  });

  it.each([
    ["as it is", SECRET],
    ["as JSON", JSON.stringify('say "hello" to the world').slice(1, -1)],
    ["in a URL", encodeURIComponent(SECRET)],
    ["in hexadecimal", Buffer.from(SECRET).toString("hex")],
    ["in capital hexadecimal", Buffer.from(SECRET).toString("hex").toUpperCase()],
    ["in base64", Buffer.from("thirty characters are enough!!").toString("base64")],
  ])("has no secret %s", (_how, form) => {
    const secrets = [SECRET, 'say "hello" to the world', "thirty characters are enough!!"];
    expect(clean(`a ${form} b`, secrets)).toBe("a [secret] b");
  });

  it.each([0, 1, 2, 3, 4, 5])("has no secret that was encoded in base64 after %i bytes", (before) => {
    for (const length of [9, 10, 11, 12]) {
      const secret = "~\u007f?o>ÿabcdefgh".slice(0, length);
      for (const encoding of ["base64", "base64url"] as const) {
        const text = Buffer.from(`${"x".repeat(before)}${secret}yyy`).toString(encoding);
        const shown = clean(text, [secret]);
        expect(shown).toContain("[secret]");
        // The characters at both ends also encode bits of the text beside the secret.
        expect(shown.replace("[secret]", "").length).toBeLessThanOrEqual(Math.ceil((before + 4) / 3) * 4 + 2);
      }
    }
  });

  it.each([
    [7, false],
    [8, true],
    [64 * 1024, true],
    [64 * 1024 + 1, false],
  ])("with a secret of %i characters is changed: %s", (length, isChanged) => {
    const secret = "s".repeat(length);
    expect(clean(`<${secret.slice(0, 400)}>`, [secret]) !== `<${secret.slice(0, 400)}>`).toBe(isChanged);
  });

  it("has no line of a secret of many lines, without the space around it", () => {
    expect(clean("b: second line", [" first line \n second line \n"])).toBe("b: [secret]");
    expect(clean("first line", ["\n  first line\n"])).toBe("[secret]");
  });

  it("has no piece of 16 characters from within a long secret", () => {
    const secret = textOf(60);
    expect(clean(`a ${secret.slice(20, 36)} b`, [secret])).toBe("a [secret] b");
    expect(clean(`a ${secret.slice(20, 35)} b`, [secret])).toBe(`a ${secret.slice(20, 35)} b`);
    expect(clean(secret.slice(44), [secret])).toBe("[secret]");
    expect(clean(`a ${secret.slice(0, 50)}`, [secret])).toBe("a [secret]");
  });

  it("has no beginning or end of a secret, where a line was cut", () => {
    const secret = textOf(30);
    expect(clean(`a ${secret.slice(0, 8)}`, [secret])).toBe("a [secret]");
    expect(clean(`a ${secret.slice(0, 7)}`, [secret])).toBe(`a ${secret.slice(0, 7)}`);
    expect(clean(`${secret.slice(-8)} a`, [secret])).toBe("[secret] a");
    expect(clean(`${secret.slice(-7)} a`, [secret])).toBe(`${secret.slice(-7)} a`);
    expect(clean(`a ${secret.slice(0, 8)} b`, [secret])).toBe(`a ${secret.slice(0, 8)} b`);
    expect(clean(secret.slice(0, 8), [secret])).toBe("[secret]");
    expect(clean(secret.slice(-8), [secret])).toBe("[secret]");
    // The lengths of the secret and of the longest piece.
    expect(clean(`a ${textOf(9).slice(0, 8)}`, [textOf(9)])).toBe("a [secret]");
    expect(clean(`a ${secret.slice(0, 15)}`, [secret])).toBe("a [secret]");
  });

  it("replaces each secret once, also where they repeat and overlap", () => {
    expect(clean(`${SECRET} and ${SECRET}${SECRET}`)).toBe("[secret] and [secret]");
    expect(clean("abababababab.", ["abababab"])).toBe("[secret].");
    expect(clean("", [SECRET])).toBe("");
    expect(clean(SECRET, [])).toBe(SECRET);
  });

  it("is cut after 500 characters", () => {
    expect(clean("x".repeat(501)).length).toBe(500);
    expect(clean(`${"x".repeat(495)}${SECRET}`)).toBe(`${"x".repeat(495)}[secr`);
  });
});
