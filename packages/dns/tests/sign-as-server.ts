import { createHmac } from "node:crypto";
import { decodeMessage } from "../src/client/message.ts";

/** Signs an answer by hmac-sha256 as RFC 8945 says, without the code that is tested. */
export function signAsServer(
  message: Buffer,
  asked: Buffer,
  key: { name: string; secret: string },
  time = Math.floor(new Date().getTime() / 1000),
): Buffer {
  const name = (...labels: string[]) =>
    Buffer.concat([
      ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
      Buffer.of(0),
    ]);
  const u16 = (value: number) => Buffer.of(value >> 8, value & 255);
  const algorithm = name("hmac-sha256");
  const timers = Buffer.alloc(8);
  timers.writeUIntBE(time, 0, 6);
  timers.writeUInt16BE(300, 6);
  // The request's own: after its algorithm, time and fudge, with its length.
  const data = decodeMessage(asked).last!.data;
  const requestMac = data.subarray(algorithm.length + 8, algorithm.length + 10 + 32);
  const mac = createHmac("sha256", Buffer.from(key.secret, "base64"))
    .update(requestMac)
    .update(message)
    .update(Buffer.concat([name(key.name), u16(255), Buffer.alloc(4), algorithm, timers, u16(0), u16(0)]))
    .digest();
  const rdata = Buffer.concat([
    algorithm,
    timers,
    u16(mac.length),
    mac,
    message.subarray(0, 2),
    u16(0),
    u16(0),
  ]);
  const record = Buffer.concat([
    name(key.name),
    u16(250),
    u16(255),
    Buffer.alloc(4),
    u16(rdata.length),
    rdata,
  ]);
  const signed = Buffer.concat([message, record]);
  signed.writeUInt16BE(signed.readUInt16BE(10) + 1, 10);
  return signed;
}
