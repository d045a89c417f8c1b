import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseJson } from "@nixops4-providers/json";
import {
  formatPath,
  type Evaluator,
  type KnownOutputs,
  type MemberPath,
  type ResourceInfo,
  type Step,
} from "./evaluator.ts";
import { limitConcurrency } from "./limit-concurrency.ts";
import { evaluateNix, NixError, runNix, toNix, type NixOptions } from "./run-nix.ts";

export interface NixEvaluatorOptions extends NixOptions {
  /** A Nix expression with the result of nixops4's `mkRoot`. */
  root: string;
  /** The system for which providers are built. */
  system?: string;
}

interface Question {
  ask: "listMembers" | "resourceInfo" | "input" | "inputs";
  path: MemberPath;
  input?: string;
}

interface Answer {
  json: string;
  /** The store paths in the value, with the needed outputs of derivations. */
  context: Record<string, { outputs?: readonly string[] }>;
}

/** Evaluates a deployment with Nix, and builds the store paths in its values, like nixops4. */
export function nixEvaluator({ root, system = "x86_64-linux", ...nix }: NixEvaluatorOptions): Evaluator {
  const limit = limitConcurrency(availableParallelism());
  const builds = new Map<string, Promise<string>>();

  const build = (target: string): Promise<string> => {
    const started = builds.get(target) ?? runNix(["nix-store", "--realise", target], nix);
    builds.set(target, started);
    return started;
  };

  const answer = async <T>(question: Question, known: KnownOutputs): Promise<Step<T>> => {
    const parameters = { input: "", ...question, system, outputs: Object.fromEntries(known) };
    const driver = join(import.meta.dirname, "nix-evaluator.nix");
    const expression = `import ${driver} (${toNix(parameters)} // { root = ${root}; })`;
    try {
      const { json, context } = await evaluateNix<Answer>(expression, nix);
      for (const [path, { outputs }] of Object.entries(context)) {
        if (outputs !== undefined) await build(`${path}!${outputs.join(",")}`);
      }
      return { value: parseJson(json) as T };
    } catch (error) {
      const needs = error instanceof NixError ? neededOutput(error.message) : undefined;
      if (needs === undefined) throw error;
      return { needs };
    }
  };
  const ask = <T>(question: Question, known: KnownOutputs) => limit(() => answer<T>(question, known));

  // Evaluating all inputs takes as long as one, so they are evaluated together. They do not change when more outputs
  // become known.
  const evaluated = new WeakMap<KnownOutputs, Map<string, Promise<Record<string, unknown> | undefined>>>();
  const allInputs = (path: MemberPath, known: KnownOutputs) => {
    const resources = evaluated.get(known) ?? new Map<string, Promise<Record<string, unknown> | undefined>>();
    evaluated.set(known, resources);
    const member = formatPath(path);
    const evaluating =
      resources.get(member) ??
      ask<Record<string, unknown>>({ ask: "inputs", path }, known)
        .then((step) => ("value" in step ? step.value : undefined))
        .catch(() => undefined);
    resources.set(member, evaluating);
    void evaluating.then((inputs) => inputs ?? resources.delete(member));
    return evaluating;
  };

  return {
    listMembers: (path, known) => ask({ ask: "listMembers", path }, known),
    resourceInfo: async (path, known) => {
      type Info = Omit<ResourceInfo, "state"> & { state: MemberPath | null };
      const step = await ask<Info>({ ask: "resourceInfo", path }, known);
      return "value" in step ? { value: { ...step.value, state: step.value.state ?? undefined } } : step;
    },
    async input(path, input, known) {
      const inputs = await allInputs(path, known);
      if (inputs !== undefined && Object.hasOwn(inputs, input)) return { value: inputs[input] };
      return ask({ ask: "input", path, input }, known);
    },
  };
}

function neededOutput(message: string): { member: MemberPath; output: string } | undefined {
  const json = /nixops4-needs:(.*?):nixops4-needs/s.exec(message)?.[1];
  return json === undefined ? undefined : (JSON.parse(json) as { member: MemberPath; output: string });
}
