import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { retrying, writeAll } from "./write-all.ts";

const failWith = (code: string): never => {
  throw Object.assign(new Error(`failed with ${code}`), { code });
};

describe("retrying", () => {
  it("calls again while a descriptor is not ready", () => {
    const answers = ["EAGAIN", "EAGAIN", "EPIPE"];
    const call = () => (answers.length > 1 ? failWith(answers.shift()!) : 7);
    expect(retrying(call)).toBe(7);
    expect(answers).toEqual(["EPIPE"]);
  });

  it("throws any other error", () => {
    expect(() => retrying(() => failWith("EPIPE"))).toThrow("failed with EPIPE");
  });
});

it.each([0, 1, 200_000])("writeAll writes %d bytes", (length) => {
  const folder = mkdtempSync(join(tmpdir(), "write-all-"));
  const fd = openSync(join(folder, "file"), "w");
  writeAll(fd, Buffer.alloc(length, "x"));
  closeSync(fd);
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("x".repeat(length));
  rmSync(folder, { recursive: true });
});
