/** A TFTP packet as the server receives it (RFC 1350 §5, RFC 2347). */
export type Packet =
  | ({ kind: "read" | "write" } & TransferRequest)
  | { kind: "ack"; block: number }
  | { kind: "error"; code: number; message: string }
  /** DATA or OACK: well formed, but a client of a read-only server never sends it. */
  | { kind: "unexpected" };

export interface TransferRequest {
  filename: string;
  /** In lower case. */
  mode: string;
  /** In the order and spelling of the request. */
  options: RequestOption[];
}

export interface RequestOption {
  name: string;
  value: string;
}

export const ErrorCode = {
  undefined: 0,
  fileNotFound: 1,
  accessViolation: 2,
  illegalOperation: 4,
  unknownTransfer: 5,
  optionsRefused: 8,
} as const;

const Opcode = { read: 1, write: 2, data: 3, ack: 4, error: 5, oack: 6 } as const;

/** Decodes a packet. Returns `undefined` if the bytes are no TFTP packet. */
export function decodePacket(bytes: Buffer): Packet | undefined {
  if (bytes.length < 4) return undefined;
  const opcode = bytes.readUInt16BE(0);
  switch (opcode) {
    case Opcode.read:
    case Opcode.write: {
      const request = decodeRequest(bytes.subarray(2));
      return request && { kind: opcode === Opcode.read ? "read" : "write", ...request };
    }
    case Opcode.ack:
      return { kind: "ack", block: bytes.readUInt16BE(2) };
    case Opcode.error:
      return { kind: "error", code: bytes.readUInt16BE(2), message: printable(bytes.subarray(4)) };
    case Opcode.data:
    case Opcode.oack:
      return { kind: "unexpected" };
    default:
      return undefined;
  }
}

export const DATA_HEADER_BYTES = 4;

/** Encodes the bytes from `start` to `end` (exclusive) as a DATA packet. Block numbers roll over from 65535 to 0. */
export function encodeData(block: number, bytes: Buffer, start: number, end: number): Buffer {
  const packet = Buffer.allocUnsafe(DATA_HEADER_BYTES + end - start);
  packet[0] = 0;
  packet[1] = Opcode.data;
  packet[2] = block >> 8;
  packet[3] = block;
  bytes.copy(packet, DATA_HEADER_BYTES, start, end);
  return packet;
}

export function encodeOptionsAck(options: RequestOption[]): Buffer {
  const text = options.map(({ name, value }) => `${name}\0${value}\0`).join("");
  return Buffer.concat([Buffer.from([0, Opcode.oack]), Buffer.from(text, "utf8")]);
}

export function encodeError(code: number, message: string): Buffer {
  return Buffer.concat([Buffer.from([0, Opcode.error, 0, code]), Buffer.from(`${message}\0`, "utf8")]);
}

function decodeRequest(bytes: Buffer): TransferRequest | undefined {
  // A truncated request could name another file.
  if (bytes.at(-1) !== 0) return undefined;
  const [filename = "", mode = "", ...rest] = bytes.toString("utf8", 0, bytes.length - 1).split("\0");
  if (filename === "" || mode === "") return undefined;
  const options: RequestOption[] = [];
  for (let at = 0; at < rest.length; at += 2) {
    const name = rest[at];
    const value = rest[at + 1];
    // Some boot ROMs pad the request with zero bytes.
    if (name === undefined || name === "") break;
    if (value === undefined) return undefined;
    options.push({ name, value });
  }
  return { filename, mode: mode.toLowerCase(), options };
}

/** Returns the text up to the first zero byte, at most 200 characters, safe for a log line. */
function printable(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  const text = bytes.toString("latin1", 0, Math.min(end < 0 ? bytes.length : end, 200));
  return text.replaceAll(/[^\x20-\x7e]/g, "?");
}
