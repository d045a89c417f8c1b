import { createHmac, timingSafeEqual } from "node:crypto";
import { DnsError, mayPass } from "./dns-error.ts";
import type { Response } from "./message.ts";
import { parseName, type Name } from "./name.ts";
import { TYPE } from "./rr-types.ts";
import { wallClockSeconds } from "./wall-clock.ts";
import { Reader, Writer } from "./wire.ts";

export interface TsigKey {
  name: Name;
  algorithm: TsigAlgorithm;
  secret: Buffer;
}

export type TsigAlgorithm = keyof typeof ALGORITHMS;

const ALGORITHMS = {
  "hmac-md5": "hmac-md5.sig-alg.reg.int.",
  "hmac-sha1": "hmac-sha1.",
  "hmac-sha224": "hmac-sha224.",
  "hmac-sha256": "hmac-sha256.",
  "hmac-sha384": "hmac-sha384.",
  "hmac-sha512": "hmac-sha512.",
};

export const TSIG_ALGORITHMS = Object.keys(ALGORITHMS) as TsigAlgorithm[];

const FUDGE_SECONDS = 300;
const CLASS_ANY = 255;
/** How many unsigned messages a transfer may have between two signed ones (RFC 8945, 5.3.1). */
const MAX_UNSIGNED = 99;
const ERRORS: Record<number, string> = {
  16: "the signature does not verify there: the secret or the algorithm is another (BADSIG)",
  17: "the key is unknown there (BADKEY)",
  18: "its clock differs too much from ours (BADTIME)",
  22: "it does not accept the length of the signature (BADTRUNC)",
};

interface Signature {
  algorithm: Name;
  time: number;
  fudge: number;
  mac: Buffer;
  originalId: number;
  error: number;
  other: Buffer;
}

/** Signs one message and verifies the answer to it, of one message or, for a transfer, of many. */
export class TsigSession {
  readonly #key: TsigKey;
  readonly #now: () => number;
  #mac: Buffer = Buffer.alloc(0);
  /** Messages since the last signed one. */
  #unsigned: Buffer[] = [];
  #isFirst = true;

  constructor(key: TsigKey, now: () => number = () => Math.floor(wallClockSeconds())) {
    this.#key = key;
    this.#now = now;
  }

