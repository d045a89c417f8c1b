import { ProviderError } from "./errors.ts";
import { createLog, type Log } from "./log.ts";
import { type Progress, startProgress } from "./progress.ts";
import { MIN_KEY_LENGTH, type Redactor } from "./redactor.ts";
import type { SecretRef } from "./schema.ts";
import { readSecret } from "./secret.ts";

/** What an operation may use besides its inputs. */
export interface Context {
  /** The resource type being worked on. */
  readonly type: string;
  /** Whether nixops4 records this resource's outputs. */
  readonly isStateful: boolean;
  /** Aborted by SIGINT, SIGTERM, SIGHUP and SIGQUIT: stop within 2 s, and leave things so that the next run converges. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Starts to report on something that may take long; call `done` on the result. */
  progress(what: string): Progress;
  /** Reads a secret and keeps it out of all logs and errors from then on. */
  secret(ref: SecretRef, what: string): Promise<string>;
  /** As {@link secret}, for a key or a passphrase: refuses one too short to be kept out of messages. */
  key(ref: SecretRef, what: string): Promise<string>;
}

export function createContext(options: {
  provider: string;
  type: string;
  isStateful: boolean;
  signal: AbortSignal;
  redactor: Redactor;
}): Context {
  const { provider, type, isStateful, signal, redactor } = options;
  const log = createLog(`${provider}.${type}`, redactor);
  const secret = async (ref: SecretRef, what: string) => {
    const text = await readSecret(ref, what, signal);
    redactor.add(text);
    return text;
  };
  const key = async (ref: SecretRef, what: string) => {
    const text = await secret(ref, what);
    if (text !== "" && text.length < MIN_KEY_LENGTH) {
      throw new ProviderError(`${what} has fewer than ${MIN_KEY_LENGTH} characters`, {
        hint: "Choose a longer one: one so short cannot be kept out of messages.",
      });
    }
    return text;
  };
  return { type, isStateful, signal, log, progress: (what) => startProgress(what, log), secret, key };
}
