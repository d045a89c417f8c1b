import { describe, expect, it } from "@jest/globals";
import { changedInhibitors } from "./switch-inhibitors.ts";

describe("changedInhibitors", () => {
  it.each([
    ["", "", []],
    ["", '{"a": "1"}', []],
    ['{"a": "1"}', "", []],
    ['{"a": "1"}', '{ "a": "1" } ', []],
    ['{"a": "1", "b": "2"}', '{"b": "3", "c": "4"}', ["b: 2 -> 3"]],
    ['{"__proto__": "1"}', '{"__proto__": "2"}', ["__proto__: 1 -> 2"]],
    ['{"toString": "1"}', "{}", []],
    ["/nix/store/a /nix/store/b ", "/nix/store/a /nix/store/b ", []],
    ["/nix/store/a /nix/store/b ", "/nix/store/a ", ["the switch inhibitors differ"]],
    ["/nix/store/a ", '{"a": "1"}', ["the switch inhibitors differ"]],
    ["[]", "{}", ["the switch inhibitors differ"]],
    ["5", "{}", ["the switch inhibitors differ"]],
    ["null", "{}", ["the switch inhibitors differ"]],
  ])("of %j and %j is %j", (before, after, changed) =>
    expect(changedInhibitors(before, after)).toEqual(changed),
  );
});
