import type { Static, TProperties, TSchema, TSchemaOptions } from "typebox/type";
import { Type } from "./type.ts";

/** Declares an object that refuses unknown fields. */
export function fields<P extends TProperties>(properties: P, options: TSchemaOptions = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** Declares an object in which exactly one of the fields must be set. */
export function exactlyOne<P extends TProperties>(properties: P, options: TSchemaOptions = {}) {
  return fields(properties, { minProperties: 1, maxProperties: 1, ...options });
}

/** Declares a value or `null`, for outputs that may be empty. */
export function nullable<S extends TSchema>(schema: S, options: TSchemaOptions = {}) {
  return Type.Union([schema, Type.Null()], options);
}

/** Marks a field whose value must not appear in a log line or an error. */
export function sensitive<S extends TSchema>(schema: S): S {
  return { ...schema, sensitive: true };
}

/** Declares a reference to a secret: exactly one of four sources, which is read when the resource runs. */
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

/** A reference to a secret; see {@link secretRef}. */
export type SecretRef = Static<ReturnType<typeof secretRef>>;

/** Declares the field that removes a resource: nixops4 itself deletes nothing. */
export function ensureField(what: string) {
  return Type.Enum(["present", "absent"], {
    default: "present",
    description: `Whether ${what} should exist. nixops4 deletes nothing by itself: set \`absent\`, apply, then drop the member.`,
  });
}

/** The most seconds of any input, 68 years. It fits into 31 bits, which some APIs and shells have. */
const MAX_SECONDS = 2 ** 31 - 1;

/**
 * Declares a time in seconds, which may have a fraction: above 0, or from 0 with `orZero`, where 0 means not to wait. The
 * name of the field must end in `Seconds`.
 */
export function secondsField(
  description: string,
  { orZero = false, ...options }: { default?: number; orZero?: boolean } = {},
) {
  const lowest = orZero ? { minimum: 0 } : { exclusiveMinimum: 0 };
  return Type.Number({ ...lowest, maximum: MAX_SECONDS, ...options, description });
}

/** Declares the field that runs a step on a host as root. `what` is the step, such as `the command runs`. */
export function sudoField(what: string) {
  return Type.Boolean({
    default: false,
    description: `Whether ${what} as root by \`sudo -n\`, which must not ask for a password.`,
  });
}
