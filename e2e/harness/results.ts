import type { Properties } from "./protocol.ts";

/**
 * The result of a member.
 * `ensured`: a resource without state was created, as in each apply. Whether this changed anything is not known.
 * `not run`: a dependency failed, or the apply was interrupted.
 * `left`: the operation was in progress when nixops4 exited after another failure, and continues on its own.
 */
export type Action = "ensured" | "created" | "updated" | "skipped" | "failed" | "not run" | "left";

export interface MemberResult {
  /** The path from the root, such as `network.gateway`. */
  member: string;
  /** The resource type; empty for a composite, or when it is not known. */
  type: string;
  action: Action;
  /** The time that the provider took, without waiting for other members. */
  seconds: number;
  /** Empty when the member `failed`, was `not run` or `left`. */
  outputs: Properties;
  /** Why the member `failed` or was `not run`. */
  error?: string;
}

export type ApplyEvent =
  /** The member needs an output of another one, or the state in it when `output` is undefined. */
  | { kind: "waiting"; member: string; on: string; output: string | undefined }
  | { kind: "started"; member: string; type: string; operation: "create" | "update" }
  | { kind: "log"; member: string; line: string }
  | ({ kind: Action } & MemberResult);

/** The error of an apply that is not complete. */
export class ApplyError extends Error {
  override readonly name = "ApplyError";
  /** The results of all members. */
  readonly results: readonly MemberResult[];

  constructor(message: string, results: readonly MemberResult[]) {
    super(message);
    this.results = results;
  }
}

/** Why a member did not run. */
export class NotRun extends Error {
  override readonly name = "NotRun";
}
