import { randomInt } from "node:crypto";
import type { Connection } from "./connection.ts";
import { DnsError } from "./dns-error.ts";
import {
  CLASS,
  decodeMessage,
  encodeMessage,
  isAtMost,
  type Message,
  OPCODE,
  type ResourceRecord,
  type Response,
} from "./message.ts";
import type { Name } from "./name.ts";
import { TYPE, typeNumber } from "./rr-types.ts";
import { connect, exchangeDatagram, type ServerAddress } from "./transport.ts";
import { type TsigKey, TsigSession } from "./tsig.ts";

export interface ClientOptions extends ServerAddress {
  tsig?: TsigKey | undefined;
  /** For one exchange; a transfer may take as long between two of its messages. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export interface Update {
  prerequisites: ResourceRecord[];
  updates: ResourceRecord[];
}

/** A message that a datagram carries everywhere. */
const MAX_DATAGRAM = 512;
const MAX_MESSAGE = 0xffff;
/** What a signature adds at most. */
const SIGNATURE_SIZE = 600;
/** What an update may take. */
export const MAX_UPDATE = MAX_MESSAGE - SIGNATURE_SIZE;

/** Speaks with one server; connections are opened when needed and used again. */
export class DnsClient {
  readonly options: ClientOptions;
  #connection: Promise<Connection> | undefined;

  constructor(options: ClientOptions) {
    this.options = options;
  }

  /** Asks for one type of a name, without recursion. */
  query(name: Name, type: string): Promise<Response> {
    const number = typeNumber(type);
    if (number === undefined) throw new DnsError(`unknown type ${type}`);
    return this.#ask({ id: 0, opcode: OPCODE.QUERY, question: [{ name, type: number }] }, { edns: true });
  }

  /** Sends an UPDATE (RFC 2136); any answer that can be trusted is returned, errors too. */
  update(zone: Name, update: Update): Promise<Response> {
    return this.#ask(updateMessage(zone, update));
  }

  /** Whether an update fits into one message. */
  fits(zone: Name, update: Update): boolean {
    return isAtMost(updateMessage(zone, update), MAX_UPDATE);
  }

