import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { parseJson, stringifyJson } from "@nixops4-providers/json";
import { LineSplitter } from "./line-splitter.ts";
import {
  excerpt,
  expectObject,
  expectResponse,
  type ExtantResource,
  type Properties,
  type StateEvent,
  type UpdateRequest,
} from "./protocol.ts";

export interface ProviderProcessOptions {
  args?: readonly string[];
  /** Variables that are added to the environment of this process. */
  env?: Record<string, string>;
  cwd?: string;
  /** Called with each line of the provider's log. Without it, the log goes to standard error. */
  onStderr?: (line: string) => void;
  /**
   * Whether the provider runs in its own process group, which Ctrl-C in the terminal does not reach. Default: false.
   */
  detached?: boolean;
}

const STDERR_TAIL_LINES = 10;
/** The time to wait for output of processes that outlive the provider, in milliseconds. */
const DRAIN_MS = 500;

/** A provider process that is driven by nixops4's line protocol. */
export class ProviderProcess {
  readonly #executable: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<Ending>;
  #ending: Ending | undefined;
  /** Answers that no request has asked for. As with nixops4, the next request gets them. */
  #unread: string[] = [];
  #waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];
  #stderr = "";

  /** Starts the process. When that fails, the first request rejects. */
  constructor(executable: string, options: ProviderProcessOptions = {}) {
    const { args = [], env, cwd, onStderr, detached = false } = options;
    this.#executable = executable;
    this.#child = spawn(executable, args, {
      stdio: ["pipe", "pipe", "pipe"],
      detached,
      cwd,
      env: { ...process.env, ...env },
    });
    const answers = new LineSplitter((line) => this.#receive(line));
    const log = new LineSplitter((line) => onStderr?.(line));
    // The exit status is reported when the provider exits, and not the broken pipe.
    this.#child.stdin.on("error", () => {});
    this.#child.stdout.on("data", (chunk: Buffer) => answers.push(chunk));
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString("utf8");
      if (onStderr === undefined) process.stderr.write(chunk);
      else log.push(chunk);
    });
    this.#ended = this.#waitForEnd().then((ending) => {
      answers.end();
      log.end();
      this.#ending = ending;
      for (const request of this.#waiting.splice(0)) request.reject(this.#describe(ending));
      return ending;
    });
  }

  /** The log of the provider so far. */
  get stderr(): string {
    return this.#stderr;
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.#executable} was not started`);
    return pid;
  }

  /** Creates a resource and resolves to its outputs. Rejects with the message of the provider's `errorResponse`. */
  async create(type: string, inputs: object, isStateful = false): Promise<Properties> {
    const request = { createResourceRequest: { type, inputProperties: inputs, isStateful } };
    const response = expectResponse(await this.request(request), "createResourceResponse");
    return expectObject(response, "outputProperties");
  }

  /** Updates a resource with state, with the same results as {@link create}. */
  async update(
    type: string,
    { inputs, previousInputs, previousOutputs }: UpdateRequest,
  ): Promise<Properties> {
    const resource = {
      type,
      inputProperties: previousInputs,
      ...(previousOutputs === undefined ? {} : { outputProperties: previousOutputs }),
    };
    const request = { updateResourceRequest: { resource, inputProperties: inputs } };
    const response = expectResponse(await this.request(request), "updateResourceResponse");
    return expectObject(response, "outputProperties");
  }

  /** Resolves to the whole state in a state resource. */
  async stateRead(resource: ExtantResource): Promise<Properties> {
    const response = await this.request({ stateResourceReadRequest: { resource } });
    return expectObject(expectResponse(response, "stateResourceReadResponse"), "state");
  }

  async stateEvent(event: StateEvent): Promise<void> {
    expectResponse(await this.request({ stateResourceEvent: event }), "stateResourceEventResponse");
  }

  /** Sends a message, or a string without change. Resolves to the answer, even if it is an `errorResponse`. */
  async request(message: unknown): Promise<unknown> {
    const line = await this.requestLine(typeof message === "string" ? message : stringifyJson(message));
    try {
      return parseJson(line);
    } catch {
      throw new Error(`${this.#executable} answered with a line that is not JSON: ${excerpt(line)}`);
    }
  }

  /** Sends a line and resolves to the line of the answer. */
  requestLine(line: string): Promise<string> {
    const answer = this.#nextLine();
    this.#child.stdin.write(`${line}\n`);
    return answer;
  }

  /** Closes standard input and waits for the exit. Resolves to the exit code, or to null after a signal. */
  async close(): Promise<number | null> {
    this.#child.stdin.end();
    return (await this.#ended).code;
  }

  /** Sends a signal and waits for the exit. Default: SIGTERM. */
  async kill(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
  }

  /** Closes the pipes without waiting for the process, as when nixops4 exits. */
  abandon({ keepLog }: { keepLog: boolean }): void {
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    if (!keepLog) this.#child.stderr.destroy();
    else (this.#child.stderr as Socket).unref();
    this.#child.unref();
  }

  #nextLine(): Promise<string> {
    const line = this.#unread.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#ending !== undefined) return Promise.reject(this.#describe(this.#ending));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #receive(line: string): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#unread.push(line);
    else next.resolve(line);
  }

  #waitForEnd(): Promise<Ending> {
    return new Promise((resolve) => {
      const child = this.#child;
      child.on("error", (cause) => resolve({ code: null, signal: null, cause }));
      child.on("close", (code, signal) => resolve({ code, signal }));
      child.on("exit", (code, signal) => {
        const drained = setTimeout(() => {
          child.stdout.destroy();
          child.stderr.destroy();
          resolve({ code, signal });
        }, DRAIN_MS);
        child.on("close", () => clearTimeout(drained));
      });
    });
  }

  #describe({ code, signal, cause }: Ending): Error {
    if (cause !== undefined) {
      // The hint helps users who run the providers of this project.
      const hint = "Is that its name? `npm run build` makes the providers of this project, in dist/bin.";
      return new Error(`Could not spawn provider process ${this.#executable}: ${cause.message}\n${hint}`, {
        cause,
      });
    }
    const how =
      signal !== null
        ? `was killed by ${signal}`
        : code === 0
          ? "did not return any output"
          : `failed with exit code: ${code}`;
    const tail = this.#stderr.trimEnd().split("\n").slice(-STDERR_TAIL_LINES).join("\n");
    return new Error(
      `Provider process ${how} (${this.#executable})${tail === "" ? "" : `\n${indent(tail)}`}`,
    );
  }
}

interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Why the process could not be started. */
  cause?: Error;
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
