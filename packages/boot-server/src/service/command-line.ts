import { parseArgs } from "node:util";
import { describeError } from "@nixops4-providers/provider-sdk";
import manifest from "../../package.json" with { type: "json" };
import { configSchema } from "./config-schema.ts";
import { settings, type Setting } from "./flags.ts";
import { loadConfig, type FlagValues } from "./load-config.ts";

const EXECUTABLE = "nixops4-boot-server";
const USAGE_ERROR = 2;

type Flag = { type: "string" | "boolean"; multiple?: boolean; short?: string };

interface Command {
  description: string;
  flags: Record<string, Flag>;
  /** Returns the exit code. */
  run(flags: FlagValues): Promise<number>;
}

class UsageError extends Error {
  override readonly name = "UsageError";
}

const commonFlags: Record<string, Flag> = {
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
};

const configFlags: Record<string, Flag> = {
  config: { type: "string", short: "c" },
  ...Object.fromEntries(
    settings.map(({ flag, kind }) => [flag, { type: "string", multiple: kind === "map" }]),
  ),
};

const commands: Record<string, Command> = {
  serve: {
    description: "Runs the server until it is stopped. The default.",
    flags: configFlags,
    async run({ config: path, ...flags }) {
      const config = await loadConfig(path as string | undefined, flags);
      const { serve } = await import("./serve.ts");
      return serve(config);
    },
  },
  "check-config": {
    description: "Checks the configuration and prints it with all defaults.",
    flags: configFlags,
    async run({ config: path, ...flags }) {
      console.log(JSON.stringify(await loadConfig(path as string | undefined, flags), null, 2));
      return 0;
    },
  },
  "config-schema": {
    description: "Prints the JSON Schema of the configuration file.",
    flags: {},
    async run() {
      console.log(JSON.stringify(configSchema, null, 2));
      return 0;
    },
  },
  "init-tls": {
    description:
      "Creates a CA and certificates for the API over TCP: --folder, --host (repeatable), --days, --renew.",
    flags: {
      folder: { type: "string" },
      host: { type: "string", multiple: true },
      days: { type: "string" },
      renew: { type: "boolean" },
    },
    async run({ folder, host, days = "825", renew }) {
      if (folder === undefined || host === undefined)
        throw new UsageError("init-tls needs --folder and --host");
      const { initTls } = await import("../tls/init-tls.ts");
      const { made, kept } = await initTls({
        folder: folder as string,
        hosts: host as string[],
        days: Number(days),
        renew: renew === true,
      });
      console.log(`made: ${made.join(", ") || "nothing"}\nkept: ${kept.join(", ") || "nothing"}`);
      return 0;
    },
  },
};

/** Runs the command in the arguments, and returns the exit code. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    const named = args[0] !== undefined && !args[0].startsWith("-");
    const name = named ? args[0]! : "serve";
    const command = Object.hasOwn(commands, name) ? commands[name]! : undefined;
    if (command === undefined) throw new UsageError(`unknown command ${JSON.stringify(name)}`);
    const { help, version, ...flags } = parseFlags(command, args.slice(named ? 1 : 0));
    if (help === true) console.log(helpText());
    else if (version === true) console.log(`${EXECUTABLE} ${manifest.version}`);
    else return await command.run(flags);
    return 0;
  } catch (error) {
    const isUsage = error instanceof UsageError;
    console.error(
      `${EXECUTABLE}: ${describeError(error)}${isUsage ? `\nTry \`${EXECUTABLE} --help\`.` : ""}`,
    );
    return isUsage ? USAGE_ERROR : 1;
  }
}

function parseFlags(command: Command, args: string[]): FlagValues {
  try {
    return parseArgs({ args, options: { ...commonFlags, ...command.flags }, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Returns the output of `--help`. */
function helpText(): string {
  return [
    `Usage: ${EXECUTABLE} [command] [flags]`,
    "",
    "Boots machines from the network, so that each of them installs itself once.",
    "",
    "Commands:",
    ...Object.entries(commands).map(([name, { description }]) => `  ${name.padEnd(14)} ${description}`),
    "",
    "Flags of serve and check-config, which override the configuration file:",
    "  -c, --config FILE",
    "          A JSON file with the settings that the flags below set.",
    ...settings.flatMap(flagHelp),
    "",
    "  -h, --help     Prints this help.",
    "      --version  Prints the version.",
  ].join("\n");
}

function flagHelp(setting: Setting): string[] {
  const { flag, path, description, default: value } = setting;
  const standard = value === undefined ? "" : `; default ${defaultText(value)}`;
  return [
    `      --${flag} ${placeholder(setting)}`,
    `          ${description} (${path.join(".")}${standard})`,
  ];
}

function placeholder({ kind, choices }: Setting): string {
  if (choices !== undefined) return choices.join("|");
  return { string: "TEXT", integer: "N", number: "N", boolean: "true|false", map: "NAME=VALUE" }[kind];
}

function defaultText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
