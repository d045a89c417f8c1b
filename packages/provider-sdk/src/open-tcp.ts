import type { Socket } from "node:net";
import { bareHost } from "./host-address.ts";
import { startTimer, withDeadline } from "./timers.ts";

/** The seconds without an answer after which the next address is tried as well (RFC 8305, section 5). */
export const NEXT_ADDRESS_SECONDS = 0.25;

/**
 * Connects to the address of a host that answers first. Each address has the whole of `timeoutSeconds`, since it may be
 * far away. (Node's own `autoSelectFamily` gives each 250 ms.)
 */
export async function openTcp(
  { host, port, timeoutSeconds }: { host: string; port: number; timeoutSeconds: number },
  signal: AbortSignal,
): Promise<Socket> {
  const giveUp = new AbortController();
  const opened = addressesOf(host).then(async (addresses) => openFirst(addresses, port, giveUp.signal));
  try {
    return await withDeadline(opened, timeoutSeconds, "no answer", signal);
  } catch (error) {
    giveUp.abort(error);
    throw error;
  }
}

/** Returns the addresses of a host in the order in which to try them; an address is returned as it is. */
export async function addressesOf(host: string): Promise<string[]> {
  const { isIP } = await import("node:net");
  if (isIP(bareHost(host)) !== 0) return [bareHost(host)];
  const { lookup } = await import("node:dns/promises");
  return byTurns(await lookup(bareHost(host), { all: true })).map(({ address }) => address);
}

async function openFirst(addresses: string[], port: number, signal: AbortSignal): Promise<Socket> {
  const { connect } = await import("node:net");
  const sockets = new Set<Socket>();
  const errors = new Set<string>();
  let stopTimer = () => {};
  try {
    return await new Promise<Socket>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      signal.throwIfAborted();
      const tryNext = () => {
        stopTimer();
        const host = addresses.shift();
        if (host === undefined) return;
        const socket = connect({ host, port, noDelay: true });
        sockets.add(socket);
        socket.once("connect", () => {
          sockets.delete(socket);
          socket.removeAllListeners("error");
          resolve(socket);
        });
        socket.on("error", (error) => {
          sockets.delete(socket);
          errors.add(error.message);
          if (addresses.length > 0) tryNext();
          else if (sockets.size === 0) reject(new Error([...errors].join("; ")));
        });
        stopTimer = startTimer(NEXT_ADDRESS_SECONDS, tryNext);
      };
      tryNext();
    });
  } finally {
    stopTimer();
    for (const socket of sockets) socket.destroy();
  }
}

/** Returns the addresses with the two families in turns, in the order that the system prefers. */
function byTurns<T extends { family: number }>(addresses: T[]): T[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family);
  const second = addresses.filter(({ family }) => family !== addresses[0]?.family);
  return Array.from({ length: addresses.length }, (_, index) => [first[index], second[index]])
    .flat()
    .filter((address) => address !== undefined);
}
