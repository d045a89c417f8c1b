import { isObject } from "@nixops4-providers/json";
import { diff } from "./diff.ts";
import { formatPath, type MemberPath } from "./evaluator.ts";
import { expectObject, messageOf, type ExtantResource, type Properties } from "./protocol.ts";
import type { ProviderProcess } from "./provider-process.ts";

/** A resource in the state. */
export interface ResourceState {
  type: string;
  input_properties: Properties;
  output_properties: Properties;
}

/** A composite in the state, with its resources and inner composites. */
interface CompositeState {
  resources: Record<string, ResourceState>;
  deployments: Record<string, CompositeState>;
}

/** The version in the state events of nixops4 0.1. */
const NIXOPS_VERSION = "0.1.0";

/** The state in a state resource. Its provider process stays open for events. */
export class StateHandle {
  readonly #process: ProviderProcess;
  readonly #resource: ExtantResource;
  #state: CompositeState;
  #lastEvent: Promise<void> = Promise.resolve();

  private constructor(process: ProviderProcess, resource: ExtantResource, state: CompositeState) {
    this.#process = process;
    this.#resource = resource;
    this.#state = state;
  }

  static async open(process: ProviderProcess, resource: ExtantResource): Promise<StateHandle> {
    const state = await process.stateRead(resource);
    if (state["_type"] !== "nixopsState") {
      const type = JSON.stringify(state["_type"]);
      throw new Error(
        `Failed to parse state: unexpected _type in nixops state: expected "nixopsState", got ${type}`,
      );
    }
    return new StateHandle(process, resource, readComposite(state));
  }

  get(path: MemberPath): ResourceState | undefined {
    let state: CompositeState | undefined = this.#state;
    for (const name of path.slice(0, -1)) state = own(state?.deployments, name);
    return own(state?.resources, path.at(-1)!);
  }

  /** Records a resource as a change of the whole state, unless nothing has changed. */
  record(path: MemberPath, event: "create" | "update", resource: ResourceState): Promise<void> {
    const done = this.#lastEvent.then(() => this.#record(path, event, resource));
    this.#lastEvent = done.catch(() => {});
    return done;
  }

  async #record(path: MemberPath, event: string, resource: ResourceState): Promise<void> {
    const state = withResource(this.#state, path, resource);
    const patch = diff(this.#state, state);
    if (patch.length === 0) return;
    try {
      await this.#process.stateEvent({
        resource: this.#resource,
        event,
        nixopsVersion: NIXOPS_VERSION,
        patch,
      });
    } catch (cause) {
      throw new Error(`Failed to update state for resource ${formatPath(path)}: ${messageOf(cause)}`, {
        cause,
      });
    }
    this.#state = state;
  }
}

function withResource(
  state: CompositeState,
  [name = "", ...rest]: MemberPath,
  resource: ResourceState,
): CompositeState {
  if (rest.length === 0) return { ...state, resources: { ...state.resources, [name]: resource } };
  const nested = own(state.deployments, name) ?? { resources: {}, deployments: {} };
  return { ...state, deployments: { ...state.deployments, [name]: withResource(nested, rest, resource) } };
}

function readComposite(state: Properties): CompositeState {
  return {
    resources: mapFields(state["resources"], (resource) => ({
      type: String(resource["type"]),
      input_properties: expectObject(resource, "input_properties"),
      output_properties: expectObject(resource, "output_properties"),
    })),
    deployments: mapFields(state["deployments"], readComposite),
  };
}

function mapFields<T>(value: unknown, read: (field: Properties) => T): Record<string, T> {
  const fields = isObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(fields.map(([name, field]) => [name, read(isObject(field) ? field : {})]));
}

function own<T>(record: Record<string, T> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}
