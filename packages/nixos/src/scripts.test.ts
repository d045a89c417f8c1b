import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { complaintsAbout, hasShellcheck } from "@nixops4-providers/test-servers";
import { agentArguments } from "./agent.ts";
import { generationOf } from "./observe.ts";
import * as scripts from "./scripts.ts";
import { parseValues } from "./remote-values.ts";

(hasShellcheck ? it : it.skip)(
  "shells and shellcheck (skipped where it is not installed) have nothing against the scripts",
  () => expect(complaintsAbout(scripts)).toBe(""),
  60_000,
);

describe("RECEIVE", () => {
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
      const { stdout } = spawnSync("sh", ["-c", scripts.RECEIVE], { env, encoding: "utf8" });
      expect(stdout).toBe(`--stdio --option ${setting} true\n`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("agentArguments", () => {
  it("has the order that the agent reads", () => {
    const parameters = {
      deployer: "me@here",
      lockSeconds: 3,
      activationSeconds: 2,
      confirmSeconds: 1,
      rollback: "yes",
      profile: "/profile",
      action: "switch",
      toplevel: "/system",
    } as const;
    expect(agentArguments(parameters)).toEqual([
      "/system",
      "switch",
      "/profile",
      "yes",
      "1",
      "2",
      "3",
      "me@here",
    ]);
  });
});

describe("what the host answers", () => {
  it("is read line by line", () => {
    const value = parseValues("a=1\nempty=\nwith=a=b\nno value\n");
    expect(["a", "empty", "with", "other"].map(value)).toEqual(["1", "", "a=b", ""]);
  });

  it.each([
    ["system-42-link", 42],
    ["my-profile-7-link", 7],
    ["/nix/store/x-nixos-system", null],
    ["", null],
  ])("has the generation in the link %j", (link, generation) => expect(generationOf(link)).toBe(generation));
});
