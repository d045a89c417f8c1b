import { describe, expect, it } from "@jest/globals";
import { refusedInputs } from "@nixops4-providers/e2e";
import { answer } from "@nixops4-providers/provider-sdk";
import { provider } from "./provider.ts";

const refusals = (type: string, inputs: object) =>
  refusedInputs((line, signal) => answer(provider, line, signal), type, inputs);

type Case = [what: string, inputs: object, violations: string[]];
const TILDE = "must not begin with `~`, which is not expanded: write the whole path";
const NUL = "must not contain NUL characters";
const NO_NAME = "is not the name of an environment variable";

describe("exec", () => {
  const FIELDS = "executable, args, stdin, env, cwd, timeoutSeconds, once, parseJson";
  it.each<Case>([
    ["no more than it needs", { executable: "true" }, []],
    ["names that no shell could use", { executable: "true", env: { "a.b": "", "1": "", ä: "=" } }, []],
    ["no program", {}, ["executable: is required"]],
    [
      "wrong types and limits",
      {
        shell: true,
        executable: "",
        args: ["a", 1, null],
        stdin: 3,
        env: { A: 1 },
        cwd: "",
        timeoutSeconds: 0,
        once: "yes",
        parseJson: 1,
      },
      [
        `shell: unknown field; known fields are ${FIELDS}`,
        "executable: must not be empty",
        "args[1]: must be string, is number",
        "args[2]: must be string, is null",
        "stdin: must be string, is number",
        "env.A: must be string, is number",
        "cwd: must not be empty",
        "timeoutSeconds: must be > 0",
        "once: must be boolean, is string",
        "parseJson: must be boolean, is number",
      ],
    ],
    [
      "other types",
      { executable: "true", args: "all", env: [], timeoutSeconds: 1e12 },
      [
        "args: must be array, is string",
        "env: must be object, is array",
        "timeoutSeconds: must be <= 2147483647",
      ],
    ],
    ["home directories", { executable: "~/a", cwd: "~" }, [`executable: ${TILDE}`, `cwd: ${TILDE}`]],
    ["NUL in paths", { executable: "a\0", cwd: "b\0" }, [`executable: ${NUL}`, `cwd: ${NUL}`]],
    [
      "what no program can get",
      { executable: "~/a", args: ["", "\0", "a\0b"], env: { A: "\0", "": "", "B=": "", "C\0": "" } },
      [
        `env.: ${NO_NAME}`,
        `env.B=: ${NO_NAME}`,
        `env.C\\x00: ${NO_NAME}`,
        `args[1]: ${NUL}`,
        `args[2]: ${NUL}`,
        `env.A: ${NUL}`,
        `executable: ${TILDE}`,
      ],
    ],
  ])("with %s", async (_, inputs, violations) => {
    expect(await refusals("exec", inputs)).toEqual(violations);
  });
});

describe("memo", () => {
  it.each<Case>([
    ["any value", { initialize_with: { a: [null, 1.5] } }, []],
    ["null", { initialize_with: null }, []],
    ["no value", {}, ["initialize_with: is required"]],
    [
      "a name that is not spelled so, and another",
      { initialise_with: 1, value: 2 },
      [
        "initialize_with: is required",
        "initialise_with: unknown field; known fields are initialize_with",
        "value: unknown field; known fields are initialize_with",
      ],
    ],
  ])("with %s", async (_, inputs, violations) => {
    expect(await refusals("memo", inputs)).toEqual(violations);
  });
});

// Inputs that are accepted are not among the rest: a file would be written.
describe("state_file", () => {
  it.each<Case>([
    ["no name", {}, ["name: is required"]],
    [
      "limits that are not kept",
      { mode: "0600", name: "", compactAfterEvents: 0, lockTimeoutSeconds: 0 },
      [
        "mode: unknown field; known fields are name, compactAfterEvents, lockTimeoutSeconds",
        "name: must not be empty",
        "compactAfterEvents: must be >= 1",
        "lockTimeoutSeconds: must be > 0",
      ],
    ],
    [
      "other types",
      { name: 1, compactAfterEvents: "1", lockTimeoutSeconds: [] },
      [
        "name: must be string, is number",
        "compactAfterEvents: must be integer, is string",
        "lockTimeoutSeconds: must be number, is array",
      ],
    ],
    [
      "a home directory, a part of an event and too long a time",
      { name: "~/state.json", compactAfterEvents: 1.5, lockTimeoutSeconds: 2 ** 31 },
      [
        "compactAfterEvents: must be integer, is number",
        "lockTimeoutSeconds: must be <= 2147483647",
        `name: ${TILDE}`,
      ],
    ],
    ["NUL in the name", { name: "state\0.json" }, [`name: ${NUL}`]],
  ])("with %s", async (_, inputs, violations) => {
    expect(await refusals("state_file", inputs)).toEqual(violations);
  });
});

describe("file", () => {
  const NO_BASE64 = ["contents: is not base64"];
  it.each<Case>([
    ["no contents", { name: "/f" }, ["contents: is required"]],
    ["no contents, in base64", { name: "/f", encoding: "base64" }, ["contents: is required"]],
    ["an empty name", { name: "", contents: "" }, ["name: must not be empty"]],
    ["a home directory", { name: "~/f", contents: "" }, [`name: ${TILDE}`]],
    [
      "a mode in words",
      { name: "/f", contents: "", mode: "u=rw" },
      ["mode: must be 3 or 4 octal digits, such as 0640"],
    ],
    [
      "a mode of two digits",
      { name: "/f", contents: "", mode: "64" },
      ["mode: must be 3 or 4 octal digits, such as 0640"],
    ],
    [
      "wrong types and forms",
      { name: 1, contents: [], mode: "8", encoding: "latin1", ensure: "gone" },
      [
        "name: must be string, is number",
        "contents: must be string, is array",
        'encoding: must be one of "utf-8", "base64"',
        "mode: must be 3 or 4 octal digits, such as 0640",
        'ensure: must be one of "present", "absent"',
      ],
    ],
    [
      "NUL in the name, and text in place of base64",
      { name: "a\0", contents: "?", encoding: "base64" },
      ["contents: is not base64", `name: ${NUL}`],
    ],
    ["text in place of base64", { name: "/f", contents: "a-b_", encoding: "base64" }, NO_BASE64],
    ["base64 without its padding", { name: "/f", contents: "YQ", encoding: "base64" }, NO_BASE64],
    ["base64 with too much padding", { name: "/f", contents: "Y===", encoding: "base64" }, NO_BASE64],
    [
      "base64 with padding in the middle",
      { name: "/f", contents: "YQ==YWE=", encoding: "base64" },
      NO_BASE64,
    ],
    ["base64 of five characters", { name: "/f", contents: "YWFhY", encoding: "base64" }, NO_BASE64],
  ])("with %s", async (_, inputs, violations) => {
    expect(await refusals("file", inputs)).toEqual(violations);
  });
});
