import type { Violation } from "@nixops4-providers/provider-sdk";

/** Nix's base 32 has no e, o, t and u. */
const STORE_PATH = /^\/nix\/store\/[0-9abcdfghijklmnpqrsvwxyz]{32}-[0-9A-Za-z+._?=-]{1,211}$/;

/** Checks that an input is a store path, and not a path inside of one. */
export function checkStorePath(path: string, field: string): Violation[] {
  if (STORE_PATH.test(path)) return [];
  return [{ path: field, message: "must be a store path, such as /nix/store/<32 characters>-<name>" }];
}
