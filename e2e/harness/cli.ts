// The flags, output and exit codes are the same as those of nixops4-resource-runner.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { isObject, parseJson, stringifyJson } from "@nixops4-providers/json";
import { binFolder } from "./built-provider.ts";
import {
  describeOptions,
  helpOption,
  parseOptions,
  UsageError,
  type Option,
  type Options,
} from "./cli-options.ts";
import { messageOf, type ExtantResource, type Properties } from "./protocol.ts";
import type { ProviderProcess } from "./provider-process.ts";
import { runOperation } from "./run-operation.ts";

export interface CliOutput {
  stdout(text: string): void;
  stderr(text: string): void;
}

interface Command {
  description: string;
  options: readonly Option[];
  /** Parses the options of the command, and returns the request to a provider, which resolves to the output. */
  prepare(options: Options): (provider: ProviderProcess) => Promise<string>;
}

/**
 * Runs one operation of a provider. Resolves to the exit code: 0, 1 when the operation failed, or 2 for a wrong command
 * line. The log of the provider goes to standard error.
 */
export async function runCli(args: readonly string[], output: CliOutput): Promise<number> {
  const [name = "", ...rest] = args;
  const command = commands.get(name);
  const help = command === undefined ? generalHelp() : commandHelp(name, command);
  try {
    output.stdout(["-h", "--help", "help"].includes(name) ? help : await runCommand(name, rest, help));
    return 0;
  } catch (error) {
    output.stderr(`error: ${messageOf(error)}\n`);
    if (!(error instanceof UsageError)) return 1;
    output.stderr(`\n${help}`);
    return 2;
  }
}

async function runCommand(name: string, args: readonly string[], help: string): Promise<string> {
  const command = commands.get(name);
  if (command === undefined) throw new UsageError(`unrecognized subcommand '${name}'`);
  const options = parseOptions(command.options, args);
  if (options.has("help")) return help;
  const operation = command.prepare(options);
  return `${await runOperation(findExecutable(one(options, "provider-exe")), operation)}\n`;
}

const commonOptions: readonly Option[] = [
  helpOption,
  {
    name: "provider-exe",
    values: ["PROVIDER_EXE"],
    occurs: "once",
    help: "The provider's executable; a name without a slash is looked for in PATH, then in dist/bin",
  },
  {
    name: "type",
    values: ["RESOURCE_TYPE"],
    occurs: "once",
    help: "The resource type, as the provider names it",
  },
];

const commands = new Map<string, Command>([
  [
    "create",
    {
      description: "Create a resource",
      options: [
        ...commonOptions,
        {
          name: "inputs-json",
          values: ["JSON"],
          occurs: "at most once",
          help: "All inputs, as one JSON object",
        },
        {
          name: "input-json",
          short: "j",
          values: ["NAME", "JSON"],
          occurs: "any number of times",
          help: "One input, as JSON",
        },
        {
          name: "input-str",
          short: "s",
          values: ["NAME", "STR"],
          occurs: "any number of times",
          help: "One input, as a string that is taken as it is",
        },
        {
          name: "stateful",
          values: [],
          occurs: "at most once",
          help: "Promise that the outputs are recorded",
        },
      ],
      prepare: (options) => {
        const inputs = readInputs(options);
        return async (provider) => {
          try {
            return prettyJson(await provider.create(one(options, "type"), inputs, options.has("stateful")));
          } catch (cause) {
            throw new Error(`failed to create resource: ${messageOf(cause)}`, { cause });
          }
        };
      },
    },
  ],
  [
    "update",
    {
      description: "Update a stateful resource",
      options: [
        ...commonOptions,
        jsonOption("inputs-json", "All new inputs, as one JSON object"),
        jsonOption("previous-inputs-json", "The inputs of the last create or update"),
        jsonOption("previous-outputs-json", "The outputs of the last create or update"),
      ],
      prepare: (options) => {
        const request = {
          inputs: jsonObject(options, "inputs-json"),
          previousInputs: jsonObject(options, "previous-inputs-json"),
          previousOutputs: jsonObject(options, "previous-outputs-json"),
        };
        return async (provider) => prettyJson(await provider.update(one(options, "type"), request));
      },
    },
  ],
  [
    "state-read",
    {
      description: "Read the state that a state resource holds",
      options: [
        ...commonOptions,
        jsonOption("inputs-json", "The inputs of the state resource"),
        jsonOption("outputs-json", "The outputs of the state resource"),
      ],
      prepare: (options) => {
        const resource = readResource(options);
        return async (provider) => prettyJson(await provider.stateRead(resource));
      },
    },
  ],
  [
    "state-event",
    {
      description: "Send a state event to a state resource",
      options: [
        ...commonOptions,
        jsonOption("inputs-json", "The inputs of the state resource"),
        jsonOption("outputs-json", "The outputs of the state resource"),
        { name: "event", values: ["EVENT"], occurs: "once", help: "The operation that caused the change" },
        {
          name: "nixops-version",
          values: ["NIXOPS_VERSION"],
          occurs: "once",
          help: "The version of nixops4 that recorded the change",
        },
        jsonOption("patch-json", "The change to the state, as a JSON Patch (RFC 6902)"),
      ],
      prepare: (options) => {
        const resource = readResource(options);
        const patch = readJson(one(options, "patch-json"), "value of --patch-json");
        if (!Array.isArray(patch)) throw new Error("failed to parse value of --patch-json: it is not a list");
        return async (provider) => {
          await provider.stateEvent({
            resource,
            event: one(options, "event"),
            nixopsVersion: one(options, "nixops-version"),
            patch,
          });
          return "State event sent successfully";
        };
      },
    },
  ],
]);

