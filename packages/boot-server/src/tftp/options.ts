import type { RequestOption } from "./packet.ts";

export interface NegotiationLimits {
  /** The largest block, in bytes: a DATA packet of it plus 4 bytes TFTP, 8 UDP and 20 IP must fit the path MTU. */
  maxBlockSize: number;
  /** The most blocks in flight for one transfer. */
  maxWindowSize: number;
}

export interface Negotiated {
  /** In bytes. */
  blockSize: number;
  /** In blocks. */
  windowSize: number;
  /** The interval of retransmissions that the client asked for. */
  timeoutSeconds: number | undefined;
  /** What goes into the OACK; empty when the transfer starts with DATA. Only ever what was asked for. */
  accepted: RequestOption[];
  /** The client was told the size, so it may be asking for nothing else. */
  sizeTold: boolean;
}

type Answer = (value: number) => number | undefined;

/**
 * Answers the options of a read request (RFC 2347): block size (RFC 2348), timeout and transfer size (RFC 2349),
 * window size (RFC 7440). Unknown options and values out of range are left out, as if not asked for; of an
 * option given twice the first counts.
 *
 * @param size the bytes that will be sent, `undefined` when that is not known (netascii)
 */
export function negotiate(
  asked: RequestOption[],
  size: number | undefined,
  limits: NegotiationLimits,
): Negotiated {
  const result: Negotiated = {
    blockSize: 512,
    windowSize: 1,
    timeoutSeconds: undefined,
    accepted: [],
    sizeTold: false,
  };
  const answers: Record<string, Answer> = {
    blksize: (value) =>
      value < 8 ? undefined : (result.blockSize = Math.min(value, limits.maxBlockSize, 65464)),
    timeout: (value) => (value < 1 || value > 255 ? undefined : (result.timeoutSeconds = value)),
    tsize: () => {
      result.sizeTold = size !== undefined;
      return size;
    },
    windowsize: (value) =>
      value < 1 || value > 65535 ? undefined : (result.windowSize = Math.min(value, limits.maxWindowSize)),
  };
  for (const { name, value } of asked) {
    const key = name.toLowerCase();
    if (!Object.hasOwn(answers, key)) continue;
    const answer = /^\d{1,15}$/.test(value) ? answers[key]?.(Number(value)) : undefined;
    delete answers[key];
    if (answer !== undefined) result.accepted.push({ name, value: String(answer) });
  }
  return result;
}
