import { randomInt } from "node:crypto";
import type { DnsConnection } from "./dns-connection.ts";
import { DnsError, mayPass } from "./dns-error.ts";
import {
  CLASS,
  decodeMessage,
  encodeMessage,
  encodeUpdatePart,
  joinUpdate,
  type Message,
  OPCODE,
  type ResourceRecord,
  type Response,
  sizeOf,
  type UpdatePart,
} from "./message.ts";
import type { Name } from "./name.ts";
import { TYPE, typeNumber } from "./rr-types.ts";
import { connect, exchangeDatagram, type ServerAddress } from "./transport.ts";
import { type TsigKey, TsigSession } from "./tsig.ts";

export interface ClientOptions extends ServerAddress {
  tsig?: TsigKey | undefined;
  /** For one exchange; a transfer may take as long between two of its messages. */
  timeoutMs: number;
  signal: AbortSignal;
}

export interface Update {
  prerequisites: ResourceRecord[];
  updates: ResourceRecord[];
}

/** A message that a datagram carries everywhere. */
const MAX_DATAGRAM = 512;
/** How many bytes the parts of an UPDATE may have: a message without its header, zone and signature. */
export const MAX_UPDATE = 0xffff - 900;

/** Speaks with one server; connections are opened when needed and used again. */
export class DnsClient {
  readonly options: ClientOptions;
  #connection: Promise<DnsConnection> | undefined;

  constructor(options: ClientOptions) {
    this.options = options;
  }

  /** Asks for one type of a name, without recursion. */
  query(name: Name, type: string): Promise<Response> {
    const number = typeNumber(type);
    if (number === undefined) throw new DnsError(`unknown type ${type}`);
    return this.#ask(
      encode({ id: 0, opcode: OPCODE.QUERY, question: [{ name, type: number }] }, { edns: true }),
    );
  }

  /** Sends an UPDATE (RFC 2136); any answer that can be trusted is returned, errors too. */
  update(zone: Name, { prerequisites, updates }: Update): Promise<Response> {
    return this.send(zone, [encodeUpdatePart(zone, prerequisites, updates)]);
  }

  /** Sends an UPDATE whose parts are encoded already. */
  async send(zone: Name, parts: readonly UpdatePart[]): Promise<Response> {
    const size = parts.reduce((sum, part) => sum + sizeOf(part), 0);
    if (size > MAX_UPDATE) throw new DnsError(`the update of ${zone} does not fit into one message`);
    const question = { name: zone, type: TYPE.SOA };
    return this.#ask({ bytes: joinUpdate(zone, parts), opcode: OPCODE.UPDATE, question });
  }

  /** The whole zone (RFC 5936), without the SOA at its end; signed, when there is a key, up to its last message. */
  async transfer(zone: Name): Promise<ResourceRecord[]> {
    const message = encode({ id: 0, opcode: OPCODE.QUERY, question: [{ name: zone, type: TYPE.AXFR }] });
    const records: ResourceRecord[] = [];
    let isComplete = false;
    await this.#exchangeStream(message, (response, isVerified) => {
      requireAnswer(response, `the transfer of ${zone}`);
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

  async #ask(message: EncodedMessage): Promise<Response> {
    if (this.options.transport === "udp") {
      const response = await this.#askByDatagram(message);
      if (response !== undefined) return response;
    }
    let response: Response | undefined;
    await this.#exchangeStream(message, (received) => {
      response = received;
      return true;
    });
    return response!;
  }

  /** `undefined` when it takes TCP. */
  async #askByDatagram(message: EncodedMessage): Promise<Response | undefined> {
    const { bytes, verify } = this.#prepare(message, randomInt(0x10000));
    if (bytes.length > MAX_DATAGRAM) return undefined;
    let response: Response | undefined;
    await exchangeDatagram(
      this.options,
      bytes,
      (received) => {
        // What is not our answer may be forged: the real one may still come.
        const decoded = decodeIfOurs(received, bytes, message);
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
    message: EncodedMessage,
    receive: (response: Response, isVerified: boolean) => boolean,
  ): Promise<void> {
    const { timeoutMs } = this.options;
    const connection = await this.#connect();
    const prepared = this.#prepare(message, freeId(connection));
    const timeout = new DnsError(`no answer from ${this.where} within ${timeoutMs / 1000} s`, {
      isTransient: true,
    });
    let timer = setTimeout(() => connection.close(timeout), timeoutMs);
    try {
      await connection.exchange(prepared.bytes, (bytes) => {
        clearTimeout(timer);
        timer = setTimeout(() => connection.close(timeout), timeoutMs);
        const response = decodeMessage(bytes);
        checkOurs(response, message);
        return receive(response, prepared.verify(bytes, response));
      });
    } catch (error) {
      // What else may come on this connection has lost its meaning: others that wait fail for the same reason.
      connection.close(error instanceof DnsError ? error : undefined);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get where(): string {
    return `${this.options.address} port ${this.options.port}`;
  }

  #prepare(message: EncodedMessage, id: number) {
    const plain = Buffer.from(message.bytes);
    plain.writeUInt16BE(id, 0);
    const { tsig } = this.options;
    const session = tsig === undefined ? undefined : new TsigSession(tsig);
    const verify = (received: Buffer, response: Response) =>
      session?.verify(received, response).isVerified ?? true;
    return { bytes: session?.sign(plain) ?? plain, verify };
  }

  async #open(): Promise<DnsConnection> {
    const { signal } = this.options;
    const connection = await connect(this.options, this.options);
    const abort = () => connection.close(new DnsError("interrupted", { cause: signal.reason }));
    signal.addEventListener("abort", abort, { once: true });
    void connection.closed.then(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) abort();
    return connection;
  }

  async #connect(): Promise<DnsConnection> {
    const { signal } = this.options;
    if (signal.aborted) throw new DnsError("interrupted", { cause: signal.reason });
    this.#connection ??= this.#open();
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

/** A message without an id and a signature. */
interface EncodedMessage {
  bytes: Buffer;
  opcode: number;
  question: Question;
}

function encode(message: Message, options?: { edns: boolean }): EncodedMessage {
  const [question] = message.question;
  return { bytes: encodeMessage(message, options), opcode: message.opcode, question: question! };
}

function freeId(connection: DnsConnection): number {
  for (;;) {
    const id = randomInt(0x10000);
    if (connection.hasFree(id)) return id;
  }
}

type Question = Message["question"][number];

function decodeIfOurs(received: Buffer, sent: Buffer, message: EncodedMessage): Response | undefined {
  if (received.length < 12 || received.readUInt16BE(0) !== sent.readUInt16BE(0)) return undefined;
  try {
    const response = decodeMessage(received);
    checkOurs(response, message);
    return response;
  } catch {
    return undefined;
  }
}

/** A server may leave out the question of an error, and of later messages of a transfer. */
function checkOurs(response: Response, { question, opcode }: EncodedMessage): void {
  const { name, type } = question;
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
  throw new DnsError(`the server answered ${rcode} to ${what}`, { rcode, isTransient: mayPass(rcode) });
}
