const MIN_WAIT_MS = 200;
/** The longest wait without a requested timeout, in initial waits. */
const MAX_GROWTH = 8;
/** A client that requested a timeout is given at least this many of them. */
const CLIENT_TIMEOUTS = 3;

/**
 * Returns how long to wait for an ACK before the packet is sent again, in milliseconds.
 *
 * @param roundTripMs the smoothed round trip, `undefined` before the first one
 * @param timeoutSeconds the interval that the client requested (RFC 2349)
 * @param attempts how often the packet was sent again
 * @param retransmitMs the first wait, if the client did not request one
 */
export function waitMs(
  {
    roundTripMs,
    timeoutSeconds,
    attempts,
  }: { roundTripMs?: number | undefined; timeoutSeconds?: number | undefined; attempts: number },
  retransmitMs: number,
): number {
  const requestedMs = timeoutSeconds === undefined ? undefined : timeoutSeconds * 1000;
  // Once the round trip is known, a shorter wait than the requested one is enough: curl requests 6 seconds.
  if (roundTripMs === undefined && requestedMs !== undefined) return requestedMs;
  const measuredMs = roundTripMs === undefined ? retransmitMs : Math.max(MIN_WAIT_MS, 4 * roundTripMs);
  return Math.min(
    Math.min(measuredMs, retransmitMs) * 2 ** attempts,
    requestedMs ?? MAX_GROWTH * retransmitMs,
  );
}

/**
 * Returns whether to give the client up: after `maxRetransmissions` attempts, but not before three of the timeouts that
 * it requested have passed without progress.
 */
export function isGivenUp(
  {
    attempts,
    timeoutSeconds = 0,
    silenceMs,
  }: { attempts: number; timeoutSeconds?: number | undefined; silenceMs: number },
  maxRetransmissions: number,
): boolean {
  return attempts >= maxRetransmissions && silenceMs >= CLIENT_TIMEOUTS * timeoutSeconds * 1000;
}
