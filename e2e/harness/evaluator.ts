import type { Properties } from "./protocol.ts";

/** The names on the path from the root to a member. */
export type MemberPath = readonly string[];

/** A value, or the output that must be known to compute it. */
export type Step<T> = { value: T } | { needs: { member: MemberPath; output: string } };

/** The outputs of the members that were applied so far, by {@link formatPath}. */
export type KnownOutputs = ReadonlyMap<string, Properties>;

export interface ResourceInfo {
  provider: { executable: string; args?: readonly string[] };
  type: string;
  /** The path of the resource that stores the state of this one. */
  state: MemberPath | undefined;
  inputNames: readonly string[];
}

/**
 * The source of a deployment. Each question may be answered by the name of an output that is needed first. It is asked
 * again when that output is known. nixops4 and its evaluator find dependencies in the same way.
 */
export interface Evaluator {
  listMembers(
    composite: MemberPath,
    known: KnownOutputs,
  ): Promise<Step<Record<string, "resource" | "composite">>>;
  resourceInfo(resource: MemberPath, known: KnownOutputs): Promise<Step<ResourceInfo>>;
  input(resource: MemberPath, name: string, known: KnownOutputs): Promise<Step<unknown>>;
}

export function formatPath(path: MemberPath): string {
  return path.length === 0 ? "(root)" : path.join(".");
}
