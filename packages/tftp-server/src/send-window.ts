/** The reaction of the sender to an ACK. */
export type AckEffect = "ignored" | "send" | "complete";

const INITIAL_ROUND_TRIP_MS = 1000;

/**
 * Decides which block to send next: the sender's half of RFC 1350 and RFC 7440, without input or output. Blocks are
 * counted from 1 and do not roll over here; only ACKs have 16-bit numbers. Times are in milliseconds.
 */
export class SendWindow {
  /** The last block of those that have all arrived. */
  acknowledged = 0;
  /** The block to send next. */
  next = 1;
  /** The last block of the file. `undefined` until it is known. */
  last: number | undefined;
  /** The smoothed time from sending a window to its ACK. `undefined` before the first one. */
  roundTripMs: number | undefined;
  readonly size: number;

  #highestSent = 0;
  #awaitsOptionsAck: boolean;
  #sentAt = 0;
  /** Whether blocks of this window were sent twice. */
  #resent = false;
  /** Whether repeated blocks of the previous window may still arrive and cause ACKs. */
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

  /** Records that the block `next` was sent. */
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
    // The ACK is below what was sent: the block after it was lost (RFC 7440 section 4).
    this.#resent = this.acknowledged < this.#highestSent;
    this.next = this.acknowledged + 1;
    return "send";
  }

  /** Starts the window again after a timeout. */
  rewind(): void {
    this.next = this.acknowledged + 1;
    this.#resent = true;
  }

  /**
   * Handles a repeated ACK. With a window of one block, answering it would double every later packet (the Sorcerer's
   * Apprentice, RFC 1123 section 4.2.3.1). With a larger window it can mean that the first block of the window was lost:
   * it is then answered once. If blocks were sent twice before, it is answered only after a round trip, because until
   * then it may come from those.
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