  /** The whole zone (RFC 5936), without the SOA at its end; signed, when there is a key, up to its last message. */
  async transfer(zone: Name): Promise<ResourceRecord[]> {
    const message: Message = { id: 0, opcode: OPCODE.QUERY, question: [{ name: zone, type: TYPE.AXFR }] };
    const records: ResourceRecord[] = [];
    let isComplete = false;
    await this.#exchangeStream(message, {}, (response, isVerified) => {
      requireAnswer(response, `the transfer of ${zone}`);
      if (isComplete) throw new DnsError("the transfer has records after its end");
      for (const record of response.answer) {
        if (isComplete) throw new DnsError("the transfer has records after its end");
        if (records.length === 0 && record.type !== "SOA")
          throw new DnsError("the transfer does not begin with SOA");
        isComplete = records.length > 0 && record.type === "SOA";
        if (!isComplete) records.push(record);
      }
      if (isComplete && !isVerified) throw new DnsError("the last message of the transfer is not signed");
      return isComplete;
    });
    return records;
  }

  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    connection?.close();
    this.#connection = undefined;
  }

  async #ask(message: Message, { edns = false } = {}): Promise<Response> {
    if (this.options.transport === "udp") {
      const response = await this.#askByDatagram(message, edns);
      if (response !== undefined) return response;
    }
    let response: Response | undefined;
    await this.#exchangeStream(message, { edns }, (received) => {
      response = received;
      return true;
    });
    return response!;
  }

  /** `undefined` when it takes TCP. */
  async #askByDatagram(message: Message, edns: boolean): Promise<Response | undefined> {
    const { bytes, question, verify } = this.#prepare({ ...message, id: randomInt(0x10000) }, edns);
    if (bytes.length > MAX_DATAGRAM) return undefined;
    let response: Response | undefined;
    await exchangeDatagram(
      this.options,
      bytes,
      (received) => {
        // What is not our answer may be forged: the real one may still come.
        const decoded = decodeIfOurs(received, bytes, question);
        if (decoded === undefined) return false;
        if (!decoded.isTruncated) verify(received, decoded);
        response = decoded;
        return true;
      },
      this.options,
    );
    return response?.isTruncated === true ? undefined : response;
  }

  async #exchangeStream(
    message: Message,
    { edns = false },
    receive: (response: Response, isVerified: boolean) => boolean,
  ): Promise<void> {
    const { timeoutMs, signal } = this.options;
    const connection = await this.#connect();
    const prepared = this.#prepare({ ...message, id: freeId(connection) }, edns);
    const timeout = new DnsError(`no answer from ${this.where} within ${timeoutMs / 1000} s`, {
      isTransient: true,
    });
    const abort = () => connection.close(new DnsError("interrupted", { cause: signal?.reason }));
    let timer = setTimeout(() => connection.close(timeout), timeoutMs);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      await connection.exchange(prepared.bytes, (bytes) => {
        clearTimeout(timer);
        timer = setTimeout(() => connection.close(timeout), timeoutMs);
        const response = decodeMessage(bytes);
        checkOurs(response, prepared.question, message.opcode);
        return receive(response, prepared.verify(bytes, response));
      });
    } catch (error) {
      // What else may come on this connection has lost its meaning.
      connection.close();
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  get where(): string {
    return `${this.options.address} port ${this.options.port}`;
  }

  #prepare(message: Message, edns: boolean) {
    const plain = encodeMessage(message, { edns });
    if (plain.length + SIGNATURE_SIZE > MAX_MESSAGE) {
      throw new DnsError(`the message has ${plain.length} bytes, more than fit`);
    }
    const { tsig } = this.options;
    const session = tsig === undefined ? undefined : new TsigSession(tsig);
    const verify = (received: Buffer, response: Response) =>
      session?.verify(received, response).isVerified ?? true;
    return { bytes: session?.sign(plain) ?? plain, question: message.question[0]!, verify };
  }

  async #connect(): Promise<Connection> {
    const { signal, timeoutMs } = this.options;
    if (signal?.aborted === true) throw new DnsError("interrupted", { cause: signal.reason });
    this.#connection ??= connect(this.options, timeoutMs);
    const current = this.#connection;
    const connection = await current.catch((error: unknown) => {
      if (this.#connection === current) this.#connection = undefined;
      throw error;
    });
    if (connection.isOpen) return connection;
    if (this.#connection === current) this.#connection = undefined;
    return this.#connect();
  }
}

function updateMessage(zone: Name, { prerequisites, updates }: Update): Message {
  const question = [{ name: zone, type: TYPE.SOA }];
  return { id: 0, opcode: OPCODE.UPDATE, question, answer: prerequisites, authority: updates };
}

function freeId(connection: Connection): number {
  for (;;) {
    const id = randomInt(0x10000);
    if (connection.hasFree(id)) return id;
  }
}

type Question = Message["question"][number];

function decodeIfOurs(received: Buffer, sent: Buffer, question: Question): Response | undefined {
  if (received.length < 12 || received.readUInt16BE(0) !== sent.readUInt16BE(0)) return undefined;
  try {
    const response = decodeMessage(received);
    checkOurs(response, question, (sent.readUInt16BE(2) >> 11) & 15);
    return response;
  } catch {
    return undefined;
  }
}

/** A server may leave out the question of an error, and of later messages of a transfer. */
function checkOurs(response: Response, { name, type }: Question, opcode: number): void {
  if (!response.isResponse || response.opcode !== opcode)
    throw new DnsError("the message is no answer to ours");
  const [asked] = response.question;
  const mayLack = response.rcode !== "NOERROR" || type === TYPE.AXFR || opcode === OPCODE.UPDATE;
  if (asked === undefined ? mayLack : asked.name === name && asked.type === type && asked.class === CLASS.IN)
    return;
  throw new DnsError("the answer is to another question");
}

/** An error unless the server answered NOERROR. */
export function requireAnswer({ rcode }: Response, what: string): void {
  if (rcode === "NOERROR") return;
  throw new DnsError(`the server answered ${rcode} to ${what}`, { rcode, isTransient: rcode === "SERVFAIL" });
}
