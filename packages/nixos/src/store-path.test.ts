import { describe, expect, it } from "@jest/globals";
import { checkStorePath } from "./store-path.ts";

const HASH = "0123456789abcdfghijklmnpqrsvwxyz";

describe("checkStorePath", () => {
  it.each([`/nix/store/${HASH}-nixos-system-web1-26.05`, `/nix/store/${HASH}-a+b.c_d?e=f`])(
    "accepts %s",
    (path) => expect(checkStorePath(path, "path")).toEqual([]),
  );

  it.each([
    "",
    "/etc/passwd",
    "./result",
    `/nix/store/${HASH}`,
    `/nix/store/${HASH}-`,
    `/nix/store/${HASH.replace("a", "e")}-name`,
    `/nix/store/${HASH.slice(1)}-name`,
    `/nix/store/${HASH}-name/bin`,
    `/nix/store/${HASH}-name\n`,
    `/nix/store/${HASH}-na me`,
  ])("refuses %j", (path) => {
    expect(checkStorePath(path, "path")).toEqual([
      { path: "path", message: expect.stringContaining("must be a store path") },
    ]);
  });
});
