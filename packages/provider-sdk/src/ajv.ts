import { Ajv, type Options } from "ajv";

/** The options of all validators, whether they are compiled by the build or at run time. */
export function createAjv(options: Options = {}): Ajv {
  const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, ...options });
  ajv.addVocabulary(["sensitive", "localPath", "patternError"]);
  return ajv;
}
