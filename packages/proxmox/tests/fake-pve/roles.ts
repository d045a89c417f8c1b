import { allPrivileges } from "./access.ts";
import { type FakePve, TOKEN_ID } from "./fake-pve.ts";

/** Gives the token these privileges and no others. */
export function privileges(pve: FakePve, acl: Record<string, string[]>): void {
  pve.cluster.tokens.get(TOKEN_ID)!.acl = acl;
}

/** All privileges of a version but these. */
export function withoutPrivileges(version: "8.4" | "9.2", without: readonly string[]): string[] {
  return allPrivileges(version).filter((privilege) => !without.includes(privilege));
}
