import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { parseJson, stringifyJson } from "@nixops4-providers/json";

export interface NixOptions {
  /** Variables that are added to the environment of Nix, such as `NIX_STORE_DIR`. */
  env?: Record<string, string>;
  /** Options of all Nix programs, such as `["--option", "sandbox", "false"]`. */
  nixArgs?: readonly string[];
}

/** An error of a Nix program. */
export class NixError extends Error {
  override readonly name = "NixError";
}

/** Evaluates an expression to a JSON value, and instantiates its derivations. */
export async function evaluateNix<T>(expression: string, options: NixOptions = {}): Promise<T> {
  const command = ["nix-instantiate", "--eval", "--strict", "--json", "--read-write-mode", "-"];
  return parseJson(await runNix(command, options, expression)) as T;
}

/** Runs a Nix program and resolves to its standard output. */
export async function runNix(
  [program = "", ...args]: readonly string[],
  { env = {}, nixArgs = [] }: NixOptions = {},
  stdin = "",
): Promise<string> {
  const nix = spawn(program, [...nixArgs, ...args], { env: { ...process.env, ...env } });
  const exit = new Promise<number | null>((resolve, reject) => nix.on("error", reject).on("close", resolve));
  // The program may exit before it has read all its input.
  nix.stdin.on("error", () => {});
  nix.stdin.end(stdin);
  const [stdout, stderr, code] = await Promise.all([text(nix.stdout), text(nix.stderr), exit]);
  if (code !== 0) throw new NixError(explain(stderr));
  return stdout;
}

/** Returns a Nix expression for a value. */
export function toNix(value: unknown): string {
  const json = JSON.stringify(stringifyJson(value)).replaceAll("${", "\\${");
  return `(builtins.fromJSON ${json})`;
}

function explain(stderr: string): string {
  const start = stderr.indexOf("error: ");
  return stderr
    .slice(start === -1 ? 0 : start + "error: ".length)
    .replace(/\n\(use '--show-trace'[^]*$/, "")
    .trim();
}
