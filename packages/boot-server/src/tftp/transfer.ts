import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { BlockReader, type OpenFile, type TransferMode } from "./block-reader.ts";
import { negotiate, type Negotiated } from "./options.ts";
import { DATA_HEADER_BYTES, decodePacket, encodeError, encodeOptionsAck, ErrorCode } from "./packet.ts";
import type { RequestOption } from "./packet.ts";
import { SendWindow } from "./send-window.ts";

/** Where a client sends from. To a server on `::` an IPv4 address looks like `::ffff:192.0.2.1`. */
export interface TftpPeer {
  address: string;
  port: number;
}

export interface TransferLimits {
  /**
   * The largest block, in bytes. Default 1468, which fills a packet of 1500 bytes (IPv4; 20 bytes less are used over
   * IPv6): larger blocks arrive in fragments, which boot ROMs cannot put together.
   */
  maxBlockSize: number;
  /** The most blocks in flight for one transfer. Default 64. */
  maxWindowSize: number;
  /**
   * How long to wait for the first ACK, in milliseconds, before sending again. Default 1000. Later waits follow the
   * measured round trip; each further attempt waits twice as long, up to eight times this.
   */
  retransmitMs: number;
  /** How often one packet is sent again before the client counts as gone. Default 6. */
  maxRetransmissions: number;
}

export type TransferOutcome =
  { kind: "finished" } | { kind: "size-probe"; size: number } | { kind: "failed"; reason: string };

export interface TransferOptions {
  /** The local address to send from. */
  address: string;
  peer: TftpPeer;
  file: OpenFile;
  mode: TransferMode;
  options: RequestOption[];
  limits: TransferLimits;
  onEnd: (outcome: TransferOutcome) => void;
}

const MIN_RETRANSMIT_MS = 200;
/** How often a client that has named its timeout may run into it before it counts as gone. */
const CLIENT_TIMEOUTS = 3;
const IPV6_HEADER_EXTRA_BYTES = 20;

/** Sends one file to one client, from a port of its own. */
export class Transfer {
  readonly startedAt = performance.now();
  /** DATA packets and bytes sent, repeated ones included. */
  sentPackets = 0;
  sentBytes = 0;
  retransmissions = 0;

  #options: TransferOptions;
  #negotiated: Negotiated;
  #window: SendWindow;
  #reader: BlockReader;
  #socket: Socket;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer runs out, and when the client's silence has lasted too long; on the clock of `performance.now()`. */
  #timerEnd = Infinity;
  #deadline = 0;
  #attempts = 0;
  /** The packet that is likely to be sent next. */
  #prepared: { number: number; packet: Buffer } | undefined;
  #progressAt = performance.now();
  #heard = false;
  #loading = false;
  #ended = false;

