import type { Properties } from "./protocol.ts";

/**
 * What became of a member. `ensured`: a resource without state, which is created on every apply; whether that
 * changed anything in the world is not told. `not run`: something it needs failed, or the apply was interrupted. `left`: it
 * was under way when nixops4 exited because of another failure, and comes to its end by itself.
 */
export type Action = "ensured" | "created" | "updated" | "skipped" | "failed" | "not run" | "left";

export interface MemberResult {
  /** The path from the root, such as `network.gateway`. */
  member: string;
  /** The resource type; empty for a composite and where it is not known. */
  type: string;
  action: Action;
  /** How long its provider worked, without what the member waited for before. */
  seconds: number;
  /** Empty where the member `failed`, was `not run` or `left`. */
  outputs: Properties;
  /** Why it `failed` or was `not run`. */
  error?: string;
}

export type ApplyEvent =
  /** It needs something of another member: an output, or (without one) to store its state there. */
  | { kind: "waiting"; member: string; on: string; output: string | undefined }
  | { kind: "started"; member: string; type: string; operation: "create" | "update" }
  | { kind: "log"; member: string; line: string }
  | ({ kind: Action } & MemberResult);

/** An apply in which not everything was done. */
export class ApplyError extends Error {
  override readonly name = "ApplyError";
  /** The results of all members. */
  readonly results: readonly MemberResult[];

  constructor(message: string, results: readonly MemberResult[]) {
    super(message);
    this.results = results;
  }
}

/** Why a member was not even tried. */
export class NotRun extends Error {
  override readonly name = "NotRun";
}
