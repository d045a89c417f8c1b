import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { BlockReader, type OpenFile, type TransferMode } from "./block-reader.ts";
import { negotiate, type Negotiated } from "./options.ts";
import { DATA_HEADER_BYTES, decodePacket, encodeError, encodeOptionsAck, ErrorCode } from "./packet.ts";
import type { RequestOption } from "./packet.ts";
import { isGivenUp, waitMs } from "./retransmission.ts";
import { SendWindow } from "./send-window.ts";

/** The address and port of a client. On a server that listens on `::`, an IPv4 address has the form `::ffff:192.0.2.1`. */
export interface TftpPeer {
  address: string;
  port: number;
}

export interface TransferLimits {
  /**
   * The largest block, in bytes. Default 1468, which fills a packet of 1500 bytes over IPv4; over IPv6, 20 bytes less
   * are used. Larger blocks are fragmented, and many boot ROMs cannot reassemble fragments.
   */
  maxBlockSize: number;
  /** The largest window, in blocks. Default 64. */
  maxWindowSize: number;
  /**
   * The wait for the first ACK before the packet is sent again, in milliseconds. Default 1000. Later waits follow the
   * measured round trip. Each further attempt waits twice as long, up to eight times this value.
   */
  retransmitMs: number;
  /** How often a packet is sent again before the transfer fails. Default 6. */
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

const IPV6_HEADER_EXTRA_BYTES = 20;

/** Sends one file to one client from its own port. */
export class Transfer {
  readonly startedAt = performance.now();
  /** DATA packets that were sent, repeated ones included. */
  sentPackets = 0;
  sentBytes = 0;
  retransmissions = 0;

  #options: TransferOptions;
  #negotiated: Negotiated;
  #window: SendWindow;
  #reader: BlockReader;
  #socket: Socket;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires, and when the wait for an answer ends, both as of `performance.now()`. */
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

  /** Whether the client has answered: its address is then not forged. */
  get heard(): boolean {
    return this.#heard;
  }

  /** Whether the last packet was sent again without an answer. */
  get stalled(): boolean {
    return this.#attempts > 0;
  }

  /** The bytes of the file that the client has acknowledged. */
  get arrivedBytes(): number {
    return Math.min(this.#window.acknowledged * this.#negotiated.blockSize, this.size);
  }

  /** The size of the file in bytes. */
  get size(): number {
    return this.#options.file.size;
  }

  /** Sends the first packet again: a repeated request means that it was lost. */
  repeatFirst(): void {
    if (!this.#heard) this.#resend();
  }

  /** Ends the transfer and sends the client an ERROR. */
  abort(reason: string): void {
    this.#fail(reason, encodeError(ErrorCode.undefined, reason));
  }

  /** Ends the transfer without telling the client. */
  drop(reason: string): void {
    this.#fail(reason);
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    const { peer } = this.#options;
    const packet = decodePacket(bytes);
    if (from.port !== peer.port || from.address !== peer.address) {
      // RFC 1350 section 4: the sender gets an ERROR, and the transfer continues. An ERROR is never answered.
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
      this.#fail("the client sent a packet that is neither ACK nor ERROR", answer);
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
    // After a size request, EDK2 aborts with ERROR 8, and Intel's boot ROMs with ERROR 0.
    const probed =
      this.#window.awaitsOptionsAck &&
      this.#negotiated.sizeTold &&
      (code === ErrorCode.optionsRefused || code === ErrorCode.undefined);
    if (probed) this.#end({ kind: "size-probe", size: this.#options.file.size });
    else this.#fail(`the client aborted with error ${code}${message && `: ${message}`}`);
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

  /** Sends the blocks of the window that are in memory, and reads ahead. */
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
    // Prepared while the client is busy, so that the next answer is quicker.
    const { next } = this.#window;
    if (this.#reader.has(next)) this.#prepared = { number: next, packet: this.#reader.packet(next) };
    const ahead = this.#window.acknowledged + 2 * size;
    if (!this.#loading && this.#reader.last === undefined && !this.#reader.has(ahead)) {
      void this.#load(this.#window.acknowledged + 1, ahead);
    }
  }

  /** Returns a block as a packet, `undefined` if it is not in memory. */
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

  /** Sets the deadline. A timer that fires earlier is kept: restarting it for every packet is expensive. */
  #expectAnswer(now: number): void {
    const { roundTripMs } = this.#window;
    const { timeoutSeconds } = this.#negotiated;
    const facts = { roundTripMs, timeoutSeconds, attempts: this.#attempts };
    this.#deadline = now + waitMs(facts, this.#options.limits.retransmitMs);
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
    const { timeoutSeconds } = this.#negotiated;
    const facts = { attempts: this.#attempts, timeoutSeconds, silenceMs: now - this.#progressAt };
    if (isGivenUp(facts, this.#options.limits.maxRetransmissions)) {
      const done = this.#window.acknowledged + 1 === this.#window.last;
      this.#fail(done ? "the client never acknowledged the last block" : "the client stopped answering");
      return;
    }
    this.#attempts++;
    this.#resend();
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
  // Peers are IP addresses: without this, every packet would pass through the resolver.
  return createSocket({ type: `udp${family}`, lookup: (host, _options, done) => done(null, host, family) });
}
