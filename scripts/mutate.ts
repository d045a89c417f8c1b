// Changes one guard of a package at a time. Reports the changes that no unit test notices, and how many were noticed in
// each file and in total:
// `npm run mutate -- durable-log`, or with parts of file names: `npm run mutate -- boot-server decide ledger`.
import { spawnSync } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { parse } from "@swc/core";
import { main } from "./lib/main.ts";
import { root } from "./lib/providers.ts";

interface Mutant {
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
/** A change that makes a test hang counts as noticed. */
const TIMEOUT_MS = 180_000;

main(import.meta.url, async () => {
  const [name, ...only] = process.argv.slice(2);
  if (name === undefined) throw new Error("name a package: npm run mutate -- <package> [<file>…]");
  const folder = join(root, "packages", name, "src");
  const paths = (await readdir(folder, { recursive: true }))
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts") && !path.endsWith(".d.ts"))
    .filter((path) => only.length === 0 || only.some((part) => path.includes(part)))
    .map((path) => join(folder, path));
  if (paths.length === 0) throw new Error(`no file of ${folder} has a name with ${only.join(" or ")}`);
  const totals = { killed: 0, all: 0 };
  for (const path of paths.toSorted()) {
    const mutants = await mutantsOf(path);
    let killed = 0;
    for (const mutant of mutants) {
      if (await isNoticed(path, name, mutant)) killed += 1;
      else console.log(`${relative(root, path)}:${mutant.line}: ${mutant.was} -> ${mutant.becomes}`);
    }
    totals.killed += killed;
    totals.all += mutants.length;
    if (mutants.length > 0) console.log(figure(relative(root, path), killed, mutants.length));
  }
  console.log(figure(`packages/${name}`, totals.killed, totals.all));
});

function figure(what: string, killed: number, all: number): string {
  return `${what}: ${killed} of ${all} killed, ${all === 0 ? 100 : Math.floor((100 * killed) / all)} %`;
}

/**
 * Runs the unit tests that import the file. The tests of its own package run first, since they are quick. Tests that
 * need the built executables are left out.
 */
async function isNoticed(path: string, name: string, { code }: Mutant): Promise<boolean> {
  const original = await readFile(path);
  try {
    await writeFile(path, code);
    return (
      failsTests(path, join(root, `packages/${name}`)) || failsTests(path, join(root, `packages/!(${name})`))
    );
  } finally {
    await writeFile(path, original);
  }
}

function failsTests(path: string, packages: string): boolean {
  const jest = join(root, "node_modules", "jest", "bin", "jest.js");
  const args = ["--findRelatedTests", path, "--bail", "--silent", "--passWithNoTests"];
  const { status } = spawnSync(
    process.execPath,
    [jest, ...args, "--testMatch", join(packages, "{src,tests}/**/!(*.int).test.ts")],
    {
      cwd: root,
      stdio: "ignore",
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
      env: {
        ...process.env,
        NODE_OPTIONS: "--experimental-vm-modules --disable-warning=ExperimentalWarning",
      },
    },
  );
  return status !== 0;
}

async function mutantsOf(path: string): Promise<Mutant[]> {
  const source = await readFile(path);
  // Positions count from the start of everything that swc has parsed before; the first one shows where this source
  // starts.
  const module = await parse(`;${source.toString()}`, { syntax: "typescript", target: "es2022" });
  const base = module.span.start + 1;
  const mutants: Mutant[] = [];
  const replace = (start: number, end: number, becomes: string) =>
    mutants.push({
      line: source.subarray(0, start).toString().split("\n").length,
      was: source.subarray(start, end).toString().trim(),
      becomes,
      code: `${source.subarray(0, start).toString()}${becomes}${source.subarray(end).toString()}`,
    });
  visit(module.body, (node) => {
    if (node.type === "IfStatement" && endsTheFunction(node["consequent"] as Node)) {
      const { span } = node["test"] as Node;
      replace(span.start - base, span.end - base, "false");
    }
    if (node.type !== "BinaryExpression") return;
    const becomes = OPERATORS[node["operator"] as string];
    if (becomes === undefined) return;
    const [start, end] = [(node["left"] as Node).span.end - base, (node["right"] as Node).span.start - base];
    const at = source.indexOf(node["operator"] as string, start);
    if (at >= 0 && at < end) replace(at, at + (node["operator"] as string).length, becomes);
  });
  return mutants;
}

interface Node {
  type: string;
  span: { start: number; end: number };
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
