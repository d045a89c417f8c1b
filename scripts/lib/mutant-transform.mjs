// The jest transform of `npm run mutate`: as @swc/jest, but one file has the changed code that the environment names.
// The sources stay as they are, so that several runs can go on at once and none leaves a change behind.
import { readFileSync } from "node:fs";
import swcJest from "@swc/jest";

const { MUTANT_PATH, MUTANT_CODE_PATH } = process.env;

function createTransformer(options) {
  const swc = swcJest.createTransformer(options);
  const withMutant =
    (method) =>
    (source, path, ...rest) =>
      swc[method](path === MUTANT_PATH ? readFileSync(MUTANT_CODE_PATH, "utf8") : source, path, ...rest);
  return {
    ...swc,
    process: withMutant("process"),
    processAsync: withMutant("processAsync"),
    getCacheKey: withMutant("getCacheKey"),
  };
}

export default { createTransformer };
