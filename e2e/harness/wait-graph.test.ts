import { expect, it } from "@jest/globals";
import { WaitGraph } from "./wait-graph.ts";

it("tells new waits from those it knows", () => {
  const waits = new WaitGraph();
  expect(waits.add("a", "b")).toBe(true);
  expect(waits.add("a", "b")).toBe(false);
  expect(waits.add("a", "c")).toBe(true);
});

it("names all members of a cycle", () => {
  const waits = new WaitGraph();
  waits.add("a", "b");
  waits.add("b", "x");
  waits.add("b", "c");
  expect(() => waits.add("c", "a")).toThrow("Cycle detected: c -> a -> b -> c");
});

it("finds that a member waits for itself", () => {
  expect(() => new WaitGraph().add("a", "a")).toThrow("Cycle detected: a -> a");
});

it("allows many ways to one member", () => {
  const waits = new WaitGraph();
  waits.add("a", "b");
  waits.add("a", "c");
  waits.add("b", "d");
  expect(waits.add("c", "d")).toBe(true);
});
