import { ProviderError } from "@nixops4-providers/provider-sdk";

/**
 * - `not-run`: the host did not run the script, or sudo did not make the user root
 * - `exit-code`: the script failed with an exit code
 * - `timeout`, `too-much-output`: the script was killed
 * - `interrupted`: the signal of the connection's context was aborted
 * - `input`: the standard input could not be read
 * - `lost`: the connection was lost; the script may have finished or not
 */
export type ScriptFailure =
  "not-run" | "exit-code" | "timeout" | "too-much-output" | "interrupted" | "input" | "lost";

/** The error of a script on a host: `cannot <doing> on <host>: <why>`. */
export class ScriptError extends ProviderError {
  override readonly name = "ScriptError";
  readonly reason: ScriptFailure;
  /** The exit code, when the reason is `exit-code`. */
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
