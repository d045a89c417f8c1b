import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import receive from "./receive.sh";

describe("receive.sh", () => {
  it.each([
    ["a Nix that has it", "fsync-store-paths", ""],
    ["an older one", "sync-before-registering", "warning: unknown setting 'fsync-store-paths'"],
    ["a broken configuration", "fsync-store-paths", "warning: unknown setting 'fsync-something'"],
  ])("gives the setting that there is to %s", (_, setting, warning) => {
    const folder = mkdtempSync(join(tmpdir(), "receive-"));
    try {
      const daemon = `#!/bin/sh\necho "$@"\necho "${warning}" >&2\n`;
      writeFileSync(join(folder, "nix-daemon"), daemon, { mode: 0o755 });
      const env = { PATH: `${folder}:${process.env["PATH"]}` };
      const { stdout } = spawnSync("sh", ["-c", receive], { env, encoding: "utf8" });
      expect(stdout).toBe(`--stdio --option ${setting} true\n`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
