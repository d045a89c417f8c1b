import type { Static, TObject } from "typebox/type";
import type { Context } from "./context.ts";

/** What `create` and `update` are asked for. */
export interface ConvergeRequest<Inputs, Outputs> {
  inputs: Inputs;
  /**
   * What the last successful run was given and returned; `undefined` on `create`. It may have been written by
   * an older version of the provider and the world may have changed since: a hint, never the truth.
   */
  previous: { inputs: Partial<Inputs>; outputs: Partial<Outputs> } | undefined;
}

/** One thing that is wrong with the inputs. */
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
  /** The name by which an expression asks for it. */
  type: string;
  /** What it is, in Markdown: shown in the reference. */
  description: string;
  /**
   * The file `<type>.md` beside the declaration, in Markdown: one line for the list of types in README.md, then the
   * sections that CONTRIBUTING.md lists, for the reference. It is in no executable and no Nix module.
   */
  docs: string;
  /** Whether it works only with a `state` resource (`requireState` in Nix). */
  stateful: boolean;
  /** Whether `create` and `update` first wait for a process that an earlier nixops4 left at work on the same inputs. */
  waitsForOrphans?: boolean;
  inputs: I;
  outputs: O;
  /** Rules that a schema cannot say, reported together. Runs after the schema holds. */
  check?(inputs: Static<I>): Violation[];
  create: Operation<I, O>;
  /** Left out where the type never has state: an update is then refused. */
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

/** Declares one resource type; inputs and outputs are typed by their schemas. */
export function defineResource<I extends TObject, O extends TObject>(
  resource: ResourceType<I, O>,
): ResourceType {
  return resource;
}

export function defineProvider(provider: Provider): Provider {
  return provider;
}

/** `create` and `update` as one flow: observe, ensure, sync, return. */
export function converge<Inputs, Outputs>(
  flow: (request: ConvergeRequest<Inputs, Outputs>, context: Context) => Promise<Outputs>,
) {
  return { create: flow, update: flow };
}
