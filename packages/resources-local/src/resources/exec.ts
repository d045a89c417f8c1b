import {
  commandFields,
  commandOperations,
  defineResource,
  fields,
  jsonOutput,
  ProviderError,
  runProcess,
  Type,
  type Context,
  type Static,
  type Violation,
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
  ...commandFields("the program"),
});

const outputs = fields({
  stdout: Type.String({
    description: "What the program printed to standard output. It must be UTF-8, and at most 100 MiB.",
  }),
  json: jsonOutput,
});

type Inputs = Static<typeof inputs>;

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
  check,
  ...commandOperations<Inputs>({ run, name: ({ executable }) => executable }),
});

/** Refuses what the kernel cannot pass to a program. The texts are not quoted, because they may be secret. */
function check({ args, env }: Inputs): Violation[] {
  const texts = [
    ...args.map((text, index) => ({ path: `args[${index}]`, text })),
    ...Object.entries(env).map(([name, text]) => ({ path: `env.${name}`, text })),
  ];
  return [
    ...Object.keys(env)
      .filter((name) => name === "" || /[=\0]/.test(name))
      .map((name) => ({ path: `env.${name}`, message: "is not the name of an environment variable" })),
    ...texts
      .filter(({ text }) => text.includes("\0"))
      .map(({ path }) => ({ path, message: "must not contain NUL characters" })),
  ];
}

async function run(inputs: Inputs, _: unknown, context: Context): Promise<Buffer> {
  const { executable, args, stdin, env, cwd, timeoutSeconds } = inputs;
  try {
    const { stdout } = await runProcess(executable, args, {
      stdin,
      env,
      cwd,
      timeoutSeconds,
      signal: context.signal,
      onStderrLine: (line) => context.log.output(line),
    });
    return stdout;
  } catch (cause) {
    throw new ProviderError("Local resource process failed", { cause });
  }
}
