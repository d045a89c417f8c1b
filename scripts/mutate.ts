// Changes one guard of a package at a time. Reports the changes that no unit test notices, and how many were noticed in
// each file and in total:
// `npm run mutate -- durable-log`, or with parts of file names: `npm run mutate -- boot-server decide ledger`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parse } from "@swc/core";
import { main } from "./lib/main.ts";
import { root } from "./lib/providers.ts";

interface Mutant {
  /** The expression with the guard: positions in bytes. */
  start: number;
  end: number;
  line: number;
  was: string;
  becomes: string;
  code: string;
}

/** Each operator and its replacement: the other side of a boundary, or the opposite. */
const OPERATORS: Record<string, string> = {
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "===": "!==",
  "!==": "===",
  "&&": "||",
  "||": "&&",
};
/** Its key in the transforms of jest. */
const TYPESCRIPT = "\\.ts$";
const LIST_TIMEOUT_MS = 120_000;
const WORKERS = Number(process.env["MUTATE_WORKERS"] ?? availableParallelism());
const ESM = { NODE_OPTIONS: "--experimental-vm-modules --disable-warning=ExperimentalWarning" };

main(import.meta.url, async () => {
  const [name, ...only] = process.argv.slice(2);
  if (name === undefined) throw new Error("name a package: npm run mutate -- <package> [<file>…]");
  const folder = join(root, "packages", name, "src");
  const paths = (await readdir(folder, { recursive: true }))
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts") && !path.endsWith(".d.ts"))
    .filter((path) => only.length === 0 || only.some((part) => path.includes(part)))
    .map((path) => join(folder, path));
  if (paths.length === 0) throw new Error(`no file of ${folder} has a name with ${only.join(" or ")}`);
  const temporary = await mkdtemp(join(tmpdir(), "mutate-"));
  const totals = { killed: 0, all: 0 };
  try {
    for (const path of paths.toSorted()) {
      const mutants = await mutantsOf(path);
      if (mutants.length === 0) continue;
      const killed = await countKilled(path, mutants, temporary);
      console.log(figure(relative(root, path), killed, mutants.length));
      totals.killed += killed;
      totals.all += mutants.length;
    }
  } finally {
    await rm(temporary, { recursive: true });
  }
  console.log(figure(`packages/${name}`, totals.killed, totals.all));
});

function figure(what: string, killed: number, all: number): string {
  return `${what}: ${killed} of ${all} killed, ${all === 0 ? 100 : Math.floor((100 * killed) / all)} %`;
}

async function countKilled(path: string, mutants: readonly Mutant[], temporary: string): Promise<number> {
  const stages: Stage[] = [];
  for (const files of await testsOf(path)) stages.push(await runUnchanged(path, files, mutants, temporary));
  const waiting = [...mutants.entries()];
  let killed = 0;
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [id, mutant] = next;
      const codePath = join(temporary, `${id}.ts`);
      if (await isKilled(stages, id, { path, code: mutant.code, codePath })) killed += 1;
      else console.log(`${relative(root, path)}:${mutant.line}: ${mutant.was} -> ${mutant.becomes}`);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  return killed;
}

async function isKilled(stages: readonly Stage[], id: number, change: Change): Promise<boolean> {
  for (const { files, reached, timeoutMs } of stages) {
    if (reached.has(id) && !(await runTests(files, change, timeoutMs)).isPassed) return true;
  }
  return false;
}

/**
 * Returns the tests of the package that import a file: those in `src`, which are quick, and those in `tests`. Tests that
 * need the built executables are left out: these do not have the change.
 */
async function testsOf(path: string): Promise<string[][]> {
  const { isPassed, stdout, stderr } = await jest(
    ["--listTests", "--findRelatedTests", path],
    {},
    LIST_TIMEOUT_MS,
  );
  if (!isPassed) throw new Error(`cannot list the tests of ${path}:\n${stderr}`);
  const [, package_ = ""] = /^(.*?\/packages\/[^/]+)\//.exec(path) ?? [];
  const tests = stdout.split("\n").filter((file) => /(?<!\.int)\.test\.ts$/.test(file));
  return ["src", "tests"]
    .map((folder) => tests.filter((file) => file.startsWith(join(package_, folder, "/"))))
    .filter((files) => files.length > 0);
}

/** Tests that run together. */
interface Stage {
  files: string[];
  /** The mutants whose code the tests run. */
  reached: Set<number>;
  timeoutMs: number;
}

/** Throws when the tests fail without a change, since then every mutant would look killed. */
async function runUnchanged(
  path: string,
  files: string[],
  mutants: readonly Mutant[],
  temporary: string,
): Promise<Stage> {
  const reachedPath = join(temporary, "reached");
  await writeFile(reachedPath, "");
  const code = await markMutants(path, mutants, reachedPath);
  const started = performance.now();
  const { isPassed, stderr } = await runTests(
    files,
    { path, code, codePath: join(temporary, "marked.ts") },
    LIST_TIMEOUT_MS * 5,
  );
  if (!isPassed) throw new Error(`the tests fail without a change:\n${stderr}`);
  const reached = (await readFile(reachedPath, "utf8")).split("\n").filter((line) => line !== "");
  return {
    files,
    reached: new Set(reached.map(Number)),
    timeoutMs: Math.ceil(20_000 + 4 * (performance.now() - started)),
  };
}

