import { ProviderError } from "./errors.ts";
import { createLog, type Log } from "./log.ts";
import { type Progress, startProgress } from "./progress.ts";
import { MIN_KEY_LENGTH, type Redactor } from "./redactor.ts";
import type { SecretRef } from "./schema.ts";
import { readSecret } from "./secret.ts";

/** The services that an operation may use besides its inputs. */
export interface Context {
  /** The resource type of the request. */
  readonly type: string;
  /** Whether nixops4 keeps this resource's inputs and outputs in a state. */
  readonly isStateful: boolean;
  /** Is aborted by SIGINT, SIGTERM, SIGHUP and SIGQUIT. The operation must then stop within 2 s, in a state from which the next run converges. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Reports that a long operation goes on, until `done` is called on the result. */
  progress(what: string): Progress;
  /** Reads a secret. From then on it is replaced by `[secret]` in all logs and errors. */
  secret(ref: SecretRef, what: string): Promise<string>;
  /** Reads a secret like {@link secret}, but refuses one that is too short to be replaced in messages. For keys and passphrases. */
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
        hint: "Choose a longer one: a secret this short cannot be removed from messages.",
      });
    }
    return text;
  };
  return { type, isStateful, signal, log, progress: (what) => startProgress(what, log), secret, key };
}
