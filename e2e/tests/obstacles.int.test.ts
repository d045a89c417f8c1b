import { execFile, spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { asNobody } from "./ordinary-user.ts";
import { temporaryFolders } from "./temporary-folder.ts";

const temporaryFolder = temporaryFolders();
const RUN = join(import.meta.dirname, "../../scripts");
const suite = asNobody.length > 0 ? describe : describe.skip;

/** A clone in which nothing was installed, and that has no dependencies. */
let clone: string;

beforeEach(() => {
  clone = temporaryFolder();
  cpSync(join(RUN, "run.mjs"), join(clone, "scripts/run.mjs"));
  cpSync(join(RUN, "lib/obstacles.mjs"), join(clone, "scripts/lib/obstacles.mjs"));
  for (const task of ["demo", "test"]) writeFileSync(join(clone, `scripts/${task}.ts`), "");
  mkdirSync(join(clone, "packages"));
  writeFileSync(
    join(clone, "package.json"),
    JSON.stringify({ scripts: { demo: "", test: "" }, packageManager: "none@0", engines: {} }),
  );
});

function run(args: string[], { env = {}, prefix = [] as string[] } = {}): Promise<string> {
  const [program = "", ...rest] = [...prefix, process.execPath, join(clone, "scripts/run.mjs"), ...args];
  return new Promise((resolve) => {
    execFile(program, rest, { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve(`exit code ${error?.code ?? 0}: ${stdout}${stderr}`);
    });
  });
}

it("reports a missing folder for temporary files", async () => {
  expect(await run(["test"], { env: { TMPDIR: "/nowhere" } })).toBe(
    "exit code 1: error: the folder for temporary files, /nowhere, does not exist: " +
      "create it, or set TMPDIR to one that you can write to.\n",
  );
});

suite("as an ordinary user (needs root, to become one)", () => {
  const prefix = asNobody;

  beforeEach(() => {
    chmodSync(clone, 0o755);
    chownSync(clone, 65534, 65534);
  });

  it("reports files of root from an earlier build", async () => {
    mkdirSync(join(clone, "node_modules"));
    expect(await run(["test"], { prefix })).toBe(
      `exit code 1: error: ${clone}/node_modules belongs to user 0, and you cannot write to it: ` +
        `run \`sudo chown -R 65534 '${clone}'\`, or use a clone of your own.\n`,
    );
  });

  it("reports that npm cannot write its cache", async () => {
    expect(await run(["test"], { prefix, env: { HOME: "/nowhere" } })).toBe(
      "exit code 1: error: your home folder /nowhere cannot be written to, and npm keeps its cache there: " +
        "set HOME to a folder that you can write to.\n",
    );
  });

  it.each([
    ["with --", ["demo", "--machine"], {}],
    ["without --, as npm passes it on", ["demo"], { npm_config_machine: "true" }],
  ])("says that --machine takes root, before anything is installed: %s", async (_, args, env) => {
    expect(await run(args, { prefix, env })).toMatch(
      /^exit code 1: error: --machine .*: run (it as root|the demo)/,
    );
  });
});

it("installs when there is no obstacle", async () => {
  const { PATH = "" } = process.env;
  const npm = join(temporaryFolder(), "npm");
  writeFileSync(npm, "#!/bin/sh\necho asked to install\nexit 1\n", { mode: 0o755 });
  expect(spawnSync(npm).status).toBe(1);
  expect(await run(["test"], { env: { PATH: `${join(npm, "..")}:${PATH}` } })).toContain("asked to install");
});
