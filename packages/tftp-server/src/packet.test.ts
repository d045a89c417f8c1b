import { describe, expect, it } from "@jest/globals";
import { decodePacket, encodeData, encodeError, encodeOptionsAck } from "./packet.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");

describe("decodePacket", () => {
  it("reads a request with options, in the spelling of the client", () => {
    expect(decodePacket(bytes("\0\x01boot/ipxe.efi\0OCTET\0BlkSize\x001432\0tsize\x000\0"))).toEqual({
      kind: "read",
      filename: "boot/ipxe.efi",
      mode: "octet",
      options: [
        { name: "BlkSize", value: "1432" },
        { name: "tsize", value: "0" },
      ],
    });
  });

  it("reads a request that is padded with zero bytes", () => {
    expect(decodePacket(bytes("\0\x02a\0netascii\0\0\0\0\0"))).toEqual({
      kind: "write",
      filename: "a",
      mode: "netascii",
      options: [],
    });
  });

  it.each([
    ["nothing", ""],
    ["an opcode alone", "\0\x01"],
    ["opcode 0", "\0\0a\0octet\0"],
    ["opcode 7", "\0\x07a\0octet\0"],
    ["opcode 0x0101", "\x01\x01a\0octet\0"],
    ["no mode", "\0\x01abc\0"],
    ["an empty name", "\0\x01\0octet\0"],
    ["an unfinished mode", "\0\x01a\0octet"],
    ["an option without a value", "\0\x01a\0octet\0tsize\0"],
    ["an unfinished value", "\0\x01a\0octet\0tsize\x000"],
    ["a short ACK", "\0\x04\0"],
  ])("refuses %s", (_what, text) => {
    expect(decodePacket(bytes(text))).toBeUndefined();
  });

  it("reads ACK, ERROR, DATA and OACK", () => {
    expect(decodePacket(bytes("\0\x04\xff\xfe"))).toEqual({ kind: "ack", block: 65534 });
    expect(decodePacket(bytes("\0\x05\0\x08User\x1b[2J\ngone\0x"))).toEqual({
      kind: "error",
      code: 8,
      message: "User?[2J?gone",
    });
    expect(decodePacket(bytes("\0\x05\0\0\0rest"))).toMatchObject({ code: 0, message: "" });
    expect(decodePacket(bytes("\0\x05\0\0no end"))).toMatchObject({ code: 0, message: "no end" });
    expect(decodePacket(bytes("\0\x03\0\x01abc"))).toEqual({ kind: "unexpected" });
    expect(decodePacket(bytes("\0\x06a\x001\0"))).toEqual({ kind: "unexpected" });
  });
});

describe("encoding", () => {
  it("lets block numbers roll over", () => {
    expect(encodeData(65535, bytes("wxy"), 1, 2)).toEqual(bytes("\0\x03\xff\xffx"));
    expect(encodeData(65536, bytes("x"), 0, 1)).toEqual(bytes("\0\x03\0\0x"));
    expect(encodeData(65537, bytes("x"), 0, 1)).toEqual(bytes("\0\x03\0\x01x"));
  });

  it("writes OACK and ERROR", () => {
    expect(encodeOptionsAck([{ name: "tsize", value: "5000000000" }])).toEqual(
      bytes("\0\x06tsize\x005000000000\0"),
    );
    expect(encodeError(1, "File not found")).toEqual(bytes("\0\x05\0\x01File not found\0"));
  });
});
