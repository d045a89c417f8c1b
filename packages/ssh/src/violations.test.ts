import { describe, expect, it } from "@jest/globals";
import { refusedInputs } from "@nixops4-providers/e2e";
import { answer } from "@nixops4-providers/provider-sdk";
import { provider } from "./provider.ts";

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPcnSKd6mWHg0QLBHpQSwR0WJAB7qDyjFh1gJ17qk6Wx";
// The command for the key is never run.
const connection = { host: "web1", hostPublicKeys: [HOST_KEY], privateKey: { command: ["false"] } };
const noLogin = { ...connection, agent: false, privateKey: null };
const NO_LOGIN = "connection.privateKey: is required when agent is false";

const refusals = (type: string, inputs: object) =>
  refusedInputs((line, signal) => answer(provider, line, signal), type, { connection, ...inputs });

type Case = [what: string, inputs: object, violations: string[]];

describe("wait", () => {
  it.each<Case>([
    ["no more than it needs", {}, []],
    ["no way to log in", { connection: noLogin }, [NO_LOGIN]],
    ["no time", { timeoutSeconds: 0 }, ["timeoutSeconds: must be > 0"]],
    ["a part of a second", { timeoutSeconds: 0.1 }, []],
  ])("with %s", async (_, inputs, violations) => {
    expect(await refusals("wait", inputs)).toEqual(violations);
  });
});

describe("exec", () => {
  const NUL = "must not contain NUL characters";
  const ONE_OF = "(all): exactly one of command and argv is required";
  it.each<Case>([
    ["a command", { command: "true" }, []],
    ["a program", { argv: ["true"] }, []],
    ["neither", {}, [ONE_OF]],
    ["both", { command: "true", argv: ["true"] }, [ONE_OF]],
    ["no way to log in", { command: "true", connection: noLogin }, [NO_LOGIN]],
    ["names of variables", { command: "true", env: { A: "", _b1: "", a_B: "" } }, []],
    [
      "names of no variables",
      { command: "true", env: { "1a": "", "a-b": "", "a=b": "", "": "" } },
      ["1a", "a-b", "a=b", ""].map((name) => `env.${name}: is not the name of an environment variable`),
    ],
    ["NUL in the command", { command: "a\0" }, [`command: ${NUL}`]],
    ["NUL in an argument", { argv: ["a", "b\0"] }, [`argv: ${NUL}`]],
    ["NUL in a variable", { command: "true", env: { A: "", B: "\0" } }, [`env: ${NUL}`]],
    ["NUL in a path", { command: "true", creates: "/a\0" }, [`creates: ${NUL}`]],
    ["NUL in a condition", { command: "true", unless: "a\0" }, [`unless: ${NUL}`]],
    [
      "a home directory",
      { command: "true", creates: "~/done" },
      ["creates: must not begin with `~`, which is not expanded: write the whole path"],
    ],
    [
      "wrong types and limits",
      {
        argv: [],
        command: "",
        stdin: 1,
        env: { A: 1 },
        sudo: "no",
        timeoutSeconds: 0,
        creates: "",
        unless: "",
        shell: 1,
      },
      [
        "shell: unknown field; known fields are connection, command, argv, stdin, env, sudo, timeoutSeconds, creates, unless, once, parseJson",
        "command: must not be empty",
        "argv: must not be empty",
        "stdin: must be string, is number",
        "env.A: must be string, is number",
        "sudo: must be boolean, is string",
        "timeoutSeconds: must be > 0",
        "creates: must not be empty",
        "creates: must not begin with `~`, which is not expanded: write the whole path",
        "unless: must not be empty",
      ],
    ],
    [
      "all violations at once",
      { connection: noLogin, env: { "a-b": "\0" }, creates: "\0" },
      [
        NO_LOGIN,
        ONE_OF,
        "env.a-b: is not the name of an environment variable",
        `creates: ${NUL}`,
        `env: ${NUL}`,
      ],
    ],
  ])("with %s", async (_, inputs, violations) => {
    expect(await refusals("exec", inputs)).toEqual(violations);
  });
});

describe("file", () => {
  const ONE_OF = "(all): exactly one of contents, source and secret is required";
  const path = "/etc/motd";
  it.each<Case>([
    ["contents", { contents: "" }, []],
    ["a source", { source: "/etc/motd" }, []],
    ["a secret", { secret: { env: "X" } }, []],
    ["nothing", {}, [ONE_OF]],
    ["nothing, when it is absent", { ensure: "absent" }, []],
    ["contents, when it is absent", { ensure: "absent", contents: "" }, []],
    ["two", { contents: "", source: "/etc/motd" }, [ONE_OF]],
    ["two, when it is absent", { ensure: "absent", contents: "", secret: { env: "X" } }, [ONE_OF]],
    ["three", { contents: "", source: "/etc/motd", secret: { env: "X" } }, [ONE_OF]],
    [
      "a relative path",
      { contents: "", path: "motd" },
      ["path: must be an absolute path of a file, such as /etc/motd"],
    ],
    [
      "a folder",
      { contents: "", path: "/etc/" },
      ["path: must be an absolute path of a file, such as /etc/motd"],
    ],
    [
      "NUL in the path",
      { contents: "", path: "/etc/a\0b" },
      ["path: must not contain newlines and NUL characters"],
    ],
    [
      "NUL in names",
      { contents: "", owner: "a\0b", group: "a\0b" },
      [
        "owner: must not contain newlines and NUL characters",
        "group: must not contain newlines and NUL characters",
      ],
    ],
    ["names of a directory", { contents: "", owner: "alice@example.com", group: "domain users" }, []],
    [
      "two names",
      { contents: "", owner: "alice:users" },
      ["owner: must be the name or number of a user or group"],
    ],
    ["a mode in words", { contents: "", mode: "u=rw" }, ["mode: must be 3 or 4 octal digits, such as 0640"]],
    ["no way to log in, and nothing", { connection: noLogin }, [NO_LOGIN, ONE_OF]],
  ])("with %s", async (_, inputs, violations) => {
    expect(await refusals("file", { path, ...inputs })).toEqual(violations);
  });
});

describe("host_key", () => {
  it.each<Case>([
    ["no more than it needs", {}, []],
    ["a size for ed25519", { bits: 256 }, ["bits: must not be set: an ed25519 key has one size"]],
    ["each size of ecdsa", { algorithm: "ecdsa", bits: 521 }, []],
    [
      "another size of ecdsa",
      { algorithm: "ecdsa", bits: 512 },
      ["bits: must be 256, 384 or 521 for an ecdsa key"],
    ],
    ["a small rsa key", { algorithm: "rsa", bits: 2047 }, ["bits: must be 2048 to 8192 for an rsa key"]],
    ["no way to log in", { connection: noLogin }, [NO_LOGIN]],
    [
      "two ways to reload",
      { reload: { unit: "sshd.service", command: "true" } },
      ["reload: must have exactly one of unit, command"],
    ],
    ["no way to reload", { reload: {} }, ["reload: must have exactly one of unit, command"]],
    [
      "a unit that is none",
      { reload: { unit: "a b" } },
      ["reload.unit: must be the name of a unit of systemd, such as sshd.service"],
    ],
    [
      "a relative folder",
      { directory: "etc/ssh" },
      ["directory: must be an absolute path, such as /etc/ssh"],
    ],
  ])("with %s", async (_, inputs, violations) => {
    expect(await refusals("host_key", inputs)).toEqual(violations);
  });
});
