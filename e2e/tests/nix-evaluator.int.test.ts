import { describe, expect, it } from "@jest/globals";
import { applyDeployment, builtProvider, nixEvaluator, type KnownOutputs } from "../harness/index.ts";
import { temporaryFolders } from "./temporary-folder.ts";
import { hasNix, nixArgs, nixMissing } from "./nix-sources.ts";

const suite = hasNix ? describe : describe.skip;
const outputs = (known: Record<string, Record<string, unknown>>): KnownOutputs =>
  new Map(Object.entries(known));
const temporaryFolder = temporaryFolders();

/** Returns a resource in the form of nixops4's modules. */
const resource = (inputs: string, state = "null", outputs = "{ stdout = { }; }") => `{ resource = {
  provider = { executable = "${builtProvider("local")}"; args = [ ]; type = "stdio"; };
  type = "exec"; inputs = ${inputs}; state = ${state}; outputsSkeleton = ${outputs};
}; }`;
const evaluate = (members: string) =>
  nixEvaluator({ root: `{ rootFunction = { outputValues, ... }: { members = ${members}; }; }` });

suite(`the evaluator of Nix expressions${nixMissing}`, () => {
  it("returns the outputs that an input needs, one after another", async () => {
    const evaluator = evaluate(`{
      a = ${resource("{ }")};
      net.members.c = ${resource("{ }")};
      b = ${resource("{ both = [ outputValues.a.stdout outputValues.net.c.stdout ]; other = 1; }")};
    }`);
    const both = (known: KnownOutputs) => evaluator.input(["b"], "both", known);
    expect(await both(outputs({}))).toEqual({ needs: { member: ["a"], output: "stdout" } });
    expect(await both(outputs({ a: { stdout: "1" } }))).toEqual({
      needs: { member: ["net", "c"], output: "stdout" },
    });
    const text = 'odd: " \\ ${x} \n \u0001 ü';
    expect(await both(outputs({ a: { stdout: text }, "net.c": { stdout: null } }))).toEqual({
      value: [text, null],
    });
    expect(await evaluator.input(["b"], "other", outputs({}))).toEqual({ value: 1 });
  });

  it("lets the structure depend on outputs, and no expression can catch the request for one", async () => {
    const evaluator = evaluate(`{
      a = ${resource("{ }")};
      net.members = if (builtins.tryEval (outputValues.a.stdout == "wide")).value then { c = ${resource("{ }")}; } else { };
    }`);
    expect(await evaluator.listMembers(["net"], outputs({}))).toEqual({
      needs: { member: ["a"], output: "stdout" },
    });
    expect(await evaluator.listMembers(["net"], outputs({ a: { stdout: "wide" } }))).toEqual({
      value: { c: "resource" },
    });
    expect(await evaluator.listMembers([], outputs({}))).toEqual({
      value: { a: "resource", net: "composite" },
    });
  });

  it("describes a resource, and the error of an expression", async () => {
    const evaluator = evaluate(`{ a = ${resource('{ x = throw "a mistake"; }', '[ "net" "state" ]')}; }`);
    expect(await evaluator.resourceInfo(["a"], outputs({}))).toEqual({
      value: {
        provider: { executable: builtProvider("local"), args: [], type: "stdio" },
        type: "exec",
        state: ["net", "state"],
        inputNames: ["x"],
      },
    });
    await expect(evaluator.input(["a"], "x", outputs({}))).rejects.toThrow(/^a mistake$/);
    await expect(evaluator.resourceInfo(["a", "b"], outputs({}))).rejects.toThrow("there is no member a.b");
  });

  it("builds the store paths in an input", async () => {
    const marker = temporaryFolder();
    const built = `derivation { name = "built"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo ${marker} > $out" ]; }`;
    const evaluator = nixEvaluator({
      root: `{ rootFunction = { outputValues, ... }: { members = {
        reader = ${resource(`{ executable = "cat"; args = [ "\${${built}}" ]; }`)};
      }; }; }`,
      nixArgs,
    });
    const [result] = await applyDeployment(evaluator);
    expect(result?.outputs).toEqual({ stdout: `${marker}\n`, json: null });
  });
});