  constructor(options: TransferOptions) {
    const { peer, file, mode, limits } = options;
    const overIPv6 = isIPv6(peer.address) && !peer.address.startsWith("::ffff:");
    const maxBlockSize = limits.maxBlockSize - (overIPv6 ? IPV6_HEADER_EXTRA_BYTES : 0);
    this.#options = options;
    this.#negotiated = negotiate(options.options, mode === "octet" ? file.size : undefined, {
      ...limits,
      maxBlockSize,
    });
    const { windowSize, blockSize, accepted } = this.#negotiated;
    this.#window = new SendWindow(windowSize, accepted.length > 0);
    this.#reader = new BlockReader(file, mode, blockSize);
    this.#socket = openSocket(peer.address);
  }

  start(): void {
    this.#socket.on("error", (error) => this.#fail(`cannot send: ${error.message}`));
    this.#socket.on("message", (bytes, from) => this.#receive(bytes, from));
    this.#socket.bind(0, this.#options.address, () => this.#send());
  }

  /** The client has answered: its address is no forgery. */
  get heard(): boolean {
    return this.#heard;
  }

  /** The client has been silent for at least one retransmission. */
  get stalled(): boolean {
    return this.#attempts > 0;
  }

  /** The bytes of the file that are known to have arrived; those of the whole file when it is finished. */
  get arrivedBytes(): number {
    return Math.min(this.#window.acknowledged * this.#negotiated.blockSize, this.size);
  }

  /** Of the file, in bytes. */
  get size(): number {
    return this.#options.file.size;
  }

  /** The client asked again, so our first packet got lost. */
  repeatFirst(): void {
    if (!this.#heard) this.#resend();
  }

  /** Ends the transfer, and tells the client. */
  abort(reason: string): void {
    this.#fail(reason, encodeError(ErrorCode.undefined, reason));
  }

  /** Ends the transfer without a word to the client. */
  drop(reason: string): void {
    this.#fail(reason);
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    const { peer } = this.#options;
    const packet = decodePacket(bytes);
    if (from.port !== peer.port || from.address !== peer.address) {
      // RFC 1350 §4: the other client is told, the transfer goes on. An ERROR is never answered.
      if (packet?.kind !== "error" && from.port !== 0) {
        this.#socket.send(
          encodeError(ErrorCode.unknownTransfer, "Unknown transfer"),
          from.port,
          from.address,
        );
      }
      return;
    }
    if (packet?.kind === "ack") this.#acknowledge(packet.block);
    else if (packet?.kind === "error") this.#clientError(packet.code, packet.message);
    else {
      const answer = encodeError(ErrorCode.illegalOperation, "Illegal TFTP operation");
      this.#fail("the client sent a packet that does not belong into a transfer", answer);
    }
  }

  #acknowledge(block: number): void {
    this.#heard = true;
    const now = performance.now();
    const effect = this.#window.acknowledge(block, now);
    if (effect === "ignored") return;
    this.#attempts = 0;
    this.#progressAt = now;
    if (effect === "complete") this.#end({ kind: "finished" });
    else this.#sendBlocks(now);
  }

  #clientError(code: number, message: string): void {
    // EDK2 asks for the size and breaks off with ERROR 8; Intel's boot ROMs with ERROR 0.
    const probed =
      this.#window.awaitsOptionsAck &&
      this.#negotiated.sizeTold &&
      (code === ErrorCode.optionsRefused || code === ErrorCode.undefined);
    if (probed) this.#end({ kind: "size-probe", size: this.#options.file.size });
    else this.#fail(`the client broke off with error ${code}${message && `: ${message}`}`);
  }

  #send(): void {
    if (this.#ended) return;
    if (this.#window.awaitsOptionsAck) {
      this.#transmit(encodeOptionsAck(this.#negotiated.accepted));
      this.#expectAnswer(performance.now());
    } else {
      this.#sendBlocks(performance.now());
    }
  }

  /** Sends what the window has room for and memory holds, and reads ahead. */
  #sendBlocks(now: number): void {
    const { size } = this.#window;
    this.#window.last = this.#reader.last;
    while (this.#window.isOpen) {
      const packet = this.#dataPacket(this.#window.next);
      if (packet === undefined) break;
      this.#transmit(packet);
      this.sentPackets++;
      this.sentBytes += packet.length - DATA_HEADER_BYTES;
      this.#window.sent(now);
    }
    this.#expectAnswer(now);
    // While the client is busy; it then waits for less.
    const { next } = this.#window;
    if (this.#reader.has(next)) this.#prepared = { number: next, packet: this.#reader.packet(next) };
    const ahead = this.#window.acknowledged + 2 * size;
    if (!this.#loading && this.#reader.last === undefined && !this.#reader.has(ahead)) {
      void this.#load(this.#window.acknowledged + 1, ahead);
    }
  }

  /** `undefined` when the block is not in memory. */
  #dataPacket(number: number): Buffer | undefined {
    if (this.#prepared?.number === number) return this.#prepared.packet;
    return this.#reader.has(number) ? this.#reader.packet(number) : undefined;
  }

  async #load(from: number, to: number): Promise<void> {
    this.#loading = true;
    try {
      await this.#reader.load(from, to);
    } catch (error) {
      const answer = encodeError(ErrorCode.undefined, "Cannot read the file");
      this.#fail(`cannot read the file: ${(error as Error).message}`, answer);
    }
    this.#loading = false;
    if (this.#ended) return;
    this.#window.last = this.#reader.last;
    if (this.#window.isOpen) this.#sendBlocks(performance.now());
  }

  #resend(): void {
    this.retransmissions++;
    if (!this.#window.awaitsOptionsAck) this.#window.rewind();
    this.#send();
  }

  /** Sets the deadline. A timer that runs out before it is left alone: restarting it for each packet is dear. */
  #expectAnswer(now: number): void {
    this.#deadline = now + this.#retransmitMs();
    if (this.#deadline < this.#timerEnd) this.#startTimer(now);
  }

  #startTimer(now: number): void {
    clearTimeout(this.#timer);
    this.#timerEnd = this.#deadline;
    this.#timer = setTimeout(() => this.#checkDeadline(performance.now()), this.#deadline - now);
  }

  #checkDeadline(now: number): void {
    this.#timerEnd = Infinity;
    if (now < this.#deadline) this.#startTimer(now);
    else this.#timedOut(now);
  }

  #timedOut(now: number): void {
    const { limits } = this.#options;
    const { timeoutSeconds = 0 } = this.#negotiated;
    const patience = CLIENT_TIMEOUTS * timeoutSeconds * 1000;
    if (this.#attempts >= limits.maxRetransmissions && now - this.#progressAt >= patience) {
      const done = this.#window.acknowledged + 1 === this.#window.last;
      this.#fail(done ? "the client never acknowledged the last block" : "the client went silent");
      return;
    }
    this.#attempts++;
    this.#resend();
  }

  #retransmitMs(): number {
    const { retransmitMs } = this.#options.limits;
    const { roundTripMs } = this.#window;
    const { timeoutSeconds } = this.#negotiated;
    const asked = timeoutSeconds === undefined ? undefined : timeoutSeconds * 1000;
    // RFC 2349: the client names the interval itself. Once the round trip is known to be shorter, to wait as long
    // would only be slow: curl names 6 seconds.
    if (roundTripMs === undefined && asked !== undefined) return asked;
    const measured = roundTripMs === undefined ? retransmitMs : Math.max(MIN_RETRANSMIT_MS, 4 * roundTripMs);
    return Math.min(Math.min(measured, retransmitMs) * 2 ** this.#attempts, asked ?? 8 * retransmitMs);
  }

  #transmit(packet: Buffer): void {
    const { peer } = this.#options;
    this.#socket.send(packet, peer.port, peer.address);
  }

  #fail(reason: string, answer?: Buffer): void {
    if (this.#ended) return;
    if (answer !== undefined) this.#transmit(answer);
    this.#end({ kind: "failed", reason });
  }

  #end(outcome: TransferOutcome): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#socket.close();
    this.#options.onEnd(outcome);
  }
}

function openSocket(address: string): Socket {
  const family = isIPv6(address) ? 6 : 4;
  // Peers are addresses already: this spares every packet a detour through the resolver.
  return createSocket({ type: `udp${family}`, lookup: (host, _options, done) => done(null, host, family) });
}
