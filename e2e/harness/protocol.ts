import { isObject, stringifyJson } from "@nixops4-providers/json";

/** The inputs or outputs of a resource, as JSON. */
export type Properties = Record<string, unknown>;

/** A resource with the inputs and outputs of its last operation. */
export interface ExtantResource {
  type: string;
  inputProperties: object;
  outputProperties?: object;
}

export interface UpdateRequest {
  inputs: object;
  previousInputs: object;
  previousOutputs?: object;
}

/** A change to record in a state resource. */
export interface StateEvent {
  resource: ExtantResource;
  /** The operation that made the change: "create" or "update". */
  event: string;
  nixopsVersion: string;
  /** The change as RFC 6902 operations. */
  patch: readonly unknown[];
}

/** Returns the field `name` of a response. Throws the error of the provider. */
export function expectResponse(response: unknown, name: string): Properties {
  if (isObject(response)) {
    const body = response[name];
    if (isObject(body)) return body;
    const failure = response["errorResponse"];
    if (isObject(failure)) throw new Error(String(failure["message"]));
  }
  throw new Error(`Expected ${name} from provider but got: ${excerpt(stringifyJson(response))}`);
}

/** Returns a field that must be an object. */
export function expectObject(body: Properties, field: string): Properties {
  const value = body[field];
  if (isObject(value)) return value;
  throw new Error(`Expected an object in the field ${field} but got: ${excerpt(stringifyJson(value))}`);
}

export function excerpt(text: string | undefined): string {
  const shown = text ?? "nothing";
  return shown.length <= 200 ? shown : `${shown.slice(0, 200)}… (${shown.length} characters)`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
