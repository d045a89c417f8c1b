import { describe, expect, it } from "@jest/globals";
import { refusedInputs } from "@nixops4-providers/e2e";
import { answer } from "@nixops4-providers/provider-sdk";
import { provider } from "./provider.ts";

const refusals = (type: string, inputs: object) =>
  refusedInputs((line, signal) => answer(provider, line, signal), type, inputs);

// Inputs that are accepted are not among these: a file would be written.
describe("file", () => {
  const NO_BASE64 = ["contents: is not base64"];
  it.each<[what: string, inputs: object, violations: string[]]>([
    ["no contents", { name: "/f" }, ["contents: is required"]],
    ["no contents, in base64", { name: "/f", encoding: "base64" }, ["contents: is required"]],
    ["an empty name", { name: "", contents: "" }, ["name: must not be empty"]],
    [
      "a home directory",
      { name: "~/f", contents: "" },
      ["name: must not begin with `~`, which is not expanded: write the whole path"],
    ],
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
