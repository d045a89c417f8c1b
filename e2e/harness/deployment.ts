import { isDeepStrictEqual } from "node:util";
import { formatPath, type Evaluator, type MemberPath, type ResourceInfo, type Step } from "./evaluator.ts";
import { messageOf, type Properties } from "./protocol.ts";
import { ProviderPool, type PoolOptions } from "./provider-pool.ts";
import { ApplyError, NotRun, type Action, type ApplyEvent, type MemberResult } from "./results.ts";
import { StateHandle } from "./state.ts";
import { WaitGraph } from "./wait-graph.ts";

export interface ApplyOptions extends PoolOptions {
  /** The composites to apply, such as `hosts.web`. A failure of one does not stop the others. Default: the root. */
  members?: readonly string[];
}

/**
 * Applies a deployment like nixops4: everything runs as soon as possible, and each resource in its own provider
 * process. Waits for all resources of a composite, then for its inner composites in the order of their names. After the
 * first failure, nixops4 exits while other resources are still in progress. Resolves to a result for each resource, in
 * the order in which they finished. Rejects with an {@link ApplyError}.
 */
export async function applyDeployment(
  evaluator: Evaluator,
  options: ApplyOptions = {},
): Promise<readonly MemberResult[]> {
  const apply = new Apply(evaluator, options);
  const failed = await apply.run(options.members ?? [""]);
  const results = await apply.exit(failed);
  if (!failed) return results;
  if (apply.wasStopped) throw new ApplyError("the apply was interrupted", results);
  const errors = results.flatMap(({ member, error }) => (error === undefined ? [] : [`${member}: ${error}`]));
  throw new ApplyError(errors.join("\n"), results);
}

interface AppliedResource {
  info: ResourceInfo;
  inputs: Properties;
  outputs: Properties;
  action: Action;
}

class Apply {
  readonly #evaluator: Evaluator;
  readonly #emit: (event: ApplyEvent) => void;
  readonly #isInterrupted: () => boolean;
  readonly #pool: ProviderPool;
  readonly #waits = new WaitGraph();
  readonly #known = new Map<string, Properties>();
  readonly #resources = new Map<string, Promise<AppliedResource>>();
  readonly #states = new Map<string, Promise<StateHandle>>();
  readonly #results: MemberResult[] = [];
  readonly #underWay = new Map<string, { type: string; start: number }>();
  #hasExited = false;

  constructor(evaluator: Evaluator, options: ApplyOptions) {
    this.#evaluator = evaluator;
    this.#emit = options.onEvent ?? (() => {});
    this.#isInterrupted = () => options.signal?.aborted === true;
    this.#pool = new ProviderPool(options);
  }

  get wasStopped(): boolean {
    return this.#pool.isStopped;
  }

