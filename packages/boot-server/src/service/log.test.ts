import { expect, it } from "@jest/globals";
import { createLog } from "./log.ts";

function written(format: "text" | "json", message: string, fields = {}): string {
  let line = "";
  createLog(format, (text) => (line += text))("warn", "tftp", message, fields);
  return line;
}

it("writes JSON lines", () => {
  const line = written("json", "two\nlines", { bytes: 5, file: undefined });
  expect(line.match(/\n/g)).toHaveLength(1);
  expect(JSON.parse(line)).toMatchObject({ level: "warn", part: "tftp", message: "two\nlines", bytes: 5 });
});

it("writes text in which nobody can forge lines", () => {
  const line = written("text", "a\nb\u001b[2J\u2028", {
    file: "x y\n\u001b",
    address: "10.0.0.1",
    gone: undefined,
  });
  expect(line).toMatch(/^\S+Z warn tftp: a; b\?\[2J\? file="x y\\n\\u001b" address=10\.0\.0\.1\n$/);
});
