import { describe, expect, it } from "@jest/globals";
import { NixLog } from "./nix-log.ts";

function logOf(events: (object | string)[]): NixLog {
  const log = new NixLog();
  for (const event of events)
    log.takeLine(typeof event === "string" ? event : `@nix ${JSON.stringify(event)}`);
  return log;
}

describe("NixLog", () => {
  it("counts paths and bytes", () => {
    const log = logOf([
      { action: "start", id: 1, type: 103, text: "copying 3 paths" },
      { action: "result", id: 1, type: 106, fields: [100, 4 * 1024 * 1024] },
      { action: "result", id: 1, type: 105, fields: [1, 3, 1, 0] },
      { action: "start", id: 2, type: 100, text: "copying path" },
      { action: "result", id: 2, type: 105, fields: [1024 * 1024, 2 * 1024 * 1024, 0, 0] },
      { action: "start", id: 3, type: 100, text: "copying path" },
      { action: "result", id: 3, type: 105, fields: [512 * 1024, 2 * 1024 * 1024, 0, 0] },
    ]);
    expect(log.progress).toBe("1 of 3 paths, 1.5 of 4.0 MiB");
    expect(log.errors).toEqual([]);
  });

  it("has nothing to tell before it knows how much there is", () => {
    expect(logOf([{ action: "start", id: 1, type: 103 }]).progress).toBe("");
  });

  it("keeps errors, without colours and each once, and not warnings", () => {
    const log = logOf([
      { action: "msg", level: 1, msg: "warning: unimportant" },
      { action: "msg", level: 0, msg: "\u001b[31;1merror:\u001b[0m no space" },
      { action: "msg", level: 0, msg: "error: no space" },
      "a line of another program",
      "@nix not JSON",
    ]);
    expect(log.errors).toEqual(["error: no space", "a line of another program", "@nix not JSON"]);
  });

  it("counts the bytes of copied paths alone, and only what is a result", () => {
    const MIB = 1024 * 1024;
    const log = logOf([
      { action: "start", id: 1, type: 103 },
      { action: "result", id: 1, type: 105, fields: [1, 2, 0, 0] },
      { action: "result", id: 1, type: 106, fields: [100, 4 * MIB] },
      { action: "start", id: 2, type: 100 },
      { action: "result", id: 2, type: 105, fields: [MIB, 2 * MIB, 0, 0] },
      // A phase of the copied path, a download, its expected size, the same number of something else, and a message.
      { action: "result", id: 2, type: 104, fields: ["unpacking"] },
      { action: "start", id: 3, type: 101 },
      { action: "result", id: 3, type: 105, fields: [3 * MIB, 3 * MIB, 0, 0] },
      { action: "result", id: 1, type: 106, fields: [101, 9 * MIB] },
      { action: "result", id: 1, type: 107, fields: [100, 9 * MIB] },
      { action: "result", id: 1, type: 104, fields: [100, 9 * MIB] },
      { action: "msg", level: 3, msg: "", type: 106, fields: [100, 9 * MIB] },
    ]);
    expect(log.progress).toBe("1 of 2 paths, 1.0 of 4.0 MiB");
  });

  it("has no bytes to tell before Nix says how many there are", () => {
    const log = logOf([
      { action: "start", id: 1, type: 103 },
      { action: "result", id: 1, type: 105, fields: [0, 2, 0, 0] },
    ]);
    expect(log.progress).toBe("0 of 2 paths");
  });

  it("keeps 20 errors", () => {
    const log = logOf(
      Array.from({ length: 100 }, (_, n) => ({ action: "msg", level: 0, msg: `error ${n}` })),
    );
    expect(log.errors).toHaveLength(20);
    expect(log.errors.at(-1)).toBe("error 19");
  });

  it("takes a line for one of Nix only when it begins as one, and skips empty lines", () => {
    const event = JSON.stringify({ action: "msg", level: 1, msg: "no error" });
    const log = logOf([`ssh: ${event}`, "", "  "]);
    expect(log.errors).toEqual([`ssh: ${event}`]);
  });
});
