import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ProviderError, timeoutSignal, type Context, withDeadline } from "@nixops4-providers/provider-sdk";
import { runScript, type SshConnection } from "@nixops4-providers/ssh-client";
import type { HealthCheck, Inputs } from "./resources/system.ts";
import { RUN_CHECK } from "./scripts.ts";

const RETRY_PAUSE_MS = 1000;

type Target = Pick<Inputs, "connection" | "healthChecks" | "sudo">;

/** Tries each check again until it succeeds; throws for the first that has not when the time is up. */
export async function requireHealthy(
  ssh: SshConnection,
  target: Target,
  deadline: number,
  { signal }: Context,
): Promise<void> {
  for (const check of target.healthChecks) {
    for (;;) {
      try {
        await tryCheck(ssh, check, target, deadline);
        break;
      } catch (cause) {
        if (signal.aborted) throw signal.reason;
        if (performance.now() + RETRY_PAUSE_MS >= deadline) {
          throw new ProviderError(`the health check ${nameOf(check, target)} failed`, { cause });
        }
        await sleep(RETRY_PAUSE_MS);
      }
    }
  }
}

async function tryCheck(
  ssh: SshConnection,
  { command, tcp, http, timeoutSeconds: wanted }: HealthCheck,
  { connection, sudo }: Target,
  deadline: number,
): Promise<void> {
  const timeoutSeconds = Math.max(0.1, Math.min(wanted, (deadline - performance.now()) / 1000));
  if (command !== undefined) {
    const doing = "run the health check";
    await runScript(ssh, { script: RUN_CHECK, args: [command], sudo, timeoutSeconds, doing });
  }
  if (tcp !== undefined) await tryTcp(tcp.host ?? connection.host, tcp.port, timeoutSeconds);
  if (http !== undefined) await tryHttp(http.url, http.status, timeoutSeconds);
}

function tryTcp(host: string, port: number, timeoutSeconds: number): Promise<void> {
  const socket = connect({ host, port });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve).once("error", reject);
  });
  return withDeadline(connected, timeoutSeconds, "no answer").finally(() => socket.destroy());
}

async function tryHttp(url: string, expected: number, timeoutSeconds: number): Promise<void> {
  const response = await fetch(url, {
    redirect: "manual",
    signal: timeoutSignal(timeoutSeconds),
  });
  await response.body?.cancel();
  if (response.status !== expected) {
    throw new ProviderError(`the answer has status ${response.status} instead of ${expected}`);
  }
}

function nameOf({ command, tcp, http }: HealthCheck, { connection }: Target): string {
  if (command !== undefined) return `\`${command}\``;
  if (tcp !== undefined) return `TCP ${tcp.host ?? connection.host}:${tcp.port}`;
  return `HTTP ${http?.url}`;
}
