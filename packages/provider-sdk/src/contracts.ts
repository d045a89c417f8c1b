// The build replaces this module by one that holds the provider's contracts ready-made (scripts/build.ts).
import type { ErrorObject } from "ajv";
import { createAjv } from "./ajv.ts";
import type { JsonSchema } from "./json-schema.ts";
import type { ResourceType } from "./resource.ts";

/** The part of Ajv's error objects that is used. */
export type SchemaError = Pick<ErrorObject, "instancePath" | "keyword" | "params" | "message">;

/** A schema and the function that checks values against it; no errors mean that the value is good. */
export interface Contract {
  schema: JsonSchema;
  check: (value: unknown) => readonly SchemaError[];
}

interface ResourceContracts {
  inputs: Contract;
  outputs: Contract;
}

/** Makes the contracts of a resource type when they are asked for: a process mostly serves a single type. */
export type Contracts = (resource: ResourceType) => Promise<ResourceContracts>;

export const contractsOf: Contracts = async ({ inputs, outputs }) => {
  const ajv = createAjv();
  const contract = (schema: object): Contract => {
    const validate = ajv.compile(schema);
    return { schema, check: (value) => (validate(value) ? [] : (validate.errors ?? [])) };
  };
  return { inputs: contract(inputs), outputs: contract(outputs) };
};
