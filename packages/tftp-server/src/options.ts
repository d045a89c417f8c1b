import type { RequestOption } from "./packet.ts";

export interface NegotiationLimits {
  /** The largest block, in bytes. With the headers (4 bytes TFTP, 8 UDP, 20 IPv4) it should fit the path MTU. */
  maxBlockSize: number;
  /** The largest window, in blocks. */
  maxWindowSize: number;
}

export interface Negotiated {
  /** In bytes. */
  blockSize: number;
  /** In blocks. */
  windowSize: number;
  /** The retransmission interval that the client requested. */
  timeoutSeconds: number | undefined;
  /** The options for the OACK, a subset of the requested ones. Empty: the transfer starts with DATA. */
  accepted: RequestOption[];
  /** Whether the OACK has the file size: the client may have wanted nothing else. */
  sizeTold: boolean;
}

type Answer = (value: number) => number | undefined;

/**
 * Negotiates the options of a read request (RFC 2347): block size (RFC 2348), timeout and transfer size (RFC 2349),
 * window size (RFC 7440). Unknown options and values out of range are ignored. If an option is given twice, the first
 * one counts.
 *
 * @param size the number of bytes to be sent, `undefined` if unknown (netascii)
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
