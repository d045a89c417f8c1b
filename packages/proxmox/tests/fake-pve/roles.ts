import { allPrivileges } from "./access.ts";
import { type FakePve, TOKEN_ID } from "./fake-pve.ts";

/** Sets the privileges of the token. */
export function privileges(pve: FakePve, acl: Record<string, string[]>): void {
  pve.cluster.tokens.get(TOKEN_ID)!.acl = acl;
}

/** Returns all privileges of a version except these. */
export function withoutPrivileges(version: "8.4" | "9.2", without: readonly string[]): string[] {
  return allPrivileges(version).filter((privilege) => !without.includes(privilege));
}
