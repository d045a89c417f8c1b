import { describe, expect, it } from "@jest/globals";
import { cpioArchive } from "./cpio.ts";

const file = (path: string, contents = "", mode = 0o644) => ({ path, contents: Buffer.from(contents), mode });

describe("cpioArchive", () => {
  it("writes newc, byte for byte", () => {
    const archive = cpioArchive([file("/a/b", "hello", 0o600)]);
    const member = (...fields: string[]) => `070701${fields.map((field) => field.padStart(8, "0")).join("")}`;
    const expected = [
      member("1", "41ED", "", "", "2", "", "", "", "", "", "", "2", ""),
      "a\0",
      member("2", "8180", "", "", "1", "", "5", "", "", "", "", "4", ""),
      "a/b\0\0\0hello\0\0\0",
      member("", "", "", "", "1", "", "", "", "", "", "", "B", ""),
      "TRAILER!!!\0",
    ].join("");
    expect(archive.toString("latin1")).toBe(expected.padEnd(512, "\0"));
  });

  it("makes each folder once, before what is in it", () => {
    const names = namesIn(cpioArchive([file("/a/b/c"), file("/a/d"), file("/e"), file("/a/b/f/g")]));
    expect(names).toEqual(["a", "a/b", "a/b/c", "a/d", "e", "a/b/f", "a/b/f/g", "TRAILER!!!"]);
  });

  it("is the same for the same files, and a multiple of 512 bytes", () => {
    for (let size = 0; size < 1030; size += 103) {
      const files = [file("/some/ümlaut", "x".repeat(size))];
      expect(cpioArchive(files).equals(cpioArchive(files))).toBe(true);
      expect(cpioArchive(files).length % 512).toBe(0);
    }
  });

  it("keeps all permission bits, and no other", () => {
    expect(cpioArchive([file("/x", "", 0o104755)]).toString("latin1", 14, 22)).toBe("000089ED");
  });
});

function namesIn(archive: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; archive.toString("latin1", at, at + 6) === "070701";) {
    const field = (index: number) =>
      Number.parseInt(archive.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    const nameLength = field(11);
    names.push(archive.toString("utf8", at + 110, at + 110 + nameLength - 1));
    at += upToFour(110 + nameLength) + upToFour(field(6));
  }
  return names;
}

function upToFour(length: number): number {
  return Math.ceil(length / 4) * 4;
}
