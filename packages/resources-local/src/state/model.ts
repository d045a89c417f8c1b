/** A state, as the deployment sees it. */
export type Document = Record<string, unknown>;

/** A record of a state file, as in nixops4's state-schema-v0.json. */
export interface LoggedEvent {
  index: number;
  meta: { time: string; [field: string]: unknown };
  patch: readonly unknown[];
}
