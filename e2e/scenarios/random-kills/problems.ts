import { isDeepStrictEqual } from "node:util";
import type { MemberResult, Properties } from "../../harness/index.ts";
import type { Round } from "./deployment.ts";

/** The record of a resource in the state. */
interface Stored {
  type: string;
  input_properties: Properties;
  output_properties: Properties;
}

export type State = Readonly<Record<string, Stored>>;

/** The output of each type that no update changes. */
const KEPT: Readonly<Record<string, string>> = { memo: "value", keypair: "fingerprint" };

/** Compares the state after an apply with the state before it and the results. Returns what is lost or wrong. */
export function problemsOf(
  members: Round,
  results: readonly MemberResult[],
  before: State,
  after: State,
): string[] {
  const acknowledged = new Map(
    results
      .filter(({ action }) => action === "created" || action === "updated")
      .map(({ member, outputs }) => [member, outputs]),
  );
  const problemOf = (name: string): string | undefined => {
    const [old, stored, outputs] = [before[name], after[name], acknowledged.get(name)];
    if (outputs !== undefined) {
      const expected = {
        type: members[name]!.type,
        input_properties: members[name]!.inputs,
        output_properties: outputs,
      };
      if (!isDeepStrictEqual(stored, expected)) return "its event was acknowledged, and is not in the state";
    }
    if (old === undefined) return undefined;
    if (stored === undefined) return "is gone from the state";
    const kept = KEPT[stored.type];
    if (kept !== undefined && old.output_properties[kept] !== stored.output_properties[kept]) {
      return `has another ${kept}`;
    }
    if (isDeepStrictEqual(stored, old)) return undefined;
    const isWanted = isDeepStrictEqual(stored.input_properties, members[name]?.inputs);
    return isWanted ? undefined : "has inputs in the state that no apply had";
  };
  const names = new Set([...Object.keys(before), ...Object.keys(after), ...acknowledged.keys()]);
  return [...names].flatMap((name) => {
    const problem = problemOf(name);
    return problem === undefined ? [] : [`${name} ${problem}`];
  });
}
