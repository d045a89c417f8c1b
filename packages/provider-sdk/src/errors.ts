/** An error for the user: what went wrong, and what to do next. */
export class ProviderError extends Error {
  override readonly name: string = "ProviderError";
  /** The input with the error, such as `connection.port`. */
  readonly path: string | undefined;
  /** What to do next, as a sentence. */
  readonly hint: string | undefined;

  constructor(message: string, options: { path?: string; hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.path = options.path;
    this.hint = options.hint;
  }
}

/** The most errors of a chain of causes that are described. An error may be its own cause. */
const MAX_CAUSES = 10;

/** Returns the text of an error: its message, causes and hints, and with `stack` the stack trace. */
export function describeError(error: unknown, { stack = false } = {}): string {
  const messages: string[] = [];
  const hints: string[] = [];
  let cause: unknown = error;
  for (let depth = 0; cause !== undefined && depth < MAX_CAUSES; depth += 1) {
    const message = messageOf(cause);
    if (messages.at(-1)?.includes(message) !== true) messages.push(message);
    if (cause instanceof ProviderError && cause.hint !== undefined) hints.push(cause.hint);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  const lines = [messages.join(": "), ...hints];
  if (stack && error instanceof Error && error.stack !== undefined) lines.push(error.stack);
  return lines.join("\n");
}

function messageOf(error: unknown): string {
  if (error instanceof ProviderError && error.path !== undefined) return `${error.path}: ${error.message}`;
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
