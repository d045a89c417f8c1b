import { describe, expect, it } from "@jest/globals";
import { complaintsAbout, hasShellcheck } from "@nixops4-providers/test-servers";
import { agentArguments } from "./agent.ts";
import { generationOf } from "./observe.ts";
import * as scripts from "./scripts.ts";
import isValid from "../closure/is-valid.sh";
import receive from "../copy/receive.sh";
import { parseValues } from "./remote-values.ts";

(hasShellcheck ? it : it.skip)(
  "shells and shellcheck (skipped where it is not installed) have nothing against the scripts",
  () => expect(complaintsAbout({ ...scripts, isValid, receive })).toBe(""),
  60_000,
);

describe("agentArguments", () => {
  it("has the order that the agent reads", () => {
    const parameters = {
      deployer: "me@here",
      lockSeconds: 3,
      activationSeconds: 2,
      confirmSeconds: 1,
      rollback: "yes",
      profile: "/profile",
      action: "switch",
      toplevel: "/system",
    } as const;
    expect(agentArguments(parameters)).toEqual([
      "/system",
      "switch",
      "/profile",
      "yes",
      "1",
      "2",
      "3",
      "me@here",
    ]);
  });
});

describe("what the host answers", () => {
  it("is read line by line", () => {
    const value = parseValues("a=1\nempty=\nwith=a=b\nno value\n");
    expect(["a", "empty", "with", "other"].map(value)).toEqual(["1", "", "a=b", ""]);
  });

  it.each([
    ["system-42-link", 42],
    ["my-profile-7-link", 7],
    ["/nix/store/x-nixos-system", null],
    ["", null],
  ])("has the generation in the link %j", (link, generation) => expect(generationOf(link)).toBe(generation));
});
