import { createSocket } from "node:dgram";
import { getEventListeners } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, expect, it } from "@jest/globals";
import { signAsServer } from "../../tests/sign-as-server.ts";
import { frame, withTcp } from "../../tests/tcp-responder.ts";
import { DnsClient, MAX_UPDATE } from "./client.ts";
import { CLASS, decodeMessage, encodeMessage, OPCODE } from "./message.ts";
import { parseTsigKey } from "./tsig.ts";

const ZONE = "example.test.";
const secret = Buffer.from("a secret").toString("base64");
const key = parseTsigKey("key", "hmac-sha256", secret);
const SOA = `ns1.${ZONE} hostmaster.${ZONE} 1 3600 600 86400 300`;

type Use<T> = (client: DnsClient) => Promise<T>;

async function withClient<T>(port: number, more: object, use: Use<T>): Promise<T> {
  const signal = new AbortController().signal;
  const client = new DnsClient({
    address: "127.0.0.1",
    port,
    transport: "tcp",
    timeoutMs: 700,
    signal,
    ...more,
  });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** An answer with these types of records; `rcode` is the number of the code. */
function answerTo(asked: Buffer, types: string, { rcode = 0, question = true, opcode = 0 } = {}): Buffer {
  const answer = types.split("").map((letter) => ({
    name: letter === "S" ? ZONE : `${letter}.${ZONE}`,
    type: letter === "S" ? "SOA" : "A",
    class: CLASS.IN,
    ttl: 60,
    value: letter === "S" ? SOA : "192.0.2.1",
  }));
  const { question: asks } = decodeMessage(asked);
  const bytes = encodeMessage({
    id: asked.readUInt16BE(0),
    opcode,
    question: question ? [{ name: ZONE, type: asks[0]!.type, class: asks[0]!.class }] : [],
    answer,
  });
  bytes.writeUInt16BE(0x8400 | (opcode << 11) | rcode, 2);
  return bytes;
}

describe("a transfer", () => {
  const transfer = (port: number, more = {}) =>
    withClient(port, more, async (client) =>
      (await client.transfer(ZONE)).map(({ type, name }) => (type === "SOA" ? "S" : name[0]!)).join(""),
    );
  const messages =
    (...all: string[]) =>
    (asked: Buffer, socket: Socket) => {
      for (const types of all) socket.write(frame(answerTo(asked, types)));
    };

  it.each([
    [["SabS"], "Sab"],
    [["SS"], "S"],
    [["S", "S"], "S"],
    [["S", "a", "b", "S"], "Sab"],
    [["Sa", "bcS"], "Sabc"],
    [["", "Sa", "", "S"], "Sa"],
  ])("of the messages %j has the records %s", async (all, records) => {
    expect(await withTcp(messages(...all), transfer)).toBe(records);
  });

  it.each([
    [["abS"], /does not begin with SOA/],
    [["a"], /does not begin with SOA/],
    [["SaSb"], /records after its end/],
    [["SSS"], /records after its end/],
    [["Sa"], /no answer/],
  ])("of the messages %j fails", async (all, message) => {
    await expect(withTcp(messages(...all), transfer)).rejects.toThrow(message);
  });

  it("may leave out the question", async () => {
    const respond = (asked: Buffer, socket: Socket) =>
      void socket.write(frame(answerTo(asked, "SaS", { question: false })));
    expect(await withTcp(respond, transfer)).toBe("Sa");
  });

  it("fails with the code of the server", async () => {
    const refuse = (asked: Buffer, socket: Socket) =>
      void socket.write(frame(answerTo(asked, "", { rcode: 5 })));
    await expect(withTcp(refuse, transfer)).rejects.toThrow(/REFUSED to the transfer of example\.test\./);
  });

  it("needs a signature on its last message", async () => {
    const signed = (port: number) => transfer(port, { tsig: key });
    const sign = (asked: Buffer, bytes: Buffer) => signAsServer(bytes, asked, { name: "key", secret });
    const whole = (asked: Buffer, socket: Socket) =>
      void socket.write(frame(sign(asked, answerTo(asked, "SaS"))));
    expect(await withTcp(whole, signed)).toBe("Sa");
    const unsigned = (asked: Buffer, socket: Socket) => {
      socket.write(frame(sign(asked, answerTo(asked, "S"))));
      socket.write(frame(answerTo(asked, "aS")));
    };
    await expect(withTcp(unsigned, signed)).rejects.toThrow(/the last message of the transfer is not signed/);
  });
});

describe("an answer without its question", () => {
  const respond =
    (options: { rcode?: number; question?: boolean; opcode?: number }) => (asked: Buffer, socket: Socket) =>
      void socket.write(frame(answerTo(asked, "", { question: false, ...options })));
  const query: Use<string> = async (client) => (await client.query(ZONE, "A")).rcode;
  const update: Use<string> = async (client) =>
    (await client.update(ZONE, { prerequisites: [], updates: [] })).rcode;

  it.each([
    ["an error", { rcode: 2 }, query, "SERVFAIL"],
    ["an update", { opcode: OPCODE.UPDATE }, update, "NOERROR"],
  ])("is accepted to %s", async (_, options, use, rcode) => {
    expect(await withTcp(respond(options), (port) => withClient(port, {}, use))).toBe(rcode);
  });

  it.each([
    ["a query", {}, query, /another question/],
    ["an update, as a query", {}, update, /no answer to ours/],
  ])("is refused to %s", async (_, options, use, message) => {
    await expect(withTcp(respond(options), (port) => withClient(port, {}, use))).rejects.toThrow(message);
  });
});

it("refuses an unknown type before it connects", async () => {
  await withClient(1, {}, async (client) => {
    expect(() => client.query(ZONE, "NONSENSE")).toThrow("unknown type NONSENSE");
  });
});

describe("a connection that is lost", () => {
  it("is opened again for the next question", async () => {
    let connections = 0;
    const respond = (asked: Buffer, socket: Socket) => {
      connections += 1;
      if (connections === 1) socket.end();
      else socket.write(frame(answerTo(asked, "S")));
    };
    const { signal } = new AbortController();
    const ask = (port: number) =>
      withClient(port, { signal }, async (client) => {
        await expect(client.query(ZONE, "SOA")).rejects.toThrow("closed the connection without an answer");
        expect((await client.query(ZONE, "SOA")).answer).toHaveLength(1);
        // Only the open connection waits for an interruption.
        expect(getEventListeners(signal, "abort")).toHaveLength(1);
      });
    await withTcp(respond, ask);
  });

  it("is opened again after one that was refused", async () => {
    const port = await withTcp(
      () => {},
      async (one) => one,
    );
    await withClient(port, {}, async (client) => {
      await expect(client.query(ZONE, "SOA")).rejects.toThrow(`cannot connect to 127.0.0.1 port ${port}`);
      const server = createServer((socket) => {
        socket.on("data", (bytes: Buffer) => socket.write(frame(answerTo(bytes.subarray(2), "S"))));
        socket.unref();
      });
      await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
      expect((await client.query(ZONE, "SOA")).answer).toHaveLength(1);
      server.close();
    });
  });
});

describe("the size of a message", () => {
  const none = { bytes: Buffer.alloc(0), count: 0 };
  const send = (size: number) => async (client: DnsClient) =>
    (await client.send(ZONE, [{ prerequisites: none, updates: { bytes: Buffer.alloc(size), count: 0 } }]))
      .rcode;
  const question = () =>
    answerTo(encodeMessage({ id: 0, opcode: 0, question: [{ name: ZONE, type: 6 }] }), "");

  it("has a limit", async () => {
    const received: number[] = [];
    let bytes = 0;
    const respond = (chunk: Buffer, socket: Socket) => {
      // The length of the first frame was cut off.
      bytes += chunk.length + (bytes === 0 ? 0 : 2);
      if (bytes < MAX_UPDATE + 30) return;
      received.push(bytes);
      bytes = 0;
      socket.end();
    };
    const result = withTcp(respond, (port) => withClient(port, {}, send(MAX_UPDATE)));
    await expect(result).rejects.toThrow("closed the connection");
    expect(received).toEqual([MAX_UPDATE + 30]);
    await expect(withClient(1, {}, send(MAX_UPDATE + 1))).rejects.toThrow("does not fit into one message");
  });

  it.each([
    [512, "udp"],
    [513, "tcp"],
  ])("of %d bytes decides for %s", async (size, expected) => {
    const seen: string[] = [];
    const reply = (asked: Buffer) => {
      const bytes = question();
      bytes.writeUInt16BE(asked.readUInt16BE(0), 0);
      bytes.writeUInt16BE(0x8400 | (OPCODE.UPDATE << 11), 2);
      return bytes;
    };
    const respond = (asked: Buffer, socket: Socket) => {
      seen.push("tcp");
      socket.write(frame(reply(asked)));
    };
    await withTcp(respond, async (port) => {
      const server = createSocket("udp4");
      await new Promise<void>((resolve) => server.bind(port, "127.0.0.1", resolve));
      server.on("message", (asked, peer) => {
        seen.push("udp");
        server.send(reply(asked), peer.port, peer.address);
      });
      try {
        // The header, the name of the zone, its type and its class have 30 bytes.
        expect(await withClient(port, { transport: "udp" }, send(size - 30))).toBe("NOERROR");
      } finally {
        server.close();
      }
    });
    expect(seen).toEqual([expected]);
  });
});
