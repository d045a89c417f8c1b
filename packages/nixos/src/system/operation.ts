import { randomUUID } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { type Context, ProviderError } from "@nixops4-providers/provider-sdk";
import { runScript, type SshConnection } from "@nixops4-providers/ssh-client";
import { agentArguments, type AgentParameters } from "./agent.ts";
import { nextStep, type OperationStatus, type Poll, toPoll } from "./operation-status.ts";
import { parseValues } from "./remote-values.ts";
import { AGENT, DECIDE, FOLLOW, START } from "./scripts.ts";
import type { PersistentConnection } from "./persistent-connection.ts";

/** The host has lost the operation, or its agent has ended: the host was restarted, or the agent was killed. */
export class OperationLost extends ProviderError {
  override readonly name = "OperationLost";
}

const COMMAND_SECONDS = 20;
const START_SECONDS = 60;
const LOG_TAIL_LINES = 30;

const VARIABLES = ["NIXOS_INSTALL_BOOTLOADER", "NIXOS_NO_CHECK"];

/** An activation on the host. It continues when the deployer does not follow it. */
export class Operation {
  readonly id: string;
  /** The last lines of its log. */
  readonly logTail: string[] = [];
  readonly #host: PersistentConnection;
  readonly #sudo: boolean;
  readonly #context: Context;
  /** How many seconds the host may be unreachable. */
  readonly #patienceSeconds: number;
  readonly #decoder = new StringDecoder("utf8");
  #offset = 0;
  #rest = "";
  #phase = "";

  constructor(
    id: string,
    host: PersistentConnection,
    options: { sudo: boolean; patienceSeconds: number },
    context: Context,
  ) {
    this.id = id;
    this.#host = host;
    this.#sudo = options.sudo;
    this.#patienceSeconds = options.patienceSeconds;
    this.#context = context;
  }

  static newId(): string {
    return randomUUID().slice(0, 13);
  }

  /** Starts the agent on the host. */
  async start(parameters: AgentParameters): Promise<void> {
    const variables = VARIABLES.flatMap((name) =>
      process.env[name] === undefined ? [] : [`${name}=${process.env[name]}`],
    );
    const size = String(Buffer.byteLength(AGENT));
    const args = [this.id, size, ...agentArguments(parameters), ...variables];
    await this.#host.persist(START_SECONDS, (ssh) =>
      this.#run(ssh, "start the activation", START, args, AGENT),
    );
  }

  /** Shows the log and returns when the operation waits for a confirmation or is done. */
  async follow(onPhase: (status: OperationStatus) => void): Promise<OperationStatus> {
    const startedAt = performance.now();
    for (;;) {
      const poll = await this.#poll();
      const isStarting = performance.now() - startedAt < START_SECONDS * 1000;
      const step = nextStep(poll, { knownPhase: this.#phase, isStarting });
      if (poll.status.phase !== this.#phase) {
        this.#phase = poll.status.phase;
        onPhase(poll.status);
      }
      if (step.kind === "return") return poll.status;
      if (step.kind === "lost") throw new OperationLost(step.why);
    }
  }

  /** Returns the decision that was made first. Throws when the host does not run the system that is to be confirmed. */
  async decide(ssh: SshConnection, decision: "confirmed" | "rejected", toplevel: string): Promise<string> {
    const args = [this.id, decision, toplevel];
    return (await this.#run(ssh, "decide about the activation", DECIDE, args)).toString("utf8").trim();
  }

  async #poll(): Promise<Poll> {
    const args = [this.id, String(this.#offset), this.#phase];
    const stdout = await this.#host.persist(this.#patienceSeconds, (ssh) =>
      this.#run(ssh, "follow the activation", FOLLOW, args),
    );
    const at = `\n${stdout.toString("latin1")}`.indexOf("\nlog\n");
    this.#takeLog(stdout.subarray(at + "log\n".length));
    return toPoll(parseValues(stdout.subarray(0, at).toString("utf8")));
  }

  async #run(
    ssh: SshConnection,
    doing: string,
    script: string,
    args: string[],
    stdin?: string,
  ): Promise<Buffer> {
    const limits = { sudo: this.#sudo, timeoutSeconds: COMMAND_SECONDS };
    return (await runScript(ssh, { script, args, stdin, doing, ...limits })).stdout;
  }

  #takeLog(bytes: Buffer): void {
    this.#offset += bytes.length;
    const lines = (this.#rest + this.#decoder.write(bytes)).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) this.#context.log.output(line);
    this.logTail.push(...lines);
    this.logTail.splice(0, this.logTail.length - LOG_TAIL_LINES);
  }
}
