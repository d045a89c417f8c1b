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
});
