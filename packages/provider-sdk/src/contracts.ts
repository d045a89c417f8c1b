// The build replaces this module by one with the compiled contracts of the provider (scripts/build.ts).
import type { ErrorObject } from "ajv";
import { createAjv } from "./ajv.ts";
import type { JsonSchema } from "./json-schema.ts";
import type { ResourceType } from "./resource.ts";

/** The fields of Ajv's error objects that are used. */
export type SchemaError = Pick<ErrorObject, "instancePath" | "keyword" | "params" | "message">;

/** A schema and the function that validates values against it. No errors mean that the value is valid. */
export interface Contract {
  schema: JsonSchema;
  check: (value: unknown) => readonly SchemaError[];
}

interface ResourceContracts {
  inputs: Contract;
  outputs: Contract;
}

/** Makes the contracts of a resource type at their first use, since most processes serve one type. */
export type Contracts = (resource: ResourceType) => Promise<ResourceContracts>;

export const contractsOf: Contracts = async ({ inputs, outputs }) => {
  const ajv = createAjv();
  const contract = (schema: object): Contract => {
    const validate = ajv.compile(schema);
    return { schema, check: (value) => (validate(value) ? [] : (validate.errors ?? [])) };
  };
  return { inputs: contract(inputs), outputs: contract(outputs) };
};
