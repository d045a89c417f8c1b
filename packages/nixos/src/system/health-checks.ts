import { isIP } from "node:net";
import {
  openTcp,
  ProviderError,
  retryUntil,
  type Context,
  withDeadline,
} from "@nixops4-providers/provider-sdk";
import { runScript, type SshConnection } from "@nixops4-providers/ssh-client";
import type { HealthCheck, Inputs } from "./schema.ts";
import { RUN_CHECK } from "./scripts.ts";

const RETRY_PAUSE_SECONDS = 1;

type Target = Pick<Inputs, "connection" | "healthChecks" | "sudo">;

/** Retries each check until it succeeds. Throws for the first check that fails until the deadline. */
export async function requireHealthy(
  ssh: SshConnection,
  target: Target,
  deadline: number,
  { signal }: Context,
): Promise<void> {
  for (const check of target.healthChecks) {
    const attempt = () => tryCheck(ssh, check, target, deadline, signal);
    await retryUntil(attempt, { deadline, pause: RETRY_PAUSE_SECONDS, signal }).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw new ProviderError(`the health check ${nameOf(check, target)} failed`, { cause });
    });
  }
}

async function tryCheck(
  ssh: SshConnection,
  { command, tcp, http, timeoutSeconds: wanted }: HealthCheck,
  { connection, sudo }: Target,
  deadline: number,
  signal: AbortSignal,
): Promise<void> {
  const timeoutSeconds = Math.min(wanted, secondsUntil(deadline));
  if (command !== undefined) {
    const doing = "run the health check";
    await runScript(ssh, { script: RUN_CHECK, args: [command], sudo, timeoutSeconds, doing });
  }
  if (tcp !== undefined) {
    const address = { host: tcp.host ?? connection.host, port: tcp.port, timeoutSeconds };
    (await openTcp(address, signal)).destroy();
  }
  if (http !== undefined) {
    const status = await statusOf(new URL(http.url), timeoutSeconds, signal);
    if (status !== http.status) {
      throw new ProviderError(`the response has status ${status} instead of ${http.status}`);
    }
  }
}

/** Returns at least 0.1, in tenths for messages. */
function secondsUntil(deadline: number): number {
  return Math.max(0.1, Math.floor((deadline - performance.now()) / 100) / 10);
}

async function statusOf(url: URL, timeoutSeconds: number, signal: AbortSignal): Promise<number | undefined> {
  const isTls = url.protocol === "https:";
  const [{ request }, { connect }] = await Promise.all([import("node:http"), import("node:tls")]);
  // The brackets of an IPv6 address belong to the URL.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || (isTls ? 443 : 80);
  const deadline = performance.now() + timeoutSeconds * 1000;
  const socket = await openTcp({ host, port, timeoutSeconds }, signal);
  try {
    const answered = new Promise<number | undefined>((resolve, reject) => {
      const stream = isTls ? connect({ socket, host, servername: isIP(host) === 0 ? host : "" }) : socket;
      request(url, { protocol: "http:", createConnection: () => stream, headers: { host: url.host } })
        .once("response", ({ statusCode }) => resolve(statusCode))
        .on("error", reject)
        .end();
    });
    return await withDeadline(answered, secondsUntil(deadline), "no answer", signal);
  } finally {
    socket.destroy();
  }
}

function nameOf({ command, tcp, http }: HealthCheck, { connection }: Target): string {
  if (command !== undefined) return `\`${command}\``;
  if (tcp !== undefined) return `TCP ${tcp.host ?? connection.host}:${tcp.port}`;
  return `HTTP ${http?.url}`;
}