  /** Applies the composites, and returns whether one of them failed. */
  async run(composites: readonly string[]): Promise<boolean> {
    const applied = composites.map((path) => this.#applyComposite(path === "" ? [] : path.split(".")));
    const ends = await Promise.allSettled(applied);
    return ends.some(({ status }) => status === "rejected");
  }

  /** Ends the apply. After a failure, does not wait for the resources that are in progress. */
  async exit(failed: boolean): Promise<readonly MemberResult[]> {
    if (failed && !this.#pool.isStopped) this.#pool.abandon();
    else await this.#pool.closeAll();
    for (const [member, { type, start }] of this.#underWay) {
      this.#finish({ member, type, action: "left", seconds: secondsSince(start), outputs: {} });
    }
    this.#hasExited = true;
    return this.#results;
  }

  async #applyComposite(path: MemberPath): Promise<void> {
    const composite = formatPath(path);
    let members: Record<string, "resource" | "composite">;
    try {
      members = await this.#resolve(composite, () => this.#evaluator.listMembers(path, this.#known));
      if (this.#isInterrupted()) throw new NotRun("the apply was interrupted");
    } catch (error) {
      this.#finish({ member: composite, type: "", seconds: 0, ...describeFailure(error) });
      throw error;
    }
    const named = (kind: "resource" | "composite") =>
      Object.keys(members)
        .filter((name) => members[name] === kind)
        .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        .map((name) => [...path, name]);
    const composites = named("composite").map((member) => this.#applyComposite(member));
    // The loop below stops at the first failure, so that nothing else would handle those of the other composites.
    for (const applied of composites) applied.catch(() => {});
    await allDone(named("resource").map((member) => this.#resource(member)));
    for (const applied of composites) await applied;
  }

  #resource(path: MemberPath): Promise<AppliedResource> {
    return memoize(this.#resources, formatPath(path), () => this.#applyResource(path));
  }

  async #applyResource(path: MemberPath): Promise<AppliedResource> {
    const member = formatPath(path);
    let type = "";
    let start: number | undefined;
    const seconds = () => (start === undefined ? 0 : secondsSince(start));
    try {
      const info = await this.#resolve(member, () => this.#evaluator.resourceInfo(path, this.#known));
      ({ type } = info);
      const applied = await this.#converge(path, info, (operation) => {
        start = performance.now();
        this.#underWay.set(member, { type, start });
        this.#emit({ kind: "started", member, type, operation });
      });
      this.#known.set(member, applied.outputs);
      this.#finish({ member, type, action: applied.action, seconds: seconds(), outputs: applied.outputs });
      return applied;
    } catch (error) {
      this.#finish({ member, type, seconds: seconds(), ...describeFailure(error) });
      throw error;
    }
  }

  async #converge(
    path: MemberPath,
    info: ResourceInfo,
    onStart: (operation: "create" | "update") => void,
  ): Promise<AppliedResource> {
    const member = formatPath(path);
    const { type } = info;
    const [state, inputs] = await allDone([
      info.state === undefined ? undefined : this.#state(member, info.state),
      this.#evaluateInputs(path, info.inputNames),
    ]);
    const past = state?.get(path);
    if (past !== undefined && past.type !== type) {
      throw new Error(`Resource type change is not supported: ${past.type} != ${type}`);
    }
    if (past !== undefined && isDeepStrictEqual(past.input_properties, inputs)) {
      return { info, inputs, outputs: past.output_properties, action: "skipped" };
    }
    const operation = past === undefined ? "create" : "update";
    const process = this.#pool.start(member, info.provider);
    onStart(operation);
    try {
      const outputs =
        past === undefined
          ? await process.create(type, inputs, state !== undefined)
          : await process.update(type, {
              inputs,
              previousInputs: past.input_properties,
              previousOutputs: past.output_properties,
            });
      await state?.record(path, operation, { type, input_properties: inputs, output_properties: outputs });
      return { info, inputs, outputs, action: state === undefined ? "ensured" : `${operation}d` };
    } finally {
      await this.#pool.close(process);
    }
  }

  async #evaluateInputs(path: MemberPath, names: readonly string[]): Promise<Properties> {
    const values = await allDone(
      names.map((name) =>
        this.#resolve(formatPath(path), () => this.#evaluator.input(path, name, this.#known)),
      ),
    );
    return Object.fromEntries(names.map((name, index) => [name, values[index]]));
  }

  /** Opens the state that is stored in the resource at `path`, for `member`. */
  async #state(member: string, path: MemberPath): Promise<StateHandle> {
    const { info, inputs, outputs } = await this.#require(member, path);
    return memoize(this.#states, formatPath(path), () => {
      const process = this.#pool.start(formatPath(path), info.provider);
      return StateHandle.open(process, {
        type: info.type,
        inputProperties: inputs,
        outputProperties: outputs,
      });
    });
  }

  /** Calls `ask` until it returns a value. After each call, applies the output that it needs. */
  async #resolve<T>(member: string, ask: () => Promise<Step<T>>): Promise<T> {
    for (;;) {
      const step = await ask();
      if ("value" in step) return step.value;
      const { member: dependency, output } = step.needs;
      const { outputs } = await this.#require(member, dependency, output);
      if (!Object.hasOwn(outputs, output)) {
        throw new Error(`Resource ${formatPath(dependency)} does not have output ${output}`);
      }
    }
  }

  async #require(member: string, path: MemberPath, output?: string): Promise<AppliedResource> {
    const on = formatPath(path);
    if (this.#waits.add(member, on) && !this.#known.has(on)) {
      this.#emit({ kind: "waiting", member, on, output });
    }
    try {
      return await this.#resource(path);
    } catch (error) {
      throw error instanceof NotRun ? error : new NotRun(`${on} failed`);
    }
  }

  #finish(result: MemberResult): void {
    if (this.#hasExited) return;
    this.#underWay.delete(result.member);
    this.#results.push(result);
    this.#emit({ kind: result.action, ...result });
  }
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}

function describeFailure(error: unknown): Pick<MemberResult, "action" | "outputs" | "error"> {
  return { action: error instanceof NotRun ? "not run" : "failed", outputs: {}, error: messageOf(error) };
}

/** Like `Promise.all`, but waits for all promises when one fails, so that no work continues in the background. */
async function allDone<T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

function memoize<T>(cache: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const made = cache.get(key) ?? make();
  cache.set(key, made);
  return made;
}
