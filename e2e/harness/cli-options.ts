/** An option of a command: `--name` and its arguments, one for each name in `values`. */
export interface Option {
  name: string;
  short?: string;
  values: readonly string[];
  occurs: "once" | "at most once" | "any number of times";
  help: string;
}

/** The values of the given options, one list for each occurrence. */
export type Options = ReadonlyMap<string, readonly (readonly string[])[]>;

/** An error in the command line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** With this option, required options may be missing. */
export const helpOption: Option = {
  name: "help",
  short: "h",
  values: [],
  occurs: "any number of times",
  help: "Print this help",
};

/** Parses `--name VALUE`, `--name=VALUE` and `-n VALUE`. A value may start with a dash. */
export function parseOptions(known: readonly Option[], args: readonly string[]): Options {
  const given = new Map<string, string[][]>();
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const equals = arg.startsWith("--") ? arg.indexOf("=") : -1;
    const flag = equals === -1 ? arg : arg.slice(0, equals);
    const option = findOption(known, flag);
    if (option === undefined) throw new UsageError(`unexpected argument '${arg}' found`);
    const values = equals === -1 ? takeValues(known, option, rest) : [arg.slice(equals + 1)];
    if (values.length !== option.values.length) throw wrongCount(option, values.length);
    const before = given.get(option.name) ?? [];
    if (before.length > 0 && option.occurs !== "any number of times") {
      throw new UsageError(`the argument '${usage(option)}' cannot be used multiple times`);
    }
    given.set(option.name, [...before, values]);
  }
  if (given.has(helpOption.name)) return given;
  const missing = known.filter(({ name, occurs }) => occurs === "once" && !given.has(name));
  if (missing.length > 0) {
    const list = missing.map((option) => `\n  ${usage(option)}`).join("");
    throw new UsageError(`the following required arguments were not provided:${list}`);
  }
  return given;
}

/** Returns the help text: one paragraph for each option. */
export function describeOptions(options: readonly Option[]): string {
  return options
    .map((option) => {
      const short = option.short === undefined ? "    " : `-${option.short}, `;
      return `  ${short}${usage(option)}\n          ${option.help}\n`;
    })
    .join("");
}

function takeValues(known: readonly Option[], option: Option, rest: string[]): string[] {
  const next = rest.slice(0, option.values.length);
  const end = next.findIndex((value) => findOption(known, value) !== undefined);
  return rest.splice(0, end === -1 ? next.length : end);
}

function findOption(known: readonly Option[], flag: string): Option | undefined {
  return known.find(({ name, short }) => flag === `--${name}` || flag === `-${short}`);
}

function usage({ name, values }: Option): string {
  return [`--${name}`, ...values.map((value) => `<${value}>`)].join(" ");
}

function wrongCount(option: Option, count: number): UsageError {
  const expected = option.values.length;
  return new UsageError(
    expected === 0
      ? `the argument '${usage(option)}' takes no value`
      : expected === 1
        ? `a value is required for '${usage(option)}' but none was supplied`
        : `${expected} values required for '${usage(option)}' but ${count} ${count === 1 ? "was" : "were"} provided`,
  );
}
