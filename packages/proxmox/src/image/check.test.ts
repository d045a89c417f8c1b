import { expect, it } from "@jest/globals";
import type { Inputs } from "./schema.ts";
import { checkImage, fileNameOf } from "./check.ts";

const inputs = (more: object) => ({ connection: {}, source: {}, ...more }) as unknown as Inputs;

it.each([
  ["import", "a.qcow2", true],
  ["import", "a.iso", false],
  ["iso", "a.img", true],
  ["iso", "a.qcow2", false],
  ["vztmpl", "a.tar.zst", true],
  ["vztmpl", "a.tar", false],
])("takes as %s the name %s: %s", (content, name, isTaken) => {
  expect(checkImage(inputs({ content, name })).map(({ path }) => path)).toEqual(isTaken ? [] : ["name"]);
});

it("needs a checksum for a download only", () => {
  const image = { content: "iso", name: "a.iso" };
  const paths = (more: object) => checkImage(inputs({ ...image, ...more })).map(({ path }) => path);
  expect(paths({ source: { url: "https://example.org/a.iso" } })).toEqual(["sha256"]);
  expect(paths({ source: { url: "https://example.org/a.iso" }, sha256: "0" })).toEqual([]);
  expect(paths({ source: { file: "/a.iso" } })).toEqual([]);
});

it("puts a part of the checksum before the extension", () => {
  const sha256 = "0123456789abcdef".repeat(4);
  expect(fileNameOf(inputs({ content: "vztmpl", name: "a.tar.gz" }), sha256)).toBe(
    "a-0123456789abcdef.tar.gz",
  );
});
