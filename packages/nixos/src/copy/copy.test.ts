import { expect, it } from "@jest/globals";
import { hintFor } from "./copy.ts";

it.each([
  ["error: writing to file: No space left on device", "collect-garbage"],
  ["error: database or disk is full", "collect-garbage"],
  [
    "error: cannot add path '/nix/store/x' because it lacks a signature by a trusted key",
    "does not trust bob",
  ],
  ["error: cannot add path '/nix/store/x' because it lacks a valid signature", "does not trust bob"],
  ["error: you are not privileged to import unsigned paths", "does not trust bob"],
  ["sh: 1: nix-daemon: not found", "The host has no Nix."],
  ["zsh:1: command not found: nix-daemon", "The host has no Nix."],
  ["error: NAR hash mismatch", undefined],
])("after %j, the hint has %j", (text, hint) => {
  const found = hintFor(text, "bob");
  if (hint === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(hint);
});