function jsonOption(name: string, help: string): Option {
  return { name, values: ["JSON"], occurs: "once", help };
}

function generalHelp(): string {
  const list = [...commands]
    .map(([name, { description }]) => `  ${name.padEnd(12)} ${description}\n`)
    .join("");
  return `Runs one operation of a resource provider\n\nUsage: provider <COMMAND>\n\nCommands:\n${list}  describe     Print what the reference says of a resource type, such as ssh.file\n\nFor a command's options: provider <COMMAND> --help\n`;
}

function commandHelp(name: string, { description, options }: Command): string {
  return `${description}\n\nUsage: provider ${name} [OPTIONS]\n\nOptions:\n${describeOptions(options)}`;
}

/** Finds the executable of a provider. A name without a slash is searched in PATH, then among the built providers. */
function findExecutable(name: string): string {
  if (name.includes("/")) return name;
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), binFolder];
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? name;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readInputs(options: Options): Properties {
  const inputs = new Map(
    options.has("inputs-json") ? Object.entries(jsonObject(options, "inputs-json")) : [],
  );
  const add = (name: string, value: unknown) => {
    if (inputs.has(name)) throw new Error(`duplicate input: ${name}`);
    inputs.set(name, value);
  };
  for (const [name = "", json = ""] of options.get("input-json") ?? []) {
    add(name, readJson(json, `JSON value for input: ${name}`));
  }
  for (const [name = "", value = ""] of options.get("input-str") ?? []) add(name, value);
  return Object.fromEntries(inputs);
}

function readResource(options: Options): ExtantResource {
  return {
    type: one(options, "type"),
    inputProperties: jsonObject(options, "inputs-json"),
    outputProperties: jsonObject(options, "outputs-json"),
  };
}

function one(options: Options, name: string): string {
  return options.get(name)?.[0]?.[0] ?? "";
}

function jsonObject(options: Options, name: string): Properties {
  const value = readJson(one(options, name), `value of --${name}`);
  if (isObject(value)) return value;
  throw new Error(`failed to parse value of --${name}: it is not an object`);
}

function readJson(text: string, what: string): unknown {
  try {
    return parseJson(text);
  } catch {
    // The message of the JSON parser is left out, since it quotes the text, which may be secret.
    throw new Error(`failed to parse ${what}: it is not JSON`);
  }
}

/** Formats JSON with sorted names, like nixops4-resource-runner. */
function prettyJson(value: unknown): string {
  return stringifyJson(sorted(value), 2);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, sorted(field)]));
}
