import { stat } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { MemberResult } from "../../harness/index.ts";

/** The files and state after an apply, to be compared with those after the next one. */
export interface Observation {
  results: ReadonlyMap<string, MemberResult>;
  /** The inode, size, mode and time of the last change, by member. */
  files: ReadonlyMap<string, string>;
}

export async function observe(
  results: readonly MemberResult[],
  files: Readonly<Record<string, string>>,
): Promise<Observation> {
  const identities = Object.entries(files).map(
    async ([member, file]) => [member, await fileIdentity(file)] as const,
  );
  return {
    results: new Map(results.map((result) => [result.member, result])),
    files: new Map(await Promise.all(identities)),
  };
}

/** Returns the members with changed outputs or a written file. */
export function changedMembers(before: Observation, after: Observation): string[] {
  return [...after.results.values()]
    .filter(
      ({ member, outputs }) =>
        !isDeepStrictEqual(before.results.get(member)?.outputs, outputs) ||
        before.files.get(member) !== after.files.get(member),
    )
    .map(({ member }) => member)
    .toSorted();
}

async function fileIdentity(file: string): Promise<string> {
  const { ino, size, mode, mtimeNs } = await stat(file, { bigint: true });
  return [ino, size, mode, mtimeNs].join(" ");
}
