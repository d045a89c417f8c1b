import { createSocket } from "node:dgram";

export interface TftpDownload {
  data: Buffer;
  /** The options in the server's OACK; names are in lower case. */
  accepted: Record<string, string>;
}

class TftpError extends Error {
  override name = "TftpError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Reads a file from 127.0.0.1. The client supports windows (RFC 7440), retries after 15 ms without data, and shares no
 * code with the server.
 */
export async function downloadByTftp(
  port: number,
  filename: string,
  options: Record<string, string | number> = {},
  mode = "octet",
): Promise<TftpDownload> {
  const socket = createSocket({ type: "udp4", lookup: (host, _options, done) => done(null, host, 4) });
  const request = tftpReadRequest(filename, options, mode);
  const data: Buffer[] = [];
  const accepted: Record<string, string> = {};
  let serverPort: number | undefined;
  let blockSize = 512;
  let windowSize = 1;
  let inWindow = 0;
  let gapReported = -1;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<TftpDownload>((resolve, reject) => {
      const say = (): void => {
        if (serverPort === undefined) socket.send(request, port, "127.0.0.1");
        else
          socket.send(
            Buffer.from([0, 4, (data.length >> 8) & 255, data.length & 255]),
            serverPort,
            "127.0.0.1",
          );
        inWindow = 0;
        timer ??= setTimeout(say, 15);
        timer.refresh();
      };
      const takeBlock = (number: number, bytes: Buffer): void => {
        if (number !== ((data.length + 1) & 0xffff)) {
          if (gapReported === data.length) return;
          gapReported = data.length;
          say();
          return;
        }
        data.push(bytes);
        inWindow++;
        const isLast = bytes.length < blockSize;
        if (isLast || inWindow === windowSize) say();
        if (isLast) resolve({ data: Buffer.concat(data), accepted });
      };
      socket.on("message", (bytes, from) => {
        if (serverPort !== undefined && from.port !== serverPort) return;
        serverPort = from.port;
        const opcode = bytes.readUInt16BE(0);
        if (opcode === 3) takeBlock(bytes.readUInt16BE(2), bytes.subarray(4));
        else if (opcode === 5)
          reject(new TftpError(bytes.readUInt16BE(2), bytes.toString("utf8", 4, bytes.length - 1)));
        else if (opcode === 6 && data.length === 0) {
          const words = bytes.toString("utf8", 2).split("\0");
          for (let at = 0; at + 1 < words.length; at += 2)
            accepted[words[at]!.toLowerCase()] = words[at + 1]!;
          blockSize = Number(accepted["blksize"] ?? 512);
          windowSize = Number(accepted["windowsize"] ?? 1);
          say();
        }
      });
      socket.on("error", reject);
      socket.bind(0, "127.0.0.1", say);
    });
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

export function tftpReadRequest(
  filename: string,
  options: Record<string, string | number> = {},
  mode = "octet",
): Buffer {
  const words = [
    filename,
    mode,
    ...Object.entries(options).flatMap(([name, value]) => [name, String(value)]),
  ];
  return Buffer.from(`\0\x01${words.map((word) => `${word}\0`).join("")}`);
}
