import { Ajv, type Options } from "ajv";

/** The one set of options for validators, whether compiled at build time or, from source, at run time. */
export function createAjv(options: Options = {}): Ajv {
  const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, ...options });
  ajv.addVocabulary(["sensitive", "localPath", "patternError"]);
  return ajv;
}
