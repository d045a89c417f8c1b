import { ProviderError } from "@nixops4-providers/provider-sdk";

/**
 * - `not-run`: the host did not run the script, or its user is not root although that is wanted
 * - `exit-code`: the script ended with another exit code than 0
 * - `timeout`, `too-much-output`: it was ended
 * - `interrupted`: by the signal of the context that connected
 * - `input`: what was to be sent could not be read
 * - `lost`: the connection was lost; whether the script finished is not known
 */
export type ScriptFailure =
  "not-run" | "exit-code" | "timeout" | "too-much-output" | "interrupted" | "input" | "lost";

/** A script on a host did not end well: `cannot <doing> on <host>: <why>`. */
export class ScriptError extends ProviderError {
  override readonly name = "ScriptError";
  readonly reason: ScriptFailure;
  /** With the reason `exit-code`. */
  readonly exitCode: number | undefined;
  /** The last lines of the script's standard error. */
  readonly stderrTail: string;

  constructor(
    message: string,
    details: {
      reason: ScriptFailure;
      exitCode?: number;
      stderrTail?: string;
      hint?: string;
      cause?: unknown;
    },
  ) {
    super(message, details);
    this.reason = details.reason;
    this.exitCode = details.exitCode;
    this.stderrTail = details.stderrTail ?? "";
  }
}
