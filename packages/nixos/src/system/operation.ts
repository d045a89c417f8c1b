import { randomUUID } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { type Context, ProviderError } from "@nixops4-providers/provider-sdk";
import { runScript, type SshConnection } from "@nixops4-providers/ssh-client";
import { agentArguments, type AgentParameters } from "./agent.ts";
import { parseValues } from "./remote-values.ts";
import { AGENT, DECIDE, FOLLOW, START } from "./scripts.ts";
import type { Session } from "./session.ts";

/** Where an operation stands, from the agent's own account. */
export interface Status {
  phase: string;
  outcome: string;
  reason: string;
  /** Of `switch-to-configuration test`. */
  exitCode: number | null;
  /** Who keeps it waiting. */
  holder: string;
  previousToplevel: string | null;
  /** The link that the profile was, such as `system-41-link`. */
  previousLink: string;
  /** With the reason `failed-units`: what has failed, if its log tells. With `profile-folder`: the error. */
  details: string;
  currentSystem: string;
}

/** The host does not know the operation any more, or nobody works on it: it was restarted, or the agent was killed. */
export class OperationLost extends ProviderError {}

const COMMAND_SECONDS = 20;
const START_SECONDS = 60;
const LOG_TAIL_LINES = 30;

const VARIABLES = ["NIXOS_INSTALL_BOOTLOADER", "NIXOS_NO_CHECK"];

/** An activation on the host, which goes on whether anybody follows it or not. */
export class Operation {
  readonly id: string;
  /** The last lines of its log. */
  readonly logTail: string[] = [];
  readonly #session: Session;
  readonly #sudo: boolean;
  readonly #context: Context;
  /** For how long the host may be out of reach. */
  readonly #patienceSeconds: number;
  readonly #decoder = new StringDecoder("utf8");
  #offset = 0;
  #rest = "";
  #phase = "";

  constructor(
    id: string,
    session: Session,
    options: { sudo: boolean; patienceSeconds: number },
    context: Context,
  ) {
    this.id = id;
    this.#session = session;
    this.#sudo = options.sudo;
    this.#patienceSeconds = options.patienceSeconds;
    this.#context = context;
  }

  static newId(): string {
    return randomUUID().slice(0, 13);
  }

  /** Starts the agent for it on the host. */
  async start(parameters: AgentParameters): Promise<void> {
    const variables = VARIABLES.flatMap((name) =>
      process.env[name] === undefined ? [] : [`${name}=${process.env[name]}`],
    );
    const size = String(Buffer.byteLength(AGENT));
    const args = [this.id, size, ...agentArguments(parameters), ...variables];
    await this.#session.persist(START_SECONDS, (ssh) =>
      this.#run(ssh, "start the activation", START, args, AGENT),
    );
  }

  /** Shows the log and returns when the operation waits for a confirmation or is done. */
  async follow(onPhase: (status: Status) => void): Promise<Status> {
    const startedAt = performance.now();
    for (;;) {
      const { values, log } = await this.#poll();
      this.#takeLog(log);
      const status = toStatus(values);
      if (status.phase !== this.#phase) {
        this.#phase = status.phase;
        onPhase(status);
        if (status.phase === "done" || status.phase === "awaiting-confirmation") return status;
      }
      if (
        status.phase === "" &&
        values("lost") === "" &&
        performance.now() - startedAt < START_SECONDS * 1000
      )
        continue;
      if (values("lost") === "yes") throw new OperationLost("the host has no record of it any more");
      if (values("agent") === "gone") throw new OperationLost(`its process has ended while ${status.phase}`);
      if (status.phase === "") throw new OperationLost("its process did not start");
    }
  }

  /** Returns the decision that counts. Throws when the host does not run the system that is to be confirmed. */
  async decide(ssh: SshConnection, decision: "confirmed" | "rejected", toplevel: string): Promise<string> {
    const args = [this.id, decision, toplevel];
    return (await this.#run(ssh, "decide about the activation", DECIDE, args)).toString("utf8").trim();
  }

  async #poll(): Promise<{ values: (name: string) => string; log: Buffer }> {
    const args = [this.id, String(this.#offset), this.#phase];
    const stdout = await this.#session.persist(this.#patienceSeconds, (ssh) =>
      this.#run(ssh, "follow the activation", FOLLOW, args),
    );
    const at = `\n${stdout.toString("latin1")}`.indexOf("\nlog\n");
    return {
      values: parseValues(stdout.subarray(0, at).toString("utf8")),
      log: stdout.subarray(at + "log\n".length),
    };
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

function toStatus(value: (name: string) => string): Status {
  return {
    phase: value("phase"),
    outcome: value("outcome"),
    reason: value("reason"),
    exitCode: value("exitCode") === "" ? null : Number(value("exitCode")),
    holder: value("holder"),
    previousToplevel: value("previousToplevel") || null,
    previousLink: value("previousLink"),
    details: value("details"),
    currentSystem: value("currentSystem"),
  };
}
