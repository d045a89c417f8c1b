import { describe, expect, it } from "@jest/globals";
import { OutputReader } from "./output-reader.ts";

const marks = { mark: "MARK", secret: "SECRET" };

function read(text: string, pieces: number[] = [], stream = false) {
  let output = "";
  const reader = new OutputReader(marks, { stream, onOutput: (bytes) => void (output += bytes.toString()) });
  let from = 0;
  for (const to of [...pieces, text.length]) {
    if (to > from) reader.push(Buffer.from(text.slice(from, to)));
    from = to;
  }
  return { reader, output };
}

describe("OutputReader", () => {
  const whole = "Debian 13MARK ready\nlecture\nSECRET run\nline\n\nSECRET\nlast\nSECRET end 7\nafter";

  it("takes only what is between the marks for output, wherever the pieces end", () => {
    for (let first = 0; first <= whole.length; first += 1) {
      for (let second = first; second <= whole.length; second += 1) {
        const { reader, output } = read(whole, [first, second]);
        expect([first, second, output]).toEqual([first, second, "line\n\nSECRET\nlast"]);
        expect(reader).toMatchObject({ phase: "ended", exitCode: 7, joined: false });
        expect(reader.rest.toString()).toBe("after");
      }
    }
  });

  it.each([
    ["nothing of ours", "ran\n", { phase: "greeting", exitCode: undefined }],
    ["our line sent back", `exec /bin/sh -c 'm=MARK; echo "$m ready"'\n`, { phase: "greeting" }],
    ["a terminal", "MARK terminal\r\n", { phase: "refused", refusal: "terminal" }],
    ["input that something else has read", "MARK ready\nMARK lost\n", { phase: "refused", refusal: "lost" }],
    ["another user", "MARK ready\nSECRET not-root\n", { phase: "refused", refusal: "not-root" }],
    ["no sudo", "MARK ready\n\nSECRET end 1\n", { phase: "refused", refusal: undefined, exitCode: 1 }],
    ["no end", "MARK ready\nSECRET run\nout", { phase: "running", exitCode: undefined }],
    [
      "an end that is cut off",
      "MARK ready\nSECRET run\n\nSECRET end 1",
      { phase: "running", exitCode: undefined },
    ],
    ["outputs as one", "MARK\nMARK ready\nSECRET run\n", { phase: "running", joined: true }],
    ["too much", "x".repeat(70_000), { phase: "refused", refusal: "too-much-noise" }],
    ["as much as is allowed", "x".repeat(64 * 1024), { phase: "greeting", refusal: undefined }],
    ["one byte too much", "x".repeat(64 * 1024 + 1), { phase: "refused", refusal: "too-much-noise" }],
    ["too much later", `MARK ready\n${"x".repeat(70_000)}`, { phase: "refused", refusal: "too-much-noise" }],
  ])("knows %s", (_, text, expected) => expect(read(text).reader).toMatchObject(expected));

  it("holds back only what may be the beginning of the mark, and nothing empty", () => {
    const pieces: string[] = [];
    const reader = new OutputReader(marks, {
      stream: false,
      onOutput: (bytes) => void pieces.push(bytes.toString()),
    });
    const push = (text: string) => {
      reader.push(Buffer.from(text));
      return pieces.splice(0);
    };
    expect(push("MARK ready\nSECRET run\n")).toEqual([]);
    expect(push("no newline")).toEqual(["no newline"]);
    expect(push("\n")).toEqual([]);
    expect(push("next")).toEqual(["\nnext"]);
    expect(push("\nSECRET e")).toEqual([]);
    expect(push("lse")).toEqual(["\nSECRET else"]);
    expect(push("\nSECRET end 0\n")).toEqual([]);
    expect(reader).toMatchObject({ phase: "ended", exitCode: 0 });
  });

  it("leaves a stream alone from its beginning on", () => {
    const { reader, output } = read("MARK ready\nSECRET run\nabc\nSECRET end 0\n", [25], true);
    expect(output).toBe("");
    expect(reader.rest.toString()).toBe("abc\nSECRET end 0\n");
  });

  it("tells what the host said, without the marks", () => {
    expect(read("MARK\nDebian 13\r\nMARK ready\nsudo: sorry\n").reader.said).toBe("Debian 13\nsudo: sorry");
    expect(read("MARK ready\nSECRET run\na secret\n").reader.said).toBe("");
  });
});
