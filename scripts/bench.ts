// Runs the benchmarks in scripts/bench: all of them, or the named ones, such as `npm run bench -- startup`.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "./build.ts";
import { main } from "./lib/main.ts";
import { buildWithoutBuildUsers } from "./lib/nix-build-users.ts";

main(import.meta.url, async () => {
  const folder = join(import.meta.dirname, "bench");
  const all = (await readdir(folder))
    .map((file) => /^(.*)\.bench\.ts$/.exec(file)?.[1])
    .filter((name) => name !== undefined);
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !all.includes(name));
  if (unknown.length > 0) throw new Error(`no benchmark ${unknown.join(", ")}; there are: ${all.join(", ")}`);
  buildWithoutBuildUsers();
  await build();
  for (const name of wanted.length === 0 ? all : wanted) {
    const { bench } = (await import(pathToFileURL(join(folder, `${name}.bench.ts`)).href)) as {
      bench: () => Promise<void>;
    };
    await bench();
  }
});
