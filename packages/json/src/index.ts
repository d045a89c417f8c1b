export { canonicalJson, sameJson } from "./canonical.ts";
export { isObject, JsonNumber } from "./json-number.ts";
export { parseJson } from "./parse.ts";
export { stringifyJson } from "./stringify.ts";
