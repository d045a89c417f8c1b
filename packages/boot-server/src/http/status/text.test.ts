import { expect, it } from "@jest/globals";
import { bytes, clip, count, withoutAnsi } from "./text.ts";

it.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [10_239, "10.0 KiB"],
  [10_240, "10 KiB"],
  [412 * 2 ** 20, "412 MiB"],
  [16 * 2 ** 30, "16 GiB"],
  [5 * 2 ** 40, "5120 GiB"],
])("writes %i bytes as %j", (count, text) => {
  expect(bytes(count).replace("\u00a0", " ")).toBe(text);
});

it("clips what is longer only", () => {
  expect([clip("1234", 4), clip("12 45", 4)]).toEqual(["1234", "12 4\u2026"]);
});

it("takes the colors out of log lines", () => {
  expect(withoutAnsi("\u001b[1;31merror:\u001b[0m disk \u001b[2Kfull")).toBe("error: disk full");
});

it.each([
  [0, "0 lines"],
  [1, "1 line"],
  [2, "2 lines"],
])("counts %i lines as %j", (length, text) => {
  expect(count(Array.from({ length }), "line")).toBe(text);
});