/** Returns the source with a note to a file wherever the expression of a mutant is evaluated. */
async function markMutants(path: string, mutants: readonly Mutant[], reachedPath: string): Promise<string> {
  const source = await readFile(path);
  const marks = mutants.flatMap(({ start, end }, id) => [
    // An outer expression begins before, and ends after, an inner one at the same place.
    { at: start, order: -end, text: `(globalThis.__reached(${id}), ` },
    { at: end, order: -start - source.length, text: ")" },
  ]);
  marks.sort((one, other) => one.at - other.at || one.order - other.order);
  // Global and at the beginning, because a function may run elsewhere: the text of some is sent to a web page.
  let marked = `globalThis.__reached = (id) => {
  const seen = (globalThis.__reached.seen ??= new Set());
  if (seen.has(id)) return;
  seen.add(id);
  process.getBuiltinModule("node:fs").appendFileSync(${JSON.stringify(reachedPath)}, id + "\\n");
};
`;
  let done = 0;
  for (const { at, text } of marks) {
    marked += source.subarray(done, at).toString() + text;
    done = at;
  }
  return `${marked}${source.subarray(done).toString()}`;
}

interface Change {
  path: string;
  code: string;
  /** Where the code is put for the transform. */
  codePath: string;
}

async function runTests(files: readonly string[], { path, code, codePath }: Change, timeoutMs: number) {
  await writeFile(codePath, code);
  return jest(
    ["--bail", "--silent", "--runInBand", "--forceExit", "--runTestsByPath", ...files],
    { MUTANT_PATH: path, MUTANT_CODE_PATH: codePath },
    timeoutMs,
  );
}

async function jest(args: readonly string[], env: NodeJS.ProcessEnv, timeoutMs: number) {
  const child = spawn(
    process.execPath,
    [join(root, "node_modules", "jest", "bin", "jest.js"), "--config", await config(), ...args],
    {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      env: { ...process.env, ...ESM, ...env },
    },
  );
  const printed = { stdout: "", stderr: "" };
  child.stdout.on("data", (data: Buffer) => (printed.stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (printed.stderr += data.toString()));
  const [code] = (await once(child, "exit")) as [number | null];
  // A program that a test left behind may keep the pipes open.
  await setTimeout(100);
  child.stdout.destroy();
  child.stderr.destroy();
  return { isPassed: code === 0, ...printed };
}

/** The project's configuration of jest, with the transform that puts the change in. */
const config = lazy(async () => {
  const url = pathToFileURL(join(root, "jest.config.mjs")).href;
  const { default: base } = (await import(url)) as { default: { transform: Record<string, unknown> } };
  const [, options] = base.transform[TYPESCRIPT] as [string, object];
  const transform = {
    ...base.transform,
    [TYPESCRIPT]: ["<rootDir>/scripts/lib/mutant-transform.mjs", options],
  };
  return JSON.stringify({ ...base, rootDir: root, transform });
});

function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

async function mutantsOf(path: string): Promise<Mutant[]> {
  const source = await readFile(path);
  // Positions count from the start of everything that swc has parsed before; the first one shows where this source
  // starts.
  const module = await parse(`;${source.toString()}`, { syntax: "typescript", target: "es2022" });
  const base = module.span.start + 1;
  const mutants: Mutant[] = [];
  const replace = (expression: Span, { start, end }: Span, becomes: string) =>
    mutants.push({
      ...expression,
      line: source.subarray(0, start).toString().split("\n").length,
      was: source.subarray(start, end).toString().trim(),
      becomes,
      code: `${source.subarray(0, start).toString()}${becomes}${source.subarray(end).toString()}`,
    });
  const spanOf = ({ span }: Node): Span => ({ start: span.start - base, end: span.end - base });
  visit(module.body, (node) => {
    if (node.type === "IfStatement" && endsTheFunction(node["consequent"] as Node)) {
      const test = spanOf(node["test"] as Node);
      replace(test, test, "false");
    }
    if (node.type !== "BinaryExpression") return;
    const becomes = OPERATORS[node["operator"] as string];
    if (becomes === undefined) return;
    const [start, end] = [spanOf(node["left"] as Node).end, spanOf(node["right"] as Node).start];
    const at = source.indexOf(node["operator"] as string, start);
    if (at < 0 || at >= end) return;
    replace(spanOf(node), { start: at, end: at + (node["operator"] as string).length }, becomes);
  });
  return mutants;
}

interface Span {
  start: number;
  end: number;
}

interface Node {
  type: string;
  span: Span;
  [field: string]: unknown;
}

function endsTheFunction(node: Node): boolean {
  const statements = node.type === "BlockStatement" ? (node["stmts"] as Node[]) : [node];
  return ["ReturnStatement", "ThrowStatement", "ContinueStatement"].includes(statements.at(-1)?.type ?? "");
}

function visit(value: unknown, see: (node: Node) => void): void {
  if (typeof value !== "object" || value === null) return;
  if ("type" in value && "span" in value) see(value as Node);
  for (const child of Object.values(value)) visit(child, see);
}
