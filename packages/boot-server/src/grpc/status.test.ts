import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "@jest/globals";
import { Refusal } from "../core/refusal.ts";
import { toStatus } from "./status.ts";

describe("toStatus", () => {
  const logged: string[] = [];
  const log = (message: string) => logged.push(message);

  it("gives refusals with their reason", () => {
    expect(toStatus(new Refusal("conflict", "it is installed"), log)).toEqual({
      code: status.FAILED_PRECONDITION,
      details: "it is installed",
    });
    expect(logged).toEqual([]);
  });

  it("keeps what is our fault to the log", () => {
    const { code, details } = toStatus(new Error("ENOSPC /var/lib/secret-place"), log);
    expect(code).toBe(status.INTERNAL);
    expect(details).not.toMatch(/ENOSPC|secret-place/);
    expect(logged.join()).toMatch(/ENOSPC \/var\/lib\/secret-place/);
  });

  it("shortens what would not fit into a header, and leaves it encodable", () => {
    const { details } = toStatus(new Refusal("invalid", `a${"😀".repeat(100_000)}`), log);
    expect(encodeURI(details!).length).toBeLessThan(60_000);
    expect(details).toMatch(/ … and more$/);
  });

  it.each([
    [6 * 1024, ""],
    [6 * 1024 + 1, " … and more"],
  ])("leaves %i bytes, and adds %j", (length, end) => {
    const { details } = toStatus(new Refusal("invalid", "a".repeat(length)), log);
    expect(details).toBe(`${"a".repeat(6 * 1024)}${end}`);
  });

  it("reports a client that has gone as a cancellation, and does not log it", () => {
    logged.length = 0;
    const error = Object.assign(new Error("Premature close"), { code: "ERR_STREAM_PREMATURE_CLOSE" });
    expect(toStatus(error, log)).toMatchObject({ code: status.CANCELLED });
    expect(logged).toEqual([]);
  });
});
