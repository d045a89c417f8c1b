import { expect, it } from "@jest/globals";
import { graph } from "./graph.ts";

const provider = { executable: "provider" };
const empty = { provider, type: "memo", inputs: {} };

const evaluator = graph({
  a: { provider, type: "memo", inputs: { fixed: [1, { b: null }] } },
  b: {
    provider,
    type: "memo",
    state: "net.state",
    inputs: { both: ({ a, net }) => [a.outputs["x"], net.members["c"]?.outputs["y"]] },
  },
  net: {
    members: ({ a }) => ({
      state: { provider, type: "state_file", inputs: {} },
      ...(a.outputs["wide"] === true ? { c: empty } : {}),
    }),
  },
});

const outputs = (known: Record<string, Record<string, unknown>>) => new Map(Object.entries(known));

it("tells one output after another that an input needs", async () => {
  expect(await evaluator.input(["b"], "both", outputs({}))).toMatchObject({
    needs: { member: ["a"], output: "x" },
  });
  expect(await evaluator.input(["b"], "both", outputs({ a: { x: 1 } }))).toMatchObject({
    needs: { member: ["net", "c"], output: "y" },
  });
  expect(await evaluator.input(["b"], "both", outputs({ a: { x: 1 }, "net.c": { y: 2 } }))).toEqual({
    value: [1, 2],
  });
});

it("takes values as they are", async () => {
  expect(await evaluator.input(["a"], "fixed", outputs({}))).toEqual({ value: [1, { b: null }] });
});

it("asks again for an output that its member did not have", async () => {
  const known = outputs({ a: { other: 1 } });
  expect(await evaluator.input(["b"], "both", known)).toMatchObject({
    needs: { member: ["a"], output: "x" },
  });
});

it("lets the structure depend on outputs", async () => {
  expect(await evaluator.listMembers(["net"], outputs({}))).toMatchObject({
    needs: { member: ["a"], output: "wide" },
  });
  expect(await evaluator.listMembers(["net"], outputs({ a: { wide: true } }))).toEqual({
    value: { state: "resource", c: "resource" },
  });
  expect(await evaluator.listMembers([], outputs({}))).toEqual({
    value: { a: "resource", b: "resource", net: "composite" },
  });
});

it("describes a resource", async () => {
  expect(await evaluator.resourceInfo(["b"], outputs({}))).toEqual({
    value: { provider, type: "memo", state: ["net", "state"], inputNames: ["both"] },
  });
});

it("refuses paths that lead to nothing, and composites where a resource is meant", async () => {
  await expect(evaluator.resourceInfo(["a", "b"], outputs({}))).rejects.toThrow("there is no member a.b");
  await expect(evaluator.resourceInfo(["toString"], outputs({}))).rejects.toThrow("no member toString");
  await expect(evaluator.resourceInfo(["net"], outputs({}))).rejects.toThrow("but found a composite");
});
