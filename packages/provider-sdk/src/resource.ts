import type { Static, TObject } from "typebox/type";
import type { Context } from "./context.ts";

/** The request of `create` and `update`. */
export interface ConvergeRequest<Inputs, Outputs> {
  inputs: Inputs;
  /**
   * The inputs and outputs of the last successful run; `undefined` on `create`. An older version of the provider may have
   * written them, and the resource may have changed since, so they must be checked against it.
   */
  previous: { inputs: Partial<Inputs>; outputs: Partial<Outputs> } | undefined;
}

/** One error in the inputs. */
export interface Violation {
  path: string;
  message: string;
}

/** A change that nixops4 asks a state resource to record. */
export interface StateEvent {
  event: string;
  nixopsVersion: string;
  /** RFC 6902 operations. */
  patch: readonly unknown[];
}

/** The operations of a resource that stores the state of others. */
export interface StateStore<Inputs> {
  read(inputs: Inputs, context: Context): Promise<Record<string, unknown>>;
  event(inputs: Inputs, event: StateEvent, context: Context): Promise<void>;
}

type Operation<I extends TObject, O extends TObject> = (
  request: ConvergeRequest<Static<I>, Static<O>>,
  context: Context,
) => Promise<Static<O>>;

export interface ResourceType<I extends TObject = TObject, O extends TObject = TObject> {
  /** The name of the type in an expression. */
  type: string;
  /** The description for the reference, in Markdown. */
  description: string;
  /**
   * The file `<type>.md` beside the declaration, in Markdown: one line for the list of types in README.md, then the
   * sections that CONTRIBUTING.md lists, for the reference. It is in no executable and no Nix module.
   */
  docs: string;
  /** Whether the type needs a `state` resource (`requireState` in Nix). */
  stateful: boolean;
  /** Whether `create` and `update` first wait for a process of an earlier nixops4 that still works on the same inputs. */
  waitsForOrphans?: boolean;
  inputs: I;
  outputs: O;
  /** Returns the violations of rules that a schema cannot express. Is called with inputs that match the schema. */
  check?(inputs: Static<I>): Violation[];
  create: Operation<I, O>;
  /** Is missing when the type never has state: updates are then refused. */
  update?: Operation<I, O>;
  state?: StateStore<Static<I>>;
}

export interface Provider {
  /** As in `providers.<name>`. */
  name: string;
  /** The file in `dist/bin/`. */
  executable: string;
  description: string;
  resources: readonly ResourceType[];
}

/** A resource type whose `create` and `update` are one function, which is loaded at its first call. */
interface ResourceTypeWithWorker<I extends TObject, O extends TObject> extends Omit<
  ResourceType<I, O>,
  "create" | "update"
> {
  /** Loads the function and its libraries, which requests with invalid inputs need not wait for. */
  worker: () => Promise<Operation<I, O>>;
}

/** Declares one resource type. Its inputs and outputs are typed by their schemas. */
export function defineResource<I extends TObject, O extends TObject>(
  declaration: ResourceType<I, O> | ResourceTypeWithWorker<I, O>,
): ResourceType {
  if (!("worker" in declaration)) return declaration;
  const { worker, ...rest } = declaration;
  const load: Operation<I, O> = async (request, context) => (await worker())(request, context);
  const resource: ResourceType<I, O> = { ...rest, ...converge(load) };
  return resource;
}

export function defineProvider(provider: Provider): Provider {
  return provider;
}

/** Makes `create` and `update` of one function that observes, ensures, syncs and returns. */
export function converge<Inputs, Outputs>(
  flow: (request: ConvergeRequest<Inputs, Outputs>, context: Context) => Promise<Outputs>,
) {
  return { create: flow, update: flow };
}
