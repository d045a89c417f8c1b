import { describe, expect, it } from "@jest/globals";
import { builtProvider, createResource, runOperation } from "@nixops4-providers/e2e";

const executable = builtProvider("local");

describe("memo", () => {
  it.each([["text"], [null], [{ nested: [1, { a: null }] }], [0], [false]])("remembers %j", async (value) => {
    expect(await createResource(executable, "memo", { initialize_with: value }, true)).toEqual({ value });
    const request = {
      inputs: { initialize_with: "other" },
      previousInputs: { initialize_with: value },
      previousOutputs: { value },
    };
    expect(await runOperation(executable, (provider) => provider.update("memo", request))).toEqual({ value });
  });

  it("needs state", async () => {
    await expect(createResource(executable, "memo", { initialize_with: 1 })).rejects.toThrow(
      "memo resources require state (isStateful must be true)",
    );
  });

  it("does not make up a value that is not recorded", async () => {
    const request = { inputs: { initialize_with: 1 }, previousInputs: {}, previousOutputs: {} };
    await expect(runOperation(executable, (provider) => provider.update("memo", request))).rejects.toThrow(
      "none is recorded in the state",
    );
  });
});
