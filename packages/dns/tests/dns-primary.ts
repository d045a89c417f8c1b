import { createSocket } from "node:dgram";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { ZoneInputs } from "../src/common-fields.ts";
import { type ClientOptions, DnsClient } from "../src/client/client.ts";
import {
  CLASS,
  decodeMessage,
  encodeMessage,
  OPCODE,
  type ResourceRecord,
  type Response,
} from "../src/client/message.ts";
import { typeName } from "../src/client/rr-types.ts";
import { frame } from "./tcp-responder.ts";

/** A query, or an UPDATE; its records are in the form of {@link shown}. */
export interface DnsAsked {
  name: string;
  /** Of an UPDATE: `UPDATE`. */
  type: string;
  prerequisites: string[];
  updates: string[];
}

export interface DnsSaid {
  /** The number of the code. */
  rcode?: number;
  isAuthoritative?: boolean;
  /** Records as in a zone file: `www.example. 300 A 192.0.2.1`. */
  answer?: readonly string[];
  authority?: readonly string[];
  additional?: readonly string[];
}

const MNEMONICS: Record<number, string> = { 252: "AXFR", 255: "ANY" };
const CLASSES = new Map<number, string>(Object.entries(CLASS).map(([name, number]) => [number, name]));

/** Starts a server on loopback that answers as `respond` says, over TCP and UDP; without an answer the connection ends. */
export async function withPrimary<T>(
  respond: (asked: DnsAsked) => DnsSaid | undefined,
  use: (client: DnsClient, asked: DnsAsked[], port: number) => Promise<T>,
  more: Partial<ClientOptions> = {},
): Promise<T> {
  const all: DnsAsked[] = [];
  const answerTo = (bytes: Buffer): Buffer | undefined => {
    const message = decodeMessage(bytes);
    const asked = describe(message);
    all.push(asked);
    const said = respond(asked);
    return said && encode(message, said);
  };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let pending = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= pending.readUInt16BE(0) + 2) {
        const end = pending.readUInt16BE(0) + 2;
        const answer = answerTo(pending.subarray(2, end));
        pending = pending.subarray(end);
        if (answer === undefined) socket.end();
        else socket.write(frame(answer));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const datagrams = createSocket("udp4");
  datagrams.on("message", (bytes, peer) => {
    const answer = answerTo(bytes);
    if (answer !== undefined) datagrams.send(answer, peer.port, peer.address);
  });
  await new Promise<void>((resolve) => datagrams.bind(port, "127.0.0.1", resolve));
  const { signal } = new AbortController();
  const fixed = { address: "127.0.0.1", port, transport: "tcp" as const, timeoutMs: 5_000, signal };
  const client = new DnsClient({ ...fixed, ...more });
  try {
    return await use(client, all, port);
  } finally {
    await client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
    datagrams.close();
  }
}

function describe({ opcode, question, answer, authority }: Response): DnsAsked {
  const [{ name, type }] = question as [Response["question"][number]];
  return {
    name,
    type: opcode === OPCODE.UPDATE ? "UPDATE" : (MNEMONICS[type] ?? typeName(type)),
    prerequisites: answer.map(shown),
    updates: authority.map(shown),
  };
}

/** `IN www.example. 300 A 192.0.2.1`, `ANY www.example. 0 A`. */
function shown({ name, type, class: inClass, ttl, value }: ResourceRecord): string {
  const known = type === "TYPE255" ? "ANY" : type;
  return [CLASSES.get(inClass), name, ttl, known, ...(value === undefined ? [] : [value])].join(" ");
}

function encode({ id, opcode, question }: Response, said: DnsSaid): Buffer {
  const { rcode = 0, isAuthoritative = true, answer = [], authority = [], additional = [] } = said;
  const bytes = encodeMessage({
    id,
    opcode,
    question,
    answer: answer.map(read),
    authority: authority.map(read),
    additional: additional.map(read),
  });
  bytes.writeUInt16BE(0x8000 | (opcode << 11) | (isAuthoritative ? 0x0400 : 0) | rcode, 2);
  return bytes;
}

function read(line: string): ResourceRecord {
  const [name, ttl, type, ...value] = line.split(" ");
  return { name: name!, type: type!, class: CLASS.IN, ttl: Number(ttl), value: value.join(" ") };
}

/** Returns the inputs that `record_set` and `records` share, for the zone `example.test` of a primary on this port. */
export function zoneInputs(port: number): ZoneInputs {
  return {
    server: {
      rfc2136: { address: "127.0.0.1", port, transport: "tcp", tls: {}, transfer: true, timeoutSeconds: 5 },
    },
    zone: "example.test",
    require: [],
    onConflict: "refuse",
    marker: { enable: true, owner: "ours" },
    verify: {
      authoritative: true,
      nameServers: { "ns1.example.test": `127.0.0.1:${port}` },
      timeoutSeconds: 5,
    },
    checkTargets: true,
  };
}
