// The line protocol between nixops4 and a provider, version 0: nixops4's resource-schema-v0.json.
import { isObject, parseJson } from "@nixops4-providers/json";
import { ProviderError } from "./errors.ts";
import type { StateEvent } from "./resource.ts";

type Properties = Record<string, unknown>;

interface Resource {
  type: string;
  inputProperties: Properties;
  outputProperties: Properties | undefined;
}

export type Request =
  | { kind: "create"; type: string; inputProperties: Properties; isStateful: boolean }
  | { kind: "update"; resource: Resource; inputProperties: Properties }
  | { kind: "stateRead"; resource: Resource }
  | { kind: "stateEvent"; resource: Resource; event: StateEvent };

export type Response =
  | { createResourceResponse: { outputProperties: Properties } }
  | { updateResourceResponse: { outputProperties: Properties } }
  | { stateResourceReadResponse: { state: Properties } }
  | { stateResourceEventResponse: Record<string, never> }
  | { errorResponse: { message: string } };

const parsers: Record<string, (body: Body) => Request> = {
  createResourceRequest: (body) => ({
    kind: "create",
    type: body.string("type"),
    inputProperties: body.object("inputProperties"),
    isStateful: body.boolean("isStateful"),
  }),
  updateResourceRequest: (body) => ({
    kind: "update",
    resource: body.resource(),
    inputProperties: body.object("inputProperties"),
  }),
  stateResourceReadRequest: (body) => ({ kind: "stateRead", resource: body.resource() }),
  stateResourceEvent: (body) => ({
    kind: "stateEvent",
    resource: body.resource(),
    event: {
      event: body.string("event"),
      nixopsVersion: body.string("nixopsVersion"),
      patch: body.array("patch"),
    },
  }),
};

/** Parses one line of input. Throws a {@link ProviderError} when it is not a request. */
export function parseRequest(line: string): Request {
  let message: unknown;
  try {
    message = parseJson(line);
  } catch {
    // The parser's message would quote the line with its secrets.
    throw new ProviderError(
      `cannot understand the request: the line of ${line.length} characters is not JSON`,
    );
  }
  const names = isObject(message) ? Object.keys(message) : [];
  const [name] = names;
  const parser = name === undefined || !Object.hasOwn(parsers, name) ? undefined : parsers[name];
  if (names.length !== 1 || parser === undefined) {
    const known = Object.keys(parsers).join(", ");
    throw new ProviderError(`unknown request: expected an object with one of the fields ${known}`);
  }
  return parser(new Body(name!, (message as Properties)[name!]));
}

/** Typed access to the fields of a request. */
class Body {
  readonly #name: string;
  readonly #fields: Properties;

  constructor(name: string, value: unknown) {
    if (!isObject(value)) throw new ProviderError(`${name}: must be an object`);
    this.#name = name;
    this.#fields = value;
  }

  string = (field: string) => this.#expect(field, "a string", (value) => typeof value === "string");
  boolean = (field: string) => this.#expect(field, "a boolean", (value) => typeof value === "boolean");
  object = (field: string) => this.#expect(field, "an object", isObject);
  array = (field: string) => this.#expect(field, "a list", (value) => Array.isArray(value)) as unknown[];

  resource(): Resource {
    const resource = new Body(`${this.#name}.resource`, this.#fields["resource"]);
    const outputs = resource.#fields["outputProperties"];
    return {
      type: resource.string("type"),
      inputProperties: resource.object("inputProperties"),
      outputProperties:
        outputs === undefined || outputs === null ? undefined : resource.object("outputProperties"),
    };
  }

  #expect<T>(field: string, what: string, holds: (value: unknown) => value is T): T {
    const value = this.#fields[field];
    if (holds(value)) return value;
    throw new ProviderError(`${this.#name}.${field}: must be ${what}`);
  }
}
