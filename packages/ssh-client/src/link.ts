import type { Duplex } from "node:stream";
import type { Client } from "ssh2";
import { ConnectError } from "./connect-error.ts";
import { dialTcp, dialThrough } from "./dial.ts";
import type { Endpoint } from "./endpoint.ts";
import { type HostKeyRule, KEEPALIVE_SECONDS, shakeHands } from "./handshake.ts";
import { ALL_HOST_KEY_ALGORITHMS, formatHostKey, hostKeyMismatch, pinnedAlgorithms } from "./host-key.ts";

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

/** How many keepalives in a row the host may leave unanswered. */
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
  return linkOver(stream, endpoint, signal, {
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
  return linkOver(await dial(endpoint, hop, signal), endpoint, signal, anyKey);
}

function linkOver(socket: Duplex, endpoint: Endpoint, signal: AbortSignal, rule: HostKeyRule): Promise<Link> {
  return shakeHands(endpoint, socket, signal, rule, (client, presented) =>
    watch(client, socket, endpoint, formatHostKey(presented)),
  );
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
    await shakeHands(endpoint, socket, signal, { algorithms: ALL_HOST_KEY_ALGORITHMS, accepts }, () => {});
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
