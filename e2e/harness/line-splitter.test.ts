import { expect, it } from "@jest/globals";
import { LineSplitter } from "./line-splitter.ts";

function split(...chunks: string[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(Buffer.from(chunk, "latin1"));
  splitter.end();
  return lines;
}

it("cuts at line feeds, wherever the chunks end", () => {
  expect(split("on", "e\ntwo\n\nth", "ree\n")).toEqual(["one", "two", "", "three"]);
});

it("emits what follows the last line feed at the end", () => {
  expect(split("one\ntwo")).toEqual(["one", "two"]);
});

it("puts characters together that two chunks share", () => {
  const bytes = Buffer.from("é\n").toString("latin1");
  expect(split(bytes.slice(0, 1), bytes.slice(1))).toEqual(["é"]);
});

it("does not cut at the line separators of Unicode", () => {
  const bytes = Buffer.from("a\u2028b\u0085c\r\n").toString("latin1");
  expect(split(bytes)).toEqual(["a\u2028b\u0085c\r"]);
});
