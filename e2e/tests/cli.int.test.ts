import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { builtProvider, runCli } from "../harness/index.ts";
import { temporaryFolders } from "./temporary-folder.ts";

const local = builtProvider("local");
const repository = join(import.meta.dirname, "../..");
const temporaryFolder = temporaryFolders();

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

async function run(...args: string[]): Promise<Outcome> {
  const outcome = { code: 0, stdout: "", stderr: "" };
  outcome.code = await runCli(args, {
    stdout: (text) => (outcome.stdout += text),
    stderr: (text) => (outcome.stderr += text),
  });
  return outcome;
}

function runProgram(
  file: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(file, args, options, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

const create = ["create", "--provider-exe", local];
const memo = [...create, "--type", "memo", "--stateful"];
const update = ["update", "--provider-exe", local, "--type", "memo"];
const stateFile = (folder: string) => join(folder, "state.json");
const stateArgs = (command: string, folder: string) => [
  command,
  "--provider-exe",
  local,
  "--type",
  "state_file",
  "--inputs-json",
  JSON.stringify({ name: stateFile(folder) }),
  "--outputs-json",
  "{}",
];
const stateEvent = (folder: string, patch: unknown, event = "create") => [
  ...stateArgs("state-event", folder),
  "--event",
  event,
  "--nixops-version",
  "0.1.0",
  "--patch-json",
  JSON.stringify(patch),
];

describe("create", () => {
  it("prints the outputs", async () => {
    expect(
      await run(...create, "--type", "exec", "-s", "executable", "echo", "-j", "args", '["hi"]'),
    ).toEqual({
      code: 0,
      stdout: '{\n  "json": null,\n  "stdout": "hi\\n"\n}\n',
      stderr: "",
    });
  });

  it("merges the inputs from all three options", async () => {
    const inputs = [
      "--inputs-json",
      '{"executable":"cat"}',
      "-j",
      "args",
      "[]",
      "--input-str",
      "stdin",
      '["-"]',
    ];
    expect((await run(...create, "--type", "exec", ...inputs)).stdout).toBe(
      '{\n  "json": null,\n  "stdout": "[\\"-\\"]"\n}\n',
    );
  });

  it("fails with exit code 1 and the provider's message", async () => {
    const { code, stdout, stderr } = await run(...create, "--type", "memo", "-j", "initialize_with", "1");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^error: failed to create resource: memo resources require state/);
  });
});

it("updates", async () => {
  const inputs = [
    "--inputs-json",
    '{"initialize_with":2}',
    "--previous-inputs-json",
    '{"initialize_with":1}',
  ];
  expect(await run(...update, ...inputs, "--previous-outputs-json", '{"value":1}')).toMatchObject({
    code: 0,
    stdout: '{\n  "value": 1\n}\n',
  });
});

it("reads and changes state", async () => {
  const folder = temporaryFolder();
  await run(...create, "--type", "state_file", "-s", "name", stateFile(folder));
  const value = { type: "memo", input_properties: {}, output_properties: {} };
  const add = [{ op: "add", path: "/resources/a", value }];
  expect(await run(...stateEvent(folder, add))).toEqual({
    code: 0,
    stdout: "State event sent successfully\n",
    stderr: "",
  });
  const { stdout } = await run(...stateArgs("state-read", folder));
  expect(JSON.parse(stdout)).toEqual({ _type: "nixopsState", resources: { a: value }, deployments: {} });
});

describe("a wrong command line", () => {
  it.each([
    [["create"], 2, "the following required arguments were not provided:\n  --provider-exe <PROVIDER_EXE>"],
    [["destroy"], 2, "unrecognized subcommand 'destroy'"],
    [[], 2, "unrecognized subcommand ''"],
    [[...memo, "--typo"], 2, "unexpected argument '--typo' found"],
    [[...memo, "-s", "x", "1", "-j", "x", "1"], 1, "duplicate input: x"],
    [[...memo, "--inputs-json", '{"x":1}', "-s", "x", "1"], 1, "duplicate input: x"],
    [[...memo, "--inputs-json", "[]"], 1, "failed to parse value of --inputs-json: it is not an object"],
    [[...memo, "-j", "x", "secret"], 1, "failed to parse JSON value for input: x: it is not JSON"],
    [stateEvent("/nonexistent", "secret"), 1, "failed to parse value of --patch-json: it is not a list"],
  ])("%j: %i", async (args, code, message) => {
    const outcome = await run(...args);
    expect(outcome).toMatchObject({ code, stdout: "" });
    expect(outcome.stderr.startsWith(`error: ${message}`)).toBe(true);
    expect(outcome.stderr).not.toContain("secret");
  });
});

it.each(["create", "update", "state-read", "state-event"])("explains %s", async (command) => {
  const { code, stdout } = await run(command, "--help");
  expect(code).toBe(0);
  expect(stdout).toContain(`Usage: provider ${command} [OPTIONS]`);
  expect(stdout).toContain("--provider-exe <PROVIDER_EXE>");
});

it("lists the commands", async () => {
  expect((await run("--help")).stdout).toContain("state-read   Read the state");
});

it("looks a provider without a slash up in PATH, then in dist/bin", async () => {
  const args = ["--type", "memo", "--stateful", "-s", "initialize_with", "x"];
  expect((await run("create", "--provider-exe", "nixops4-resources-local", ...args)).code).toBe(0);
  expect((await run("create", "--provider-exe", "true", ...args)).stderr).toContain(
    "did not return any output",
  );
  expect((await run("create", "--provider-exe", "no-such-provider", ...args)).stderr).toContain(
    "Could not spawn provider process no-such-provider: spawn no-such-provider ENOENT\nIs that its name? `npm run build`",
  );
});

it("is run by scripts/provider.ts where the user is", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "here"), "found");
  const args = ["--provider-exe", "nixops4-resources-local", "--type", "exec", "-s", "executable", "cat"];
  const script = ["--import", "tsx", "scripts/provider.ts", "create", ...args, "-j", "args", '["here"]'];
  const outcome = await runProgram(process.execPath, script, {
    cwd: repository,
    env: { ...process.env, INVOKED_FROM: folder },
  });
  expect(outcome).toEqual({ code: 0, stdout: '{\n  "json": null,\n  "stdout": "found"\n}\n', stderr: "" });
});

