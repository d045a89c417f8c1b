import type { Static, TProperties, TSchema, TSchemaOptions } from "typebox/type";
import { Type } from "./type.ts";

/** An object that refuses fields it does not know. */
export function fields<P extends TProperties>(properties: P, options: TSchemaOptions = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** An object in which exactly one of the fields is set. */
export function exactlyOne<P extends TProperties>(properties: P, options: TSchemaOptions = {}) {
  return fields(properties, { minProperties: 1, maxProperties: 1, ...options });
}

/** A value or `null`: for outputs that are always there but may be empty. */
export function nullable<S extends TSchema>(schema: S, options: TSchemaOptions = {}) {
  return Type.Union([schema, Type.Null()], options);
}

/** Marks a field whose value must never appear in a log line or an error. */
export function sensitive<S extends TSchema>(schema: S): S {
  return { ...schema, sensitive: true };
}

/** Where a secret is read from when the resource runs: exactly one of the four. */
export function secretRef(description: string) {
  return exactlyOne(
    {
      value: Type.Optional(
        Type.String({
          description:
            "The secret itself. nixops4 prints it at the end of each apply, also into the journal of the apply service, " +
            "and it passes through the evaluator, the Nix store and the state: prefer the others.",
          sensitive: true,
        }),
      ),
      file: Type.Optional(
        Type.String({
          minLength: 1,
          localPath: true,
          description: "A file that holds it. One final newline is dropped.",
        }),
      ),
      env: Type.Optional(
        Type.String({ minLength: 1, description: "An environment variable of the deploying process." }),
      ),
      command: Type.Optional(
        Type.Array(Type.String(), {
          minItems: 1,
          description: "A command, as a list of arguments, that prints it. One final newline is dropped.",
        }),
      ),
    },
    { title: "SecretRef", description },
  );
}

/** A reference to a secret, see {@link secretRef}. */
export type SecretRef = Static<ReturnType<typeof secretRef>>;

/** The field by which a resource is removed again: nixops4 itself deletes nothing. */
export function ensureField(what: string) {
  return Type.Enum(["present", "absent"], {
    default: "present",
    description: `Whether ${what} should exist. nixops4 deletes nothing by itself: set \`absent\`, apply, then drop the member.`,
  });
}

/** The most seconds of any input, which is 68 years: it fits wherever seconds are counted, such as in an API or a shell. */
const MAX_SECONDS = 2 ** 31 - 1;

/**
 * A time in seconds, fractions included: above 0, or from 0 where `orZero` says that 0 means not to wait. Its name ends in
 * `Seconds`, so the description need not say the unit.
 */
export function secondsField(
  description: string,
  { orZero = false, ...options }: { default?: number; orZero?: boolean } = {},
) {
  const lowest = orZero ? { minimum: 0 } : { exclusiveMinimum: 0 };
  return Type.Number({ ...lowest, maximum: MAX_SECONDS, ...options, description });
}

/** Whether a step on a host is done as root; `what` is the step in words, such as `the command runs`. */
export function sudoField(what: string) {
  return Type.Boolean({
    default: false,
    description: `Whether ${what} as root by \`sudo -n\`, which must not ask for a password.`,
  });
}
