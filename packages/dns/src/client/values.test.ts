import { describe, expect, it } from "@jest/globals";
import { DnsError, mayPass } from "./dns-error.ts";
import { escapeByte, isPrintable, readEscape } from "./escapes.ts";
import { parseAddress, parseBase64 } from "./fields.ts";
import { canonicalValue, decodeValue, encodeValue, typeName, typeNumber } from "./rr-types.ts";

const LOC_TAIL = "0.00m 1.00m 10000.00m 10.00m";
const north = (angle: string) => `${angle} N 0 0 0.000 E ${LOC_TAIL}`;
const a63 = "a".repeat(63);

describe("values that are taken, and how they are shown", () => {
  it.each<[string, string, string]>([
    ["A", "0.0.0.0", "0.0.0.0"],
    ["A", "255.254.253.252", "255.254.253.252"],
    ["A", "  192.0.2.1\t", "192.0.2.1"],
    ["AAAA", "::", "::"],
    ["AAAA", "::1", "::1"],
    ["AAAA", "1::", "1::"],
    ["AAAA", "2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["AAAA", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["AAAA", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["AAAA", "1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["AAAA", "::ffff:192.0.2.1", "::ffff:c000:201"],
    ["AAAA", "64:ff9b::0.0.0.1", "64:ff9b::1"],
    ["MX", "0 .", "0 ."],
    ["MX", "65535 Mail", "65535 mail.example.test."],
    [
      "SOA",
      "ns1 hostmaster 4294967295 0 1 2 3",
      "ns1.example.test. hostmaster.example.test. 4294967295 0 1 2 3",
    ],
    ["TXT", "plain text", '"plain text"'],
    ["TXT", '"a" "b"', '"a" "b"'],
    ["TXT", '"a"b', '"\\"a\\"b"'],
    ["TXT", '"say \\"hi\\""', '"say \\"hi\\""'],
    ["TXT", '"\\065\\010"', '"A\\010"'],
    ["TXT", '"\\# 4 none"', '"# 4 none"'],
    ["TXT", "\\# 2 0141", '"A"'],
    ["TXT", '""', '""'],
    ["TXT", "x".repeat(256), `"${"x".repeat(255)}" "x"`],
    ["CAA", "255 issue letsencrypt.org", '255 issue "letsencrypt.org"'],
    ["SSHFP", "4 2 AB cd", "4 2 abcd"],
    ["DS", "1 13 2 00ff", "1 13 2 00ff"],
    ["NAPTR", '1 2 "s" "" "" .', '1 2 "s" "" "" .'],
    ["TYPE65280", "\\# 0", "\\# 0"],
    ["TYPE65280", "\\# 3 AA bb0C", "\\# 3 aabb0c"],
    ["CNAME", `${a63}.${a63}.${a63}.${"b".repeat(61)}.`, `${a63}.${a63}.${a63}.${"b".repeat(61)}.`],
    ["CNAME", "a\\.b\\032c", "a\\.b\\032c.example.test."],
    ["LOC", "0 N 0 E 0", north("0 0 0.000")],
    ["LOC", "1 2 N 0 E 0m", north("1 2 0.000")],
    ["LOC", "0 59 59.999 N 0 E 0", north("0 59 59.999")],
    ["LOC", "90 N 0 E 0", north("90 0 0.000")],
    ["LOC", "0 0 0.001 S 180 W 0", `0 0 0.001 S 180 0 0.000 W ${LOC_TAIL}`],
    ["LOC", "0 N 0 E -100000", "0 0 0.000 N 0 0 0.000 E -100000.00m 1.00m 10000.00m 10.00m"],
    ["LOC", "0 N 0 E 42849672.95m", "0 0 0.000 N 0 0 0.000 E 42849672.95m 1.00m 10000.00m 10.00m"],
    ["LOC", "0 N 0 E 0 0 90000000 20", "0 0 0.000 N 0 0 0.000 E 0.00m 0.00m 90000000.00m 20.00m"],
    ["LOC", "0 N 0 E 0 0.01", "0 0 0.000 N 0 0 0.000 E 0.00m 0.01m 10000.00m 10.00m"],
    ["SVCB", "0 .", "0 ."],
    ["SVCB", "1 . port=65535 key667=x key65534", "1 . port=65535 key667=x key65534"],
    ["SVCB", "1 . port=0 mandatory=port", "1 . mandatory=port port=0"],
    ["SVCB", "1 . mandatory=ipv4hint,port,alpn", "1 . mandatory=alpn,port,ipv4hint"],
    ["SVCB", "1 . no-default-alpn alpn=h2 ohttp", "1 . alpn=h2 no-default-alpn ohttp"],
    ["SVCB", '1 . alpn="a\\\\,b,c"', "1 . alpn=a\\\\,b,c"],
    ["SVCB", '1 . key7="with space"', '1 . dohpath="with space"'],
    [
      "SVCB",
      "1 . ech=AAEC ipv6hint=::1,::2 ipv4hint=192.0.2.1",
      "1 . ipv4hint=192.0.2.1 ech=AAEC ipv6hint=::1,::2",
    ],
  ])("%s %s", (type, value, shown) => {
    expect(canonicalValue(type, value, "example.test.")).toBe(shown);
    expect(canonicalValue(type, shown)).toBe(shown);
  });
});

describe("values that are refused, and why", () => {
  it.each<[string, string, RegExp]>([
    ["A", "", /the IPv4 address is missing/],
    ["A", "192.0.2", /"192\.0\.2" is not an IPv4 address/],
    ["A", "::1", /not an IPv4 address/],
    ["A", "192.0.2.1 192.0.2.2", /unexpected "192\.0\.2\.2" at the end/],
    ["AAAA", "192.0.2.1", /not an IPv6 address/],
    ["AAAA", "fe80::1%eth0", /"fe80::1%eth0" is not an IPv6 address/],
    ["MX", "65536 mail.", /the preference must be a number from 0 to 65535, is "65536"/],
    ["MX", "-1 mail.", /must be a number/],
    ["MX", "1x mail.", /must be a number/],
    ["MX", "0x10 mail.", /must be a number/],
    ["MX", "10", /the mail server is missing/],
    ["SOA", "a. b. 4294967296 0 0 0 0", /the serial must be a number from 0 to 4294967295/],
    ["SSHFP", "256 1 00", /the algorithm must be a number from 0 to 255/],
    ["SSHFP", "1 1 abc", /the fingerprint must be bytes in hexadecimal/],
    ["SSHFP", "1 1 xyz0", /in hexadecimal/],
    ["SSHFP", "1 1", /in hexadecimal/],
    ["CAA", "0 is-sue x", /the tag must be letters and digits/],
    ["CAA", '0 "" x', /the tag must be letters and digits/],
    ["NAPTR", `1 2 ${"x".repeat(256)} "" "" .`, /a string has 256 bytes: 255 are allowed/],
    ["NAPTR", '1 2 "s', /a quote is not closed/],
    ["NAPTR", "1 2 \\256 s s .", /\\256 is no byte/],
    ["NAPTR", "1 2 s\\", /a backslash must be followed/],
    ["NAPTR", "1 2 s\\é", /a backslash must be followed/],
    ["TYPE65280", "text", /must be of the form/],
    ["TYPE65280", "\\# 2 00", /the data has 1 bytes, not 2/],
    ["TYPE65280", "\\# 1 0", /the data must be bytes in hexadecimal/],
    ["TYPE65280", "\\#", /the length is missing/],
    ["A", "\\# 5 0000000000", /the data of A is too long/],
    ["A", "\\# 3 000000", /ends too early/],
    ["CNAME", `${"a".repeat(64)}.`, /a label has 64 bytes: 63 are allowed/],
    ["CNAME", `${a63}.${a63}.${a63}.${"b".repeat(62)}.`, /the name has 256 bytes: 255 are allowed/],
    ["LOC", "N 0 E 0", /the latitude is out of range/],
    ["LOC", "90 0 0.001 N 0 E 0", /the latitude is out of range/],
    ["LOC", "0 N 180 0 0.001 E 0", /the longitude is out of range/],
    ["LOC", "0 60 N 0 E 0", /the latitude is out of range/],
    ["LOC", "0 0 60 N 0 E 0", /the latitude is out of range/],
    ["LOC", "0.5 0 0 N 0 E 0", /the latitude is out of range/],
    ["LOC", "0 0.5 0 N 0 E 0", /the latitude is out of range/],
    ["LOC", "0 0 0 0 N 0 E 0", /degrees, minutes, seconds and N or S/],
    ["LOC", "x N 0 E 0", /degrees, minutes, seconds and N or S/],
    ["LOC", "0 E 0 E 0", /degrees, minutes, seconds and N or S/],
    ["LOC", "0 N 0 E -100000.01", /the altitude is out of range/],
    ["LOC", "0 N 0 E 42849672.96", /the altitude is out of range/],
    ["LOC", "0 N 0 E 1km", /the altitude must be metres, is "1km"/],
    ["LOC", "0 N 0 E 0 1 2 3 4", /unexpected text after the vertical precision/],
    ["LOC", "0 N 0 E 0 -1", /a size or precision is out of range/],
    ["LOC", "0 N 0 E 0 90000000.01", /a size or precision is out of range/],
    ["SVCB", "1 . port=65536", /port must be from 0 to 65535/],
    ["SVCB", "1 . port=x", /port must be from 0 to 65535/],
    ["SVCB", "1 . port", /port needs a value/],
    ["SVCB", "1 . ohttp=1", /takes no value/],
    ["SVCB", "1 . alpn=a,,b", /alpn has an empty name/],
    ["SVCB", "1 . mandatory=port,port", /mandatory names a key twice/],
    ["SVCB", "1 . port=1 port=2", /the parameter port is there twice/],
    ["SVCB", "1 . key65535=x", /unknown parameter "key65535"/],
    ["SVCB", "1 . nonsense=x", /unknown parameter "nonsense"/],
    ["SVCB", "1 . ech=!", /ech must be base64/],
  ])("%s %s", (type, value, message) => {
    expect(() => encodeValue(type, value, "example.test.")).toThrow(message);
    expect(() => encodeValue(type, value, "example.test.")).toThrow(DnsError);
  });

  it.each<[string, string, RegExp]>([
    ["LOC", `01${"00".repeat(15)}`, /unknown version/],
    ["LOC", `00a0${"00".repeat(14)}`, /invalid size/],
    ["LOC", `000a${"00".repeat(14)}`, /invalid size/],
    ["SSHFP", "0101", /the fingerprint is empty/],
    ["SVCB", "00010000030003000001", /the parameter port is too long/],
    ["A", "0102030405", /too long/],
  ])("as data of %s: %s", (type, hex, message) => {
    expect(() => decodeValue(type, Buffer.from(hex, "hex"))).toThrow(message);
  });

  it("takes the largest size of LOC", () => {
    expect(decodeValue("LOC", Buffer.from(`00999999${"80000000".repeat(2)}00989680`, "hex"))).toBe(
      "0 0 0.000 N 0 0 0.000 E 0.00m 90000000.00m 90000000.00m 90000000.00m",
    );
  });
});

describe("types", () => {
  it.each<[string, number | undefined]>([
    ["A", 1],
    ["TYPE1", 1],
    ["TYPE65535", 65535],
    ["TYPE65536", undefined],
    ["TYPE0", undefined],
    ["TYPE41", undefined],
    ["TYPE127", 127],
    ["TYPE128", undefined],
    ["TYPE255", undefined],
    ["TYPE256", 256],
    ["toString", undefined],
    ["a", undefined],
  ])("%s is %s", (type, number) => {
    expect(typeNumber(type)).toBe(number);
  });

  it("have their mnemonics, or numbers", () => {
    expect([typeName(28), typeName(65280)]).toEqual(["AAAA", "TYPE65280"]);
  });
});

describe("escape sequences", () => {
  it.each<[string, number, number]>([
    ["\\000", 0, 4],
    ["\\255", 255, 4],
    ["\\12", 0x31, 2],
    ["\\\x7f", 0x7f, 2],
    ["\\.", 0x2e, 2],
  ])("%j", (text, byte, length) => {
    expect(readEscape(text, 0)).toEqual({ byte, length });
  });

  it.each(["\\256", "\\", "\\\x80"])("%j is refused", (text) => {
    expect(() => readEscape(text, 0)).toThrow(DnsError);
  });

  it("are written for what is not printable", () => {
    expect([0x20, 0x21, 0x7e, 0x7f].map(isPrintable)).toEqual([false, true, true, false]);
    expect(escapeByte(7)).toBe("\\007");
  });
});

describe("what else is read", () => {
  it("addresses of both kinds", () => {
    expect([...parseAddress("192.0.2.1")]).toEqual([192, 0, 2, 1]);
    expect(parseAddress("::1")).toHaveLength(16);
  });

  it.each(["", "AAE", "AA==x", "A A=", "AAEC\n"])("no base64: %j", (text) => {
    expect(() => parseBase64(text, "it")).toThrow("it must be base64");
  });

  it("base64", () => {
    expect([...parseBase64("AAEC", "it")]).toEqual([0, 1, 2]);
  });

  it.each([
    ["SERVFAIL", true],
    ["REFUSED", true],
    ["NXDOMAIN", false],
    ["NOERROR", false],
  ])("%s may pass: %s", (rcode, passes) => {
    expect(mayPass(rcode)).toBe(passes);
  });
});
