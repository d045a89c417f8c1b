import {
  commandFields,
  commandOperations,
  defineResource,
  fields,
  jsonOutput,
  ProviderError,
  Type,
  type Context,
  type Static,
  type Violation,
  secondsField,
  sudoField,
} from "@nixops4-providers/provider-sdk";
import {
  checkConnection,
  connectionSchema,
  runScript,
  ScriptError,
  type SshConnection,
  withConnection,
} from "@nixops4-providers/ssh-client";
import existsScript from "../exec/scripts/exists.sh";
import runScriptText from "../exec/scripts/run.sh";
import succeedsScript from "../exec/scripts/succeeds.sh";
import docs from "./exec.md";

const inputs = fields({
  connection: connectionSchema,
  command: Type.Optional(
    Type.String({ minLength: 1, description: "A command for `sh` on the host. Either this or `argv`." }),
  ),
  argv: Type.Optional(
    Type.Array(Type.String(), {
      minItems: 1,
      description:
        "A program on the host and its arguments, which no shell interprets. Either this or `command`.",
    }),
  ),
  stdin: Type.Optional(
    Type.String({ description: "The standard input of the command. Empty when not set." }),
  ),
  env: Type.Record(Type.String(), Type.String(), {
    default: {},
    description: "Environment variables for the command. Their values do not appear on a command line.",
  }),
  sudo: sudoField("the command runs"),
  timeoutSeconds: secondsField(
    "After this many seconds the command and all in its process group is ended (SIGTERM, a second later SIGKILL), " +
      "which is an error.",
    { default: 600 },
  ),
  creates: Type.Optional(
    Type.String({
      minLength: 1,
      pattern: "^[^~\n]",
      patternError: "must not begin with `~`, which is not expanded: write the whole path",
      description: "A path on the host. If it exists, the command is skipped.",
    }),
  ),
  unless: Type.Optional(
    Type.String({
      minLength: 1,
      description: "A command for `sh` on the host. If it succeeds, the main command is skipped.",
    }),
  ),
  ...commandFields("the command"),
});

const outputs = fields({
  stdout: Type.String({
    description:
      "The standard output of the command, which must be UTF-8. If the command was skipped, the recorded output of an earlier " +
      "run, or an empty string.",
  }),
  json: jsonOutput,
});

type Inputs = Static<typeof inputs>;

export const exec = defineResource({
  type: "exec",
  description:
    "Runs a command on a host and returns its output. It runs at each apply (with `state`, only when its inputs have " +
    "changed), so it should be idempotent, or be skipped by `creates` or `unless`. Its standard error is shown while it " +
    "runs, and an exit code other than 0 is an error. After a lost connection, the command may still be running.",
  docs,
  stateful: false,
  waitsForOrphans: true,
  inputs,
  outputs,
  check,
  ...commandOperations<Inputs>({ run, name: ({ connection }) => `the command on ${connection.host}` }),
});

function check({ connection, command, argv, env, creates, unless }: Inputs): Violation[] {
  const violations = checkConnection(connection);
  if ((command === undefined) === (argv === undefined)) {
    violations.push({ path: "", message: "exactly one of command and argv is required" });
  }
  for (const name of Object.keys(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      violations.push({ path: `env.${name}`, message: "is not the name of an environment variable" });
    }
  }
  const texts = { command, creates, unless, argv: argv?.join(""), env: Object.values(env).join("") };
  for (const [path, text] of Object.entries(texts)) {
    if (text?.includes("\0") === true) violations.push({ path, message: "must not contain NUL characters" });
  }
  return violations;
}

/** A command that is skipped returns what is recorded. */
async function run(inputs: Inputs, recorded: string | undefined, context: Context): Promise<Buffer | string> {
  const progress = context.progress(`running a command on ${inputs.connection.host}`);
  const printed = withConnection(inputs.connection, context, async (ssh) => {
    const reason = await reasonToSkip(ssh, inputs);
    if (reason !== undefined) {
      context.log.info(`skipped on ${ssh.label}: ${reason}`);
      return recorded ?? "";
    }
    const { command, argv = ["sh", "-c", command!], stdin, env, sudo, timeoutSeconds } = inputs;
    const { stdout } = await runScript(ssh, {
      script: runScriptText,
      args: argv,
      env,
      stdin,
      sudo,
      timeoutSeconds,
      doing: "run the command",
      onStderrLine: (line) => context.log.output(line),
    }).catch(withExitCode);
    return stdout;
  });
  return printed.finally(() => progress.done());
}

async function reasonToSkip(ssh: SshConnection, inputs: Inputs): Promise<string | undefined> {
  const { creates, unless, env, sudo, timeoutSeconds } = inputs;
  const says = async (script: string, arg: string, doing: string) => {
    const { stdout } = await runScript(ssh, { script, args: [arg], env, sudo, timeoutSeconds, doing });
    return stdout.toString() === "yes\n";
  };
  if (creates !== undefined && (await says(existsScript, creates, `look for ${creates}`))) {
    return `${creates} exists`;
  }
  if (unless !== undefined && (await says(succeedsScript, unless, "run the command in `unless`"))) {
    return "the command in `unless` succeeded";
  }
  return undefined;
}

/** Adds the exit code of a command to its error. */
function withExitCode(error: unknown): never {
  if (!(error instanceof ScriptError) || error.reason !== "exit-code" || error.stderrTail === "") throw error;
  const { message, stderrTail, exitCode } = error;
  const what = message.slice(0, -stderrTail.length);
  throw new ProviderError(
    `${what}it failed with exit code: ${exitCode}\nIts last lines on standard error:\n${stderrTail.replace(/^/gm, "  ")}`,
  );
}
