/** What an ACK meant. */
export type AckEffect = "ignored" | "send" | "complete";

const INITIAL_ROUND_TRIP_MS = 1000;

/**
 * Which block goes out next: the sender's half of RFC 1350 and RFC 7440, without any input or output. Blocks are
 * counted from 1 and never roll over in here; only ACKs carry 16-bit numbers. Times are in milliseconds.
 */
export class SendWindow {
  /** Every block up to this one has arrived. */
  acknowledged = 0;
  /** The block to send next. */
  next = 1;
  /** The last block of the file, once it is known. */
  last: number | undefined;
  /** Smoothed time from sending a window to its ACK; `undefined` before the first. */
  roundTripMs: number | undefined;
  readonly size: number;

  #highestSent = 0;
  #awaitsOptionsAck: boolean;
  #sentAt = 0;
  /** Blocks of this window went out twice. */
  #resent = false;
  /** Copies of the window before may still be on their way and cause ACKs. */
  #echoes = false;

  constructor(size: number, awaitsOptionsAck: boolean) {
    this.size = size;
    this.#awaitsOptionsAck = awaitsOptionsAck;
  }

  get awaitsOptionsAck(): boolean {
    return this.#awaitsOptionsAck;
  }

  /** Whether the window has room for the block `next`. */
  get isOpen(): boolean {
    if (this.#awaitsOptionsAck) return false;
    return this.next <= Math.min(this.acknowledged + this.size, this.last ?? Infinity);
  }

  /** Notes that the block `next` was sent. */
  sent(now: number): void {
    if (this.next === this.acknowledged + 1) this.#sentAt = now;
    this.#highestSent = Math.max(this.#highestSent, this.next);
    this.next++;
  }

  acknowledge(number: number, now: number): AckEffect {
    if (this.#awaitsOptionsAck) {
      if (number !== 0) return "ignored";
      this.#awaitsOptionsAck = false;
      return "send";
    }
    const advance = (number - this.acknowledged) & 0xffff;
    if (advance > this.#highestSent - this.acknowledged) return "ignored";
    if (advance === 0) return this.#repeatedAck(now);
    if (!this.#resent) this.#measure(now - this.#sentAt);
    this.acknowledged += advance;
    if (this.acknowledged === this.last) return "complete";
    this.#echoes = this.#resent;
    // An ACK short of what was sent: the block behind it got lost (RFC 7440 §4).
    this.#resent = this.acknowledged < this.#highestSent;
    this.next = this.acknowledged + 1;
    return "send";
  }

  /** Starts the window again after a silence. */
  rewind(): void {
    this.next = this.acknowledged + 1;
    this.#resent = true;
  }

  /**
   * With a window of one block, answering a repeated ACK would double every packet from there on (the Sorcerer's
   * Apprentice, RFC 1123 §4.2.3.1). With a larger one it may say that the first block of the window got lost. It
   * is then heeded once, and, where it may be an echo of blocks that were sent twice, only after a round trip:
   * otherwise the doubling would be back.
   */
  #repeatedAck(now: number): AckEffect {
    if (this.size === 1 || this.#resent || this.#highestSent === this.acknowledged) return "ignored";
    if (this.#echoes && now - this.#sentAt < (this.roundTripMs ?? INITIAL_ROUND_TRIP_MS)) return "ignored";
    this.rewind();
    return "send";
  }

  #measure(roundTripMs: number): void {
    this.roundTripMs =
      this.roundTripMs === undefined ? roundTripMs : this.roundTripMs * 0.875 + roundTripMs * 0.125;
  }
}
