import type { Socket } from "node:net";
import { createSocket } from "node:dgram";
import { describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { DnsClient } from "./client.ts";
import { DnsError } from "./dns-error.ts";
import { CLASS, decodeMessage, encodeMessage } from "./message.ts";
import { parseName } from "./name.ts";
import { canonicalValue, encodeValue, decodeValue, KNOWN_TYPES } from "./rr-types.ts";
import { signAsServer } from "../../tests/sign-as-server.ts";
import { frame, withTcp } from "../../tests/tcp-responder.ts";
import { parseTsigKey, TsigSession } from "./tsig.ts";

const secret = Buffer.from("a secret").toString("base64");
const key = parseTsigKey("key", "hmac-sha256", secret);
const question = { name: "www.example.test.", type: 1 };
const answer = { name: "www.example.test.", type: "A", class: CLASS.IN, ttl: 60, value: "192.0.2.1" };
const options = { address: "127.0.0.1", timeoutMs: 500, signal: new AbortController().signal };

/** An answer to the message, which it may change before it is signed. */
function reply(asked: Buffer, change: (answer: Buffer) => Buffer = (bytes) => bytes): Buffer {
  const bytes = encodeMessage({
    id: asked.readUInt16BE(0),
    opcode: 0,
    question: [question],
    answer: [answer],
  });
  bytes.writeUInt16BE(0x8400, 2);
  return change(bytes);
}

async function ask(port: number, more: object = {}) {
  const client = new DnsClient({ ...options, port, transport: "tcp", ...more });
  try {
    return (await client.query("www.example.test.", "A")).answer[0]?.value;
  } finally {
    await client.close();
  }
}

describe("answers that cannot be trusted", () => {
  const tcp = (change: (answer: Buffer, asked: Buffer) => Buffer) => (asked: Buffer, socket: Socket) =>
    void socket.write(frame(reply(asked, (bytes) => change(bytes, asked))));

  it("takes a right one, and one that comes byte by byte", async () => {
    expect(
      await withTcp(
        tcp((bytes) => bytes),
        ask,
      ),
    ).toBe("192.0.2.1");
    const slowly = (asked: Buffer, socket: Socket) => {
      const bytes = frame(reply(asked));
      let at = 0;
      const next = () => {
        if (at < bytes.length) socket.write(bytes.subarray(at, ++at), next);
      };
      next();
    };
    expect(await withTcp(slowly, ask)).toBe("192.0.2.1");
  });

  it.each<[string, (answer: Buffer, asked: Buffer) => Buffer, RegExp]>([
    ["another id", (bytes, asked) => (bytes.writeUInt16BE(asked.readUInt16BE(0) ^ 1, 0), bytes), /no answer/],
    ["a question instead of an answer", (bytes) => (bytes.writeUInt16BE(0, 2), bytes), /no answer to ours/],
    ["another opcode", (bytes) => (bytes.writeUInt16BE(0xa800, 2), bytes), /no answer to ours/],
    ["another question", (bytes) => (bytes.writeUInt8(0x78, 13), bytes), /another question/],
    ["a truncated record", (bytes) => bytes.subarray(0, bytes.length - 1), /ends too early/],
    ["more than it says", (bytes) => Buffer.concat([bytes, Buffer.of(0)]), /after its last record/],
    ["a pointer to itself", (bytes) => (bytes.writeUInt16BE(0xc000 | 34, 34), bytes), /point backwards/],
    ["a pointer forwards", (bytes) => (bytes.writeUInt16BE(0xc0ff, 34), bytes), /point backwards/],
    ["nothing", () => Buffer.alloc(0), /no answer/],
  ])("refuses %s", async (_, change, message) => {
    await expect(withTcp(tcp(change), ask)).rejects.toThrow(message);
  });

  it("refuses what is not signed, or not rightly, where signed is due", async () => {
    const signed = (port: number) => ask(port, { tsig: key });
    await expect(
      withTcp(
        tcp((bytes) => bytes),
        signed,
      ),
    ).rejects.toThrow(/not signed/);
    const forged = tcp((bytes) => new TsigSession(key).sign(bytes));
    await expect(withTcp(forged, signed)).rejects.toThrow(/does not verify/);
  });

  it.each([
    { seconds: -4000, said: "the clock of the server is 4000 s behind ours: TSIG allows 300 s (BADTIME)" },
    { seconds: 301, said: "the clock of the server is 301 s ahead of ours: TSIG allows 300 s (BADTIME)" },
    { seconds: 300, said: undefined },
    { seconds: -300, said: undefined },
  ])("says by how much a clock differs that is off by $seconds s", ({ seconds, said }) => {
    const now = Math.floor(new Date().getTime() / 1000);
    const session = new TsigSession(key, () => now);
    const asked = session.sign(encodeMessage({ id: 1, opcode: 0, question: [question] }));
    const response = signAsServer(reply(asked), asked, { name: "key", secret }, now + seconds);
    const verify = () => session.verify(response, decodeMessage(response)).isVerified;
    if (said === undefined) expect(verify()).toBe(true);
    else expect(verify).toThrow(said);
  });

  const now = Math.floor(new Date().getTime() / 1000);
  const refused = "the server refused the TSIG signature: ";

  it.each<[number, number | undefined, string]>([
    [
      16,
      undefined,
      `${refused}the signature does not verify there: the secret or the algorithm is another (BADSIG)`,
    ],
    [17, undefined, `${refused}the key is unknown there (BADKEY)`],
    [17, now, `${refused}the key is unknown there (BADKEY)`],
    [18, undefined, `${refused}its clock differs too much from ours (BADTIME)`],
    [18, now - 1000, "the clock of the server is 1000 s behind ours: TSIG allows 300 s (BADTIME)"],
    [18, now + 1000, "the clock of the server is 1000 s ahead of ours: TSIG allows 300 s (BADTIME)"],
    [22, undefined, `${refused}it does not accept the length of the signature (BADTRUNC)`],
    [99, undefined, `${refused}error 99`],
  ])("says by which error the server refuses a signature: %d", (error, time, said) => {
    const session = new TsigSession(key, () => now);
    const asked = session.sign(encodeMessage({ id: 1, opcode: 0, question: [question] }));
    const signed = signAsServer(reply(asked), asked, { name: "key", secret });
    // The record ends with the error and the size of other data, which is the time of the server.
    const other = Buffer.alloc(time === undefined ? 0 : 6);
    if (time !== undefined) other.writeUIntBE(time, 0, 6);
    const response = Buffer.concat([signed, other]);
    response.writeUInt16BE(error, signed.length - 4);
    response.writeUInt16BE(other.length, signed.length - 2);
    const size = decodeMessage(signed).last!.position + "\x03key\0".length + 8;
    response.writeUInt16BE(signed.readUInt16BE(size) + other.length, size);
    expect(() => session.verify(response, decodeMessage(response))).toThrow(new DnsError(said));
  });

  it.each([
    ["key", "other", "hmac-sha256"],
    ["algorithm", "key", "hmac-sha512"],
  ] as const)("refuses an answer that is signed with another %s", (_, name, algorithm) => {
    const session = new TsigSession(parseTsigKey("key", algorithm, secret), () => now);
    const asked = session.sign(encodeMessage({ id: 1, opcode: 0, question: [question] }));
    const response = signAsServer(reply(asked), asked, { name, secret });
    expect(() => session.verify(response, decodeMessage(response))).toThrow(
      new DnsError("the answer is signed with another key or algorithm"),
    );
  });

  it("takes 99 messages without a signature after a signed one, and no more", () => {
    const session = new TsigSession(key, () => now);
    const asked = session.sign(encodeMessage({ id: 1, opcode: 0, question: [question] }));
    const signed = signAsServer(reply(asked), asked, { name: "key", secret });
    expect(session.verify(signed, decodeMessage(signed))).toEqual({ isVerified: true });
    const unsigned = reply(asked);
    const verify = () => session.verify(unsigned, decodeMessage(unsigned));
    for (let count = 1; count <= 99; count++) expect(verify()).toEqual({ isVerified: false });
    expect(verify).toThrow(new DnsError("too many messages of the answer are not signed"));
  });

  it("over UDP, waits for the right one after a forged one", async () => {
    const server = createSocket("udp4");
    const other = createSocket("udp4");
    await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
    server.on("message", (asked, { port }) => {
      const wrongId = reply(asked, (bytes) => (bytes.writeUInt16BE(asked.readUInt16BE(0) ^ 1, 0), bytes));
      const wrongValue = reply(asked, (bytes) => (bytes.writeUInt8(66, bytes.length - 1), bytes));
      server.send(wrongId, port, "127.0.0.1");
      server.send(Buffer.of(1, 2, 3), port, "127.0.0.1");
      // From another source: it has to be ignored though all else is right.
      other.send(wrongValue, port, "127.0.0.1", () => server.send(reply(asked), port, "127.0.0.1"));
    });
    try {
      expect(await ask(server.address().port, { transport: "udp" })).toBe("192.0.2.1");
    } finally {
      server.close();
      other.close();
    }
  });
});

describe("fuzzed messages", () => {
  it("decodes or refuses anything", () => {
    const base = reply(encodeMessage({ id: 7, opcode: 0, question: [question] }));
    const check = (bytes: Buffer) => {
      try {
        decodeMessage(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(DnsError);
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => check(Buffer.from(bytes))),
      { numRuns: 3000 },
    );
    const edits = fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    const mutated = fc.property(edits, fc.nat(base.length), (changes, length) => {
      const bytes = Buffer.from(base);
      for (const [at, byte] of changes) bytes[at] = byte;
      check(bytes);
      check(bytes.subarray(0, length));
    });
    fc.assert(mutated, { numRuns: 3000 });
  });

  it("ends long chains of pointers", () => {
    const bytes = Buffer.alloc(16_400);
    bytes.writeUInt16BE(1, 4);
    for (let at = 14; at < 16_382; at += 2) bytes.writeUInt16BE(0xc000 | (at - 2), at);
    expect(() => decodeMessage(bytes)).not.toThrow(RangeError);
  });

  it.each(KNOWN_TYPES)("%s: reads any data or refuses it, and writes what it has read the same", (type) => {
    const property = fc.property(fc.uint8Array({ maxLength: 80 }), (data) => {
      let value: string;
      try {
        value = decodeValue(type, Buffer.from(data));
      } catch (error) {
        expect(error).toBeInstanceOf(DnsError);
        return;
      }
      expect(canonicalValue(type, value)).toBe(value);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it.each(KNOWN_TYPES)("%s: takes any text or refuses it", (type) => {
    const property = fc.property(fc.string({ unit: "binary" }), (value) => {
      try {
        encodeValue(type, value);
      } catch (error) {
        expect(error).toBeInstanceOf(DnsError);
      }
    });
    fc.assert(property, { numRuns: 200 });
  });
});

describe("names", () => {
  it.each([
    ["www", "www.example.test."],
    ["@", "example.test."],
    ["WWW.Example.ORG.", "www.example.org."],
    ["bücher", "xn--bcher-kva.example.test."],
    ["a\\.b", "a\\.b.example.test."],
    ["\\097", "a.example.test."],
    ["\\000\\255", "\\000\\255.example.test."],
    ["*", "*.example.test."],
    [".", "."],
  ])("reads %j", (text, name) => {
    expect(parseName(text, "example.test.")).toBe(name);
    expect(parseName(name)).toBe(name);
  });

  it.each(["", "..", "a..b", "a b", "\\256", "\\", "x".repeat(64), "a.".repeat(128), "ü".repeat(60)])(
    "refuses %j",
    (text) => {
      expect(() => parseName(text)).toThrow(DnsError);
    },
  );
});
