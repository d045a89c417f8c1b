import type { Duplex } from "node:stream";
import { startTimer } from "@nixops4-providers/provider-sdk";
import type { Client, ServerHostKeyAlgorithm } from "ssh2";
import { Attempt } from "./attempt.ts";
import type { Endpoint } from "./endpoint.ts";
import { loadSsh2 } from "./load-ssh2.ts";

/** How often the host is asked whether it is still there, in seconds. */
export const KEEPALIVE_SECONDS = 5;

/** The host keys that the host may present. */
export interface HostKeyRule {
  algorithms: readonly ServerHostKeyAlgorithm[];
  accepts(blob: Buffer): boolean;
}

/**
 * Speaks SSH over a socket until the login. Resolves to the result of `whenReady`, which is called at once after the login
 * and must replace the listeners for `error` and `close`. Throws a {@link ConnectError}, or the reason of the signal.
 */
export async function shakeHands<T>(
  endpoint: Endpoint,
  socket: Duplex,
  signal: AbortSignal,
  rule: HostKeyRule,
  whenReady: (client: Client, presented: Buffer) => T,
): Promise<T> {
  const { Client } = await loadSsh2();
  const client = new Client();
  const attempt = new Attempt(endpoint);
  try {
    return await new Promise<T>((resolve, reject) => {
      const startPhase = () => startTimer(endpoint.timeoutSeconds, () => reject(attempt.timedOut()));
      let stopTimer = startPhase();
      const onAbort = () => reject(signal.reason as Error);
      const cleanUp = () => {
        stopTimer();
        signal.removeEventListener("abort", onAbort);
      };
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
      client.on("handshake", () => {
        attempt.phase = "login";
        stopTimer();
        stopTimer = startPhase();
      });
      client.on("banner", (message: string) => attempt.takeBanner(message));
      client.once("ready", () => {
        cleanUp();
        resolve(whenReady(client, attempt.presented!));
      });
      client.on("error", (error) => {
        const failure = attempt.failure(error);
        if (failure === undefined) return;
        cleanUp();
        reject(failure);
      });
      client.on("close", () => {
        cleanUp();
        reject(attempt.failure(new Error("the host closed the connection"))!);
      });
      client.connect({
        sock: socket,
        username: endpoint.user,
        algorithms: { serverHostKey: [...rule.algorithms] },
        hostVerifier: (blob: Buffer) => {
          attempt.presented = blob;
          attempt.accepted = rule.accepts(blob);
          return attempt.accepted;
        },
        authHandler: (methods, partial, next) => next(attempt.nextMethod(methods, partial)),
        readyTimeout: 0,
        keepaliveInterval: KEEPALIVE_SECONDS * 1000,
        // The keepalive of ssh2 counts only its own answers, which wait behind an upload on a slow link.
        keepaliveCountMax: Infinity,
      });
      socket.on("data", (chunk: Buffer) => attempt.sawData(chunk));
    });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
