import { afterEach, beforeEach, expect, it, jest } from "@jest/globals";
import manifest from "../package.json" with { type: "json" };
import { defineProvider, defineResource } from "./resource.ts";
import { fields } from "./schema.ts";
import { answerArguments } from "./usage.ts";

const provider = defineProvider({
  name: "test",
  executable: "test-provider",
  description: "For tests.",
  resources: ["one", "two"].map((type) =>
    defineResource({
      type,
      description: "",
      docs: "",
      stateful: false,
      inputs: fields({}),
      outputs: fields({}),
      create: async () => ({}),
    }),
  ),
});
const HELP =
  "test-provider: the test resource provider for NixOps4\n" +
  "For tests.\n" +
  "It is run by nixops4, reads requests from standard input and takes no arguments but --help and --version.\n" +
  "Resource types:\n" +
  "  one\n" +
  "  two\n";

const { argv } = process;
let printed: { stdout: string; stderr: string };
beforeEach(() => {
  printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    jest.spyOn(process[name], "write").mockImplementation((text) => {
      printed[name] += text.toString();
      return true;
    });
  }
});
afterEach(() => {
  jest.restoreAllMocks();
  process.argv = argv;
  process.exitCode = undefined;
});

it.each([
  [["--version"], { stdout: `test-provider ${manifest.version}\n`, stderr: "" }, undefined],
  [["--help"], { stdout: HELP, stderr: "" }, undefined],
  [["--hepl"], { stdout: "", stderr: HELP }, 2],
  [["create", "--help"], { stdout: "", stderr: HELP }, 2],
])("the arguments %j are answered", (args, expected, exitCode) => {
  process.argv = ["node", "test-provider", ...args];
  answerArguments(provider);
  expect(printed).toEqual(expected);
  expect(process.exitCode).toBe(exitCode);
});