  /** Returns the message with its signature. */
  sign(message: Buffer): Buffer {
    const signature = {
      algorithm: ALGORITHMS[this.#key.algorithm],
      time: this.#now(),
      fudge: FUDGE_SECONDS,
      originalId: message.readUInt16BE(0),
      error: 0,
      other: Buffer.alloc(0),
    };
    this.#mac = this.#digest([message, variables(this.#key.name, signature)]);
    return appendSignature(message, this.#key.name, { ...signature, mac: this.#mac });
  }

  /**
   * Verifies the next message of the answer. In a transfer, messages after the first may be unsigned; what they say
   * holds once a later one is signed: `isVerified` tells.
   */
  verify(bytes: Buffer, response: Response): { isVerified: boolean } {
    const { last } = response;
    if (last?.type !== TYPE.TSIG) return this.#passUnsigned(bytes, response);
    const signature = readSignature(last.data);
    if (last.name !== this.#key.name || signature.algorithm !== ALGORITHMS[this.#key.algorithm]) {
      throw new DnsError("the answer is signed with another key or algorithm");
    }
    // Errors about the signature come unsigned or, from some servers, with one that does not verify.
    if (signature.error !== 0) throw this.#describe(signature);
    if (!this.#matches(bytes, last.position, signature)) {
      throw new DnsError("the signature of the answer does not verify");
    }
    if (Math.abs(this.#now() - signature.time) > signature.fudge)
      throw skewError(signature.time - this.#now());
    this.#mac = signature.mac;
    this.#unsigned = [];
    this.#isFirst = false;
    return { isVerified: true };
  }

  #passUnsigned(bytes: Buffer, response: Response): { isVerified: boolean } {
    if (response.rcode !== "NOERROR") {
      throw new DnsError(`the server answered ${response.rcode}, unsigned`, {
        rcode: response.rcode,
        isTransient: mayPass(response.rcode),
      });
    }
    if (this.#isFirst) throw new DnsError("the answer is not signed");
    this.#unsigned.push(bytes);
    if (this.#unsigned.length > MAX_UNSIGNED)
      throw new DnsError("too many messages of the answer are not signed");
    return { isVerified: false };
  }

  #matches(bytes: Buffer, position: number, signature: Signature): boolean {
    const message = Buffer.from(bytes.subarray(0, position));
    message.writeUInt16BE(signature.originalId, 0);
    message.writeUInt16BE(message.readUInt16BE(10) - 1, 10);
    const timers = this.#isFirst ? variables(this.#key.name, signature) : timersOf(signature);
    const expected = this.#digest([sized(this.#mac), ...this.#unsigned, message, timers]);
    return expected.length === signature.mac.length && timingSafeEqual(expected, signature.mac);
  }

  #digest(parts: readonly Buffer[]): Buffer {
    const hmac = createHmac(this.#key.algorithm.slice("hmac-".length), this.#key.secret);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  }

  #describe({ error, other }: Signature): DnsError {
    if (error === 18 && other.length === 6) return skewError(other.readUIntBE(0, 6) - this.#now());
    return new DnsError(`the server refused the TSIG signature: ${ERRORS[error] ?? `error ${error}`}`);
  }
}

function skewError(seconds: number): DnsError {
  const direction = seconds < 0 ? "behind" : "ahead of";
  return new DnsError(
    `the clock of the server is ${Math.abs(seconds)} s ${direction} ours: TSIG allows ${FUDGE_SECONDS} s (BADTIME)`,
  );
}

type Variables = Omit<Signature, "mac" | "originalId">;

function variables(key: Name, { algorithm, error, other, ...timers }: Variables): Buffer {
  const writer = new Writer(128);
  writer.name(key);
  writer.u16(CLASS_ANY);
  writer.u32(0);
  writer.name(algorithm);
  writer.bytes(timersOf(timers));
  writer.u16(error);
  writer.sized(() => writer.bytes(other));
  return writer.finish();
}

function timersOf({ time, fudge }: Pick<Signature, "time" | "fudge">): Buffer {
  const writer = new Writer(8);
  writer.u48(time);
  writer.u16(fudge);
  return writer.finish();
}

function sized(bytes: Buffer): Buffer {
  const writer = new Writer(bytes.length + 2);
  writer.sized(() => writer.bytes(bytes));
  return writer.finish();
}

function appendSignature(message: Buffer, key: Name, signature: Signature): Buffer {
  const writer = new Writer(message.length + 256);
  writer.bytes(message);
  writer.name(key);
  writer.u16(TYPE.TSIG);
  writer.u16(CLASS_ANY);
  writer.u32(0);
  writer.sized(() => {
    writer.name(signature.algorithm);
    writer.bytes(timersOf(signature));
    writer.sized(() => writer.bytes(signature.mac));
    writer.u16(signature.originalId);
    writer.u16(signature.error);
    writer.sized(() => writer.bytes(signature.other));
  });
  const signed = writer.finish();
  signed.writeUInt16BE(signed.readUInt16BE(10) + 1, 10);
  return signed;
}

function readSignature(data: Buffer): Signature {
  const reader = new Reader(data);
  const signature = {
    algorithm: reader.name(),
    time: reader.u48(),
    fudge: reader.u16(),
    mac: reader.bytes(reader.u16()),
    originalId: reader.u16(),
    error: reader.u16(),
    other: reader.bytes(reader.u16()),
  };
  if (!reader.isAtEnd) throw new DnsError("the TSIG record is too long");
  return signature;
}

export function parseTsigKey(name: string, algorithm: TsigAlgorithm, secret: string): TsigKey {
  const bytes = Buffer.from(secret.trim(), "base64");
  if (bytes.length === 0 || bytes.toString("base64") !== secret.trim()) {
    throw new DnsError("the TSIG secret is not base64");
  }
  return { name: parseName(name), algorithm, secret: bytes };
}
