import { type JsonNumber, parseJson, stringifyJson } from "@nixops4-providers/json";
import { formatPath, type Evaluator, type KnownOutputs, type MemberPath, type Step } from "./evaluator.ts";
import type { Properties } from "./protocol.ts";

/** A member of a deployment, in TypeScript. `Name` is the union of the names of the root's members. */
export type Member<Name extends string> = ResourceMember<Name> | CompositeMember<Name>;

interface ResourceMember<Name extends string> {
  provider: { executable: string; args?: readonly string[] };
  type: string;
  inputs: Readonly<Record<string, Input<Name>>>;
  /** The path from the root to the member that stores the state of this one, such as `stores.state`. */
  state?: string;
}

interface CompositeMember<Name extends string> {
  /** The members, or a function that computes them from outputs. */
  members: Members<Name> | ((members: View<Name>) => Members<Name>);
}

export type Members<Name extends string> = Readonly<Record<string, Member<Name>>>;

/** A value, or a function of the members of the root and their outputs. */
export type Input<Name extends string> = Json | ((members: View<Name>) => unknown);

export type View<Name extends string> = Readonly<Record<Name, MemberView>>;

export interface MemberView {
  readonly outputs: Readonly<Properties>;
  readonly members: View<string>;
}

export type Json =
  string | number | JsonNumber | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Creates a deployment from members, whose inputs may be functions of the outputs of others. */
export function graph<Name extends string>(members: Record<Name, Member<NoInfer<Name>>>): Evaluator {
  const root: CompositeMember<Name> = { members };

  const find = (path: MemberPath, known: KnownOutputs): Member<Name> => {
    let member: Member<Name> = root;
    for (const name of path) {
      const inside: Members<Name> = membersOf(member, known);
      if (!Object.hasOwn(inside, name)) throw new Error(`there is no member ${formatPath(path)}`);
      member = inside[name]!;
    }
    return member;
  };
  const findResource = (path: MemberPath, known: KnownOutputs): ResourceMember<Name> => {
    const member = find(path, known);
    if ("members" in member) {
      throw new Error(`expected a resource at ${formatPath(path)}, but found a composite`);
    }
    return member;
  };

  return {
    listMembers: (composite, known) =>
      evaluate(() => {
        const member = find(composite, known);
        if (!("members" in member)) {
          throw new Error(`expected a composite at ${formatPath(composite)}, but found a resource`);
        }
        const inside = membersOf(member, known);
        return Object.fromEntries(
          Object.entries(inside).map(([name, member]) => [
            name,
            "members" in member ? ("composite" as const) : ("resource" as const),
          ]),
        );
      }),
    resourceInfo: (path, known) =>
      evaluate(() => {
        const { provider, type, state, inputs } = findResource(path, known);
        return { provider, type, state: state?.split("."), inputNames: Object.keys(inputs) };
      }),
    input: (path, name, known) =>
      evaluate(() => {
        const input = findResource(path, known).inputs[name];
        const value = typeof input === "function" ? input(viewMembers([], known)) : input;
        return parseJson(stringifyJson(value ?? null));
      }),
  };
}

class OutputNeeded extends Error {
  override readonly name = "OutputNeeded";
  readonly member: MemberPath;
  readonly output: string;

  constructor(member: MemberPath, output: string) {
    super(`needs ${formatPath(member)}.${output}`);
    this.member = member;
    this.output = output;
  }
}

async function evaluate<T>(expression: () => T): Promise<Step<T>> {
  try {
    return { value: expression() };
  } catch (error) {
    if (error instanceof OutputNeeded) return { needs: error };
    throw error;
  }
}

function membersOf<Name extends string>(member: Member<Name>, known: KnownOutputs): Members<Name> {
  if (!("members" in member)) return {};
  const { members } = member;
  return typeof members === "function" ? members(viewMembers([], known)) : members;
}

function viewMembers<Name extends string>(composite: MemberPath, known: KnownOutputs): View<Name> {
  return lazyRecord((name) => {
    const path = [...composite, name];
    return {
      outputs: lazyRecord((output) => {
        const outputs = known.get(formatPath(path));
        if (outputs === undefined || !Object.hasOwn(outputs, output)) throw new OutputNeeded(path, output);
        return outputs[output];
      }),
      members: viewMembers(path, known),
    };
  });
}

/** Returns a record that computes each field when it is read. */
function lazyRecord<T>(read: (name: string) => T): Readonly<Record<string, T>> {
  return new Proxy<Record<string, T>>(
    {},
    { get: (_, name) => (typeof name === "string" ? read(name) : undefined) },
  );
}
