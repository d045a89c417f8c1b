import type { Properties } from "./protocol.ts";

/** The names that lead from the root to a member: composites first. */
export type MemberPath = readonly string[];

/** A value, or the output that must be known before there can be one. */
export type Step<T> = { value: T } | { needs: { member: MemberPath; output: string } };

/** The outputs of the members applied so far, by {@link formatPath}. */
export type KnownOutputs = ReadonlyMap<string, Properties>;

export interface ResourceInfo {
  provider: { executable: string; args?: readonly string[] };
  type: string;
  /** The resource that stores this one's state. */
  state: MemberPath | undefined;
  inputNames: readonly string[];
}

/**
 * Where a deployment comes from. Every question may be answered with an output that is needed first: it is
 * then asked again with that output known. This is how nixops4 and its evaluator find dependencies.
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
