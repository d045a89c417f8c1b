import { describe, expect, it } from "@jest/globals";
import { helpOption, parseOptions, UsageError, type Option } from "./cli-options.ts";

const known: Option[] = [
  helpOption,
  { name: "type", values: ["TYPE"], occurs: "once", help: "" },
  { name: "input", short: "i", values: ["NAME", "VALUE"], occurs: "any number of times", help: "" },
  { name: "stateful", values: [], occurs: "at most once", help: "" },
];

it("understands long and short options, and values after an equals sign", () => {
  const options = parseOptions(known, ["--type=a=b", "-i", "x", "1", "--input", "y", "2", "--stateful"]);
  expect(Object.fromEntries(options)).toEqual({
    type: [["a=b"]],
    input: [
      ["x", "1"],
      ["y", "2"],
    ],
    stateful: [[]],
  });
});

it("takes values that begin with a dash", () => {
  const options = parseOptions(known, ["--type", "t", "-i", "key", "-----BEGIN"]);
  expect(options.get("input")).toEqual([["key", "-----BEGIN"]]);
});

it("asks for nothing more when help is wanted", () => {
  expect(parseOptions(known, ["--help"]).has("help")).toBe(true);
});

describe("refuses", () => {
  it.each<[string[], string]>([
    [[], "the following required arguments were not provided:\n  --type <TYPE>"],
    [["--type", "a", "--type", "b"], "the argument '--type <TYPE>' cannot be used multiple times"],
    [["--type"], "a value is required for '--type <TYPE>' but none was supplied"],
    [["--type", "--stateful"], "a value is required for '--type <TYPE>' but none was supplied"],
    [["--type", "a", "-i", "x"], "2 values required for '--input <NAME> <VALUE>' but 1 was provided"],
    [["--input=x", "1"], "2 values required for '--input <NAME> <VALUE>' but 1 was provided"],
    [["--stateful=1"], "the argument '--stateful' takes no value"],
    [["--typo", "a"], "unexpected argument '--typo' found"],
    [["stray"], "unexpected argument 'stray' found"],
  ])("%j", (args, message) => {
    const parse = () => parseOptions(known, args);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(message);
  });
});
