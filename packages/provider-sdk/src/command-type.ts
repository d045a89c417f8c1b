import { isUtf8 } from "node:buffer";
import { parseJson } from "@nixops4-providers/json";
import type { Context } from "./context.ts";
import { ProviderError } from "./errors.ts";
import type { ConvergeRequest } from "./resource.ts";
import { Type } from "./type.ts";

/** The inputs of each type that runs a command. */
export function commandFields(command: string) {
  return {
    once: Type.Boolean({
      default: false,
      description:
        `Whether ${command} runs only when the resource is created; later changes of the inputs keep the first ` +
        "outputs. Needs `state`.",
    }),
    parseJson: Type.Boolean({
      default: false,
      description:
        "Whether to parse standard output as JSON and to return it as `json`. Output that is not JSON is an error.",
    }),
  };
}

/** The output `json` of all types that run a command. */
export const jsonOutput = Type.Unknown({
  description: "The parsed standard output; `null` when it is empty, and without `parseJson`.",
});

interface CommandInputs {
  once: boolean;
  parseJson: boolean;
}

interface CommandOutputs {
  stdout: string;
  json: unknown;
}

interface Command<Inputs> {
  /** Runs the command and returns its standard output. `recorded` is the output of an earlier run, if there was one. */
  run: (inputs: Inputs, recorded: string | undefined, context: Context) => Promise<Buffer | string>;
  /** The subject of errors, such as `the command on web1`. */
  name: (inputs: Inputs) => string;
}

/** The `create` and `update` of a type that runs a command. */
export function commandOperations<Inputs extends CommandInputs>({ run, name }: Command<Inputs>) {
  const runAgain = async (inputs: Inputs, recorded: string | undefined, context: Context) =>
    toOutputs(await run(inputs, recorded, context), inputs, name(inputs));
  return {
    async create({ inputs }: ConvergeRequest<Inputs, CommandOutputs>, context: Context) {
      if (inputs.once && !context.isStateful) {
        throw new ProviderError("exec resource with once=true requires state (use isStateful)", {
          hint: "Set the member's `state`, or drop `once`.",
        });
      }
      return runAgain(inputs, undefined, context);
    },
    async update({ inputs, previous }: ConvergeRequest<Inputs, CommandOutputs>, context: Context) {
      const recorded = previous?.outputs.stdout;
      if (!inputs.once) return runAgain(inputs, recorded, context);
      if (recorded !== undefined) return toOutputs(recorded, inputs, name(inputs));
      throw new ProviderError(
        "cannot keep the outputs of an exec resource with once=true: none are recorded",
      );
    },
  };
}

function toOutputs(printed: Buffer | string, inputs: CommandInputs, name: string): CommandOutputs {
  const stdout = typeof printed === "string" ? printed : decode(printed, name);
  return { stdout, json: inputs.parseJson && stdout !== "" ? parse(stdout, name) : null };
}

function decode(bytes: Buffer, name: string): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  throw new ProviderError(`${name} printed bytes that are not UTF-8`, {
    hint: "Let it print text, for example through `base64`.",
  });
}

function parse(text: string, name: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new ProviderError(`${name} printed ${text.length} characters that are not JSON`, {
      hint: "Drop `parseJson`, or let it print one JSON value.",
    });
  }
}
