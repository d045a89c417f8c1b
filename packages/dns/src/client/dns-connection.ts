import type { Socket } from "node:net";
import { DnsError } from "./dns-error.ts";

/** One TCP or TLS connection: messages after their length in two bytes (RFC 1035, 4.2.2), several at a time. */
export class DnsConnection {
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #chunks: Buffer[] = [];
  #size = 0;
  #failure: DnsError | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (cause) =>
      this.#fail(new DnsError("the connection failed", { cause, isTransient: true })),
    );
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#fail(new DnsError("the server closed the connection without an answer", { isTransient: true }));
        resolve();
      });
    });
    socket.unref();
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  hasFree(id: number): boolean {
    return !this.#waiting.has(id);
  }

  /** Sends a message; each message with its id goes to `receive`, until that returns true. */
  exchange(message: Buffer, receive: (message: Buffer) => boolean): Promise<void> {
    const id = message.readUInt16BE(0);
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      if (this.#waiting.size === 0) this.#socket.ref();
      this.#waiting.set(id, { receive, resolve, reject });
      const frame = Buffer.allocUnsafe(message.length + 2);
      frame.writeUInt16BE(message.length, 0);
      message.copy(frame, 2);
      this.#socket.write(frame);
    });
  }

  close(reason = new DnsError("the connection was closed")): void {
    this.#fail(reason);
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    for (let frame = this.#takeFrame(); frame !== undefined; frame = this.#takeFrame()) this.#dispatch(frame);
  }

  #takeFrame(): Buffer | undefined {
    if (this.#size < 2) return undefined;
    if (this.#chunks[0]!.length < 2) this.#join();
    const length = this.#chunks[0]!.readUInt16BE(0) + 2;
    if (this.#size < length) return undefined;
    if (this.#chunks[0]!.length < length) this.#join();
    const first = this.#chunks[0]!;
    this.#chunks[0] = first.subarray(length);
    this.#size -= length;
    if (this.#chunks[0].length === 0) this.#chunks.shift();
    return first.subarray(2, length);
  }

  #join(): void {
    this.#chunks = [Buffer.concat(this.#chunks)];
  }

  #dispatch(frame: Buffer): void {
    const id = frame.length < 2 ? -1 : frame.readUInt16BE(0);
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    try {
      if (waiting.receive(frame)) this.#settle(id, waiting.resolve);
    } catch (error) {
      this.#settle(id, () => waiting.reject(error));
    }
  }

  #settle(id: number, settle: () => void): void {
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#socket.unref();
    settle();
  }

  #fail(reason: DnsError): void {
    this.#failure ??= reason;
    for (const [id, { reject }] of this.#waiting) this.#settle(id, () => reject(this.#failure));
  }
}

interface Waiting {
  receive: (message: Buffer) => boolean;
  resolve: () => void;
  reject: (error: unknown) => void;
}
