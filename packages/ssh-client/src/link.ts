import type { Duplex } from "node:stream";
import { startTimer } from "@nixops4-providers/provider-sdk";
import type { Client, ServerHostKeyAlgorithm } from "ssh2";
import { Attempt } from "./attempt.ts";
import { ConnectError } from "./connect-error.ts";
import { dialTcp, dialThrough } from "./dial.ts";
import type { Endpoint } from "./endpoint.ts";
import { ALL_HOST_KEY_ALGORITHMS, formatHostKey, hostKeyMismatch, pinnedAlgorithms } from "./host-key.ts";
import { loadSsh2 } from "./load-ssh2.ts";

/** A connection to one host that was authenticated in both directions. */
export interface Link {
  readonly client: Client;
  readonly endpoint: Endpoint;
  /** The pinned key that the host presented. */
  readonly hostPublicKey: string;
  /** Why the link has ended; `undefined` while it is open. */
  readonly lost: Error | undefined;
  end(): void;
}

/** The link ends when the host answers no keepalive for this long. */
const KEEPALIVE_SECONDS = 5;
const KEEPALIVES_UNANSWERED = 3;

/** Connects directly or from a jump host, checks the host's key and logs in. */
export async function openLink(
  endpoint: Endpoint,
  hop: Link | undefined,
  signal: AbortSignal,
): Promise<Link> {
  try {
    return await openLinkOver(await dial(endpoint, hop, signal), endpoint, signal);
  } catch (error) {
    if (!isAboutKeyTypes(error)) throw error;
    throw hostKeyMismatch(endpoint, await askForHostKey(endpoint, hop, signal));
  }
}

/** Opens a link over an existing stream to the host. */
export function openLinkOver(stream: Duplex, endpoint: Endpoint, signal: AbortSignal): Promise<Link> {
  return shakeHands(endpoint, stream, signal, {
    algorithms: pinnedAlgorithms(endpoint.pins),
    accepts: (blob) => endpoint.pins.some((pin) => pin.blob.equals(blob)),
  });
}

/** Opens a link to a host with any key, which may be an attacker. */
export async function openUnverifiedLink(
  endpoint: Endpoint,
  hop: Link | undefined,
  signal: AbortSignal,
): Promise<Link> {
  const anyKey = { algorithms: ALL_HOST_KEY_ALGORITHMS, accepts: () => true };
  return shakeHands(endpoint, await dial(endpoint, hop, signal), signal, anyKey);
}

function dial(endpoint: Endpoint, hop: Link | undefined, signal: AbortSignal): Promise<Duplex> {
  if (hop === undefined) return dialTcp(endpoint, signal);
  return dialThrough({ client: hop.client, label: hop.endpoint.label }, endpoint, signal);
}

/** Returns the host's key without a login. */
async function askForHostKey(
  endpoint: Endpoint,
  hop: Link | undefined,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  let presented: Buffer | undefined;
  const accepts = (blob: Buffer) => {
    presented = blob;
    return false;
  };
  try {
    const socket = await dial(endpoint, hop, signal);
    await shakeHands(endpoint, socket, signal, { algorithms: ALL_HOST_KEY_ALGORITHMS, accepts });
  } catch {
    // The attempt always fails: it ends before the login.
  }
  return presented;
}

function isAboutKeyTypes(error: unknown): boolean {
  return (
    error instanceof ConnectError &&
    error.cause instanceof Error &&
    error.cause.message.includes("no matching host key format")
  );
}

interface HostKeyRule {
  algorithms: readonly ServerHostKeyAlgorithm[];
  accepts(blob: Buffer): boolean;
}

async function shakeHands(
  endpoint: Endpoint,
  socket: Duplex,
  signal: AbortSignal,
  rule: HostKeyRule,
): Promise<Link> {
  const { Client } = await loadSsh2();
  const client = new Client();
  const attempt = new Attempt(endpoint);
  try {
    return await new Promise<Link>((resolve, reject) => {
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
        resolve(watch(client, socket, endpoint, formatHostKey(attempt.presented!)));
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

function watch(client: Client, socket: Duplex, endpoint: Endpoint, hostPublicKey: string): Link {
  let lost: Error | undefined;
  let unanswered = 0;
  socket.on("data", () => (unanswered = 0));
  const timer = setInterval(() => {
    unanswered += 1;
    if (unanswered <= KEEPALIVES_UNANSWERED) return;
    lost ??= new Error(`it has not answered for ${unanswered * KEEPALIVE_SECONDS} s`);
    socket.destroy();
  }, KEEPALIVE_SECONDS * 1000);
  client.removeAllListeners("error").on("error", (error) => (lost ??= error));
  client.removeAllListeners("close").on("close", () => {
    clearInterval(timer);
    lost ??= new Error("the connection was closed");
  });
  return {
    client,
    endpoint,
    hostPublicKey,
    get lost() {
      return lost;
    },
    end() {
      clearInterval(timer);
      client.end();
    },
  };
}
