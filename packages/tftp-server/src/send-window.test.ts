import { describe, expect, it } from "@jest/globals";
import { SendWindow } from "./send-window.ts";

/** Sends all that the window has room for, and tells the block numbers. */
function send(window: SendWindow, now = 0): number[] {
  const blocks: number[] = [];
  while (window.isOpen) {
    blocks.push(window.next);
    window.sent(now);
  }
  return blocks;
}

describe("SendWindow", () => {
  it("waits for ACK 0 after an OACK, and sends at once without", () => {
    const window = new SendWindow(1, true);
    expect(send(window)).toEqual([]);
    expect(window.acknowledge(1, 0)).toBe("ignored");
    expect(window.acknowledge(0, 0)).toBe("send");
    expect(send(window)).toEqual([1]);
    expect(send(new SendWindow(1, false))).toEqual([1]);
  });

  it("ends with the ACK of the last block", () => {
    const window = new SendWindow(1, false);
    window.last = 2;
    send(window);
    expect(window.acknowledge(1, 0)).toBe("send");
    expect(send(window)).toEqual([2]);
    expect(send(window)).toEqual([]);
    expect(window.acknowledge(2, 0)).toBe("complete");
  });

  it("never sends again because of a repeated or a future ACK (Sorcerer's Apprentice)", () => {
    const window = new SendWindow(1, false);
    send(window);
    window.acknowledge(1, 1);
    expect(send(window)).toEqual([2]);
    for (const number of [1, 0, 65535, 3, 1]) expect(window.acknowledge(number, 5000)).toBe("ignored");
    expect(send(window)).toEqual([]);
  });

  it("restarts a window at an ACK inside of it, once", () => {
    const window = new SendWindow(4, false);
    expect(send(window)).toEqual([1, 2, 3, 4]);
    expect(window.acknowledge(2, 1)).toBe("send");
    expect(send(window)).toEqual([3, 4, 5, 6]);
    for (const number of [2, 2, 1]) expect(window.acknowledge(number, 9000)).toBe("ignored");
    expect(window.acknowledge(6, 2)).toBe("send");
    expect(send(window)).toEqual([7, 8, 9, 10]);
  });

  it("restarts a window once when its first block got lost", () => {
    const window = new SendWindow(4, false);
    send(window);
    window.acknowledge(4, 1);
    send(window);
    expect(window.acknowledge(4, 2)).toBe("send");
    expect(send(window)).toEqual([5, 6, 7, 8]);
    expect(window.acknowledge(4, 3)).toBe("ignored");
  });

  it("does not take an echo of a repeated window for a loss", () => {
    const window = new SendWindow(4, false);
    send(window, 0);
    window.acknowledge(4, 10);
    send(window, 10);
    window.acknowledge(4, 11);
    send(window, 11);
    window.acknowledge(8, 20);
    expect(send(window, 20)).toEqual([9, 10, 11, 12]);
    expect(window.acknowledge(8, 21)).toBe("ignored");
    expect(window.acknowledge(8, 31)).toBe("send");
  });

  it("measures the round trip from the first block of a window", () => {
    const window = new SendWindow(2, false);
    expect(window.roundTripMs).toBeUndefined();
    window.sent(100);
    window.sent(140);
    window.acknowledge(2, 180);
    expect(window.roundTripMs).toBe(80);
    send(window, 200);
    window.acknowledge(4, 200);
    expect(window.roundTripMs).toBe(70);
  });

  it("answers a repeated ACK at once when no block was sent twice, else after a round trip", () => {
    const window = new SendWindow(2, false);
    send(window, 0);
    window.acknowledge(2, 100);
    send(window, 100);
    expect(window.acknowledge(2, 101)).toBe("send");
    send(window, 101);
    window.acknowledge(4, 150);
    send(window, 150);
    expect(window.acknowledge(4, 249)).toBe("ignored");
    expect(window.acknowledge(4, 250)).toBe("send");
  });

  it("sends from the first block that has not arrived after a silence", () => {
    const window = new SendWindow(2, false);
    send(window);
    window.acknowledge(2, 0);
    send(window);
    window.rewind();
    expect(send(window)).toEqual([3, 4]);
    expect(window.acknowledge(4, 0)).toBe("send");
    expect(send(window)).toEqual([5, 6]);
  });

  it.each([1, 3, 64])("goes on when block numbers roll over (window of %i)", (size) => {
    const window = new SendWindow(size, false);
    window.last = 140_000;
    let effect = "send";
    for (let rounds = 0; effect === "send" && rounds < 140_001; rounds++) {
      const sent = send(window);
      effect = window.acknowledge(sent.at(-1)! & 0xffff, 0);
    }
    expect(effect).toBe("complete");
    expect(window.acknowledged).toBe(140_000);
  });
});
