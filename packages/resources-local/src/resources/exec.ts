import { isUtf8 } from "node:buffer";
import { parseJson } from "@nixops4-providers/json";
import {
  defineResource,
  fields,
  ProviderError,
  runProcess,
  Type,
  type Context,
  type Static,
  secondsField,
} from "@nixops4-providers/provider-sdk";
import docs from "./exec.md";

const inputs = fields({
  executable: Type.String({
    minLength: 1,
    localPath: true,
    description: "The program: a path, or a name that is looked up in `PATH`.",
  }),
  args: Type.Array(Type.String(), { default: [], description: "The arguments of the program." }),
  stdin: Type.Optional(
    Type.String({ description: "What the program reads from standard input. When not set, nothing." }),
  ),
  once: Type.Boolean({
    default: false,
    description:
      "Whether the program runs only when the resource is created; later changes of the inputs keep the first " +
      "outputs. Needs `state`.",
  }),
  env: Type.Record(Type.String(), Type.String(), {
    default: {},
    description: "Environment variables that are added to those of nixops4.",
  }),
  cwd: Type.Optional(
    Type.String({
      minLength: 1,
      localPath: true,
      description: "The folder to run in. When not set, the one in which nixops4 runs.",
    }),
  ),
  timeoutSeconds: Type.Optional(
    secondsField(
      "After this many seconds the program and all that it started is ended (SIGTERM, a second later SIGKILL), " +
        "which is an error. When not set, it may run for ever.",
    ),
  ),
  parseJson: Type.Boolean({
    default: false,
    description: "Whether standard output must be JSON and is returned as `json` too.",
  }),
});

const outputs = fields({
  stdout: Type.String({
    description: "What the program printed to standard output. It must be UTF-8, and at most 100 MiB.",
  }),
  json: Type.Unknown({ description: "The value that standard output holds; `null` without `parseJson`." }),
});

type Inputs = Static<typeof inputs>;
type Outputs = Static<typeof outputs>;

export const exec = defineResource({
  type: "exec",
  description:
    "Runs a program and returns what it prints. It runs on each apply (with `state`: when its inputs have " +
    "changed), so it should be idempotent. Its standard error is shown as it comes; any exit code but 0 is an error.",
  docs,
  stateful: false,
  waitsForOrphans: true,
  inputs,
  outputs,
  async create({ inputs }, context) {
    if (inputs.once && !context.isStateful) {
      throw new ProviderError("exec resource with once=true requires state (use isStateful)", {
        hint: "Set the member's `state`, or drop `once`.",
      });
    }
    return run(inputs, context);
  },
  async update({ inputs, previous }, context) {
    if (!inputs.once) return run(inputs, context);
    const stdout = previous?.outputs.stdout;
    if (stdout === undefined) {
      throw new ProviderError(
        "cannot keep the outputs of an exec resource with once=true: none are recorded",
      );
    }
    return toOutputs(stdout, inputs);
  },
});

async function run(inputs: Inputs, context: Context): Promise<Outputs> {
  const { executable, args, stdin, env, cwd, timeoutSeconds } = inputs;
  let stdout: Buffer;
  try {
    ({ stdout } = await runProcess(executable, args, {
      stdin,
      env,
      cwd,
      timeoutSeconds,
      signal: context.signal,
      onStderrLine: (line) => context.log.output(line),
    }));
  } catch (cause) {
    throw new ProviderError("Local resource process failed", { cause });
  }
  if (!isUtf8(stdout)) {
    throw new ProviderError(`${executable} printed bytes that are not UTF-8`, {
      hint: "Let it print text, for example through `base64`.",
    });
  }
  return toOutputs(stdout.toString("utf8"), inputs);
}

function toOutputs(stdout: string, { executable, parseJson: wantsJson }: Inputs): Outputs {
  if (!wantsJson) return { stdout, json: null };
  try {
    return { stdout, json: parseJson(stdout) };
  } catch {
    throw new ProviderError(`${executable} printed ${stdout.length} characters that are not JSON`, {
      hint: "Drop `parseJson`, or let the program print one JSON value.",
    });
  }
}