describe("provider -- describe", () => {
  const describeType = (...args: string[]) =>
    runProgram(process.execPath, ["--import", "tsx", "scripts/provider.ts", "describe", ...args], {
      cwd: repository,
    });

  it("prints what the reference says of a type, its example and the types it refers to", async () => {
    const { code, stdout } = await describeType("wait");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^## wait\n\nWaits until a user can log in/);
    expect(stdout).toContain(readFileSync(join(repository, "examples/ssh/wait.nix"), "utf8"));
    for (const heading of ["What a change does", "Taking over what exists", "Removal", "Security"])
      expect(stdout).toContain(`\n### ${heading}\n`);
    expect(stdout).toContain(
      "\n- `timeoutSeconds` (number above 0 and up to 2147483647, in seconds, default `300`)\n",
    );
    expect(stdout).toContain("\n### SecretRef\n");
    expect(stdout).not.toContain("](#");
  });

  it("lists the types for an unknown one", async () => {
    expect((await describeType("file")).stderr).toBe(
      'error: several providers have a resource type "file": name one of local.file, ssh.file\n',
    );
    expect((await describeType("nothing")).stderr).toContain("name one of dns.record_set, ");
    expect(await describeType()).toMatchObject({ code: 1 });
  });
});

const upstream = process.env["NIXOPS4_UPSTREAM_BIN"];
const comparison = upstream === undefined ? describe.skip : describe;

comparison("compared with nixops4-resource-runner (skipped without NIXOPS4_UPSTREAM_BIN)", () => {
  const nested = '{"b":[1,[],{}],"a":{"d":null,"c":true},"é":"\\u0001\\u2028\\u007f"}';
  const previous = ["--previous-inputs-json", "{}", "--previous-outputs-json", '{"value":{"b":1,"a":2}}'];

  /** Sequences of command lines, each of which runs in a separate folder for each of the two programs. */
  const sequences: ((folder: string) => string[])[][] = [
    [() => [...memo, "-j", "initialize_with", nested]],
    [() => [...memo, "--input-str=initialize_with", "x"]],
    [() => [...memo, "-s", "initialize_with", nested]],
    [() => [...memo, "--inputs-json", `{"initialize_with":${nested}}`]],
    [() => [...create, "--type", "memo", "-s", "initialize_with", "x"]],
    [() => [...memo, "-s", "x", "1", "-s", "x", "2"]],
    [() => [...memo, "-s", "x", "1", "-j", "x", "2"]],
    [() => [...memo, "--inputs-json", "{"]],
    [() => [...memo, "--inputs-json", "[]"]],
    [() => [...memo, "-j", "x", "nonsense"]],
    [() => [...memo, "-s", "x"]],
    [() => [...memo, "--type", "exec"]],
    [() => [...memo, "stray"]],
    [() => ["create", "--type", "memo"]],
    [() => ["destroy"]],
    [() => []],
    [() => ["create", "--provider-exe", "/nonexistent", "--type", "memo"]],
    [(folder) => ["create", "--provider-exe", join(folder, "crashes"), "--type", "memo"]],
    [() => [...update, "--inputs-json", '{"initialize_with":1}', ...previous]],
    [() => [...update, "--inputs-json", '{"initialize_with":1}']],
    [() => [...update, "--inputs-json", '{"typo":1}', ...previous]],
    [
      (folder) => [...create, "--type", "state_file", "-s", "name", stateFile(folder)],
      (folder) => stateArgs("state-read", folder),
      (folder) =>
        stateEvent(folder, [{ op: "add", path: "/resources/a", value: JSON.parse(nested) as unknown }]),
      (folder) => stateEvent(folder, [{ op: "remove", path: "/resources/b" }], "destroy"),
      (folder) => stateEvent(folder, {}),
      (folder) => stateArgs("state-read", folder),
    ],
  ];

  it.each(
    sequences.map((sequence) => [sequence.map((args) => args("FOLDER").join(" ")).join("; "), sequence]),
  )("%s", async (_, sequence) => {
    const folders = [temporaryFolder(), temporaryFolder()] as const;
    for (const args of sequence as ((folder: string) => string[])[]) {
      const ours = await run(...args(folders[0]));
      const theirs = await runProgram(join(upstream!, "nixops4-resource-runner"), args(folders[1]));
      expect({ code: ours.code, stdout: ours.stdout }).toEqual({ code: theirs.code, stdout: theirs.stdout });
      // A message that both programs only pass on from the provider is the same.
      if (theirs.stderr.startsWith("error: ") && !theirs.stderr.includes("Provider process")) {
        const [first] = theirs.stderr.split("\n");
        expect(ours.stderr.split("\n")[0]).toBe(first!.replaceAll(folders[1], folders[0]));
      }
    }
  });
});
