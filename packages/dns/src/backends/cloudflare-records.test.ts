import { describe, expect, it } from "@jest/globals";
import { fromContent, toContent } from "./cloudflare-records.ts";

/** As the reference of Cloudflare's API has them. */
const RECORDS: { type: string; value: string; record: Record<string, unknown> }[] = [
  { type: "A", value: "192.0.2.1", record: { content: "192.0.2.1" } },
  { type: "CNAME", value: "www.example.org.", record: { content: "www.example.org" } },
  { type: "MX", value: "10 mail.example.org.", record: { content: "mail.example.org", priority: 10 } },
  { type: "MX", value: "0 .", record: { content: ".", priority: 0 } },
  { type: "TXT", value: '"v=spf1 -all"', record: { content: '"v=spf1 -all"' } },
  {
    type: "CAA",
    value: '0 issue "ca.example.org; policy=ev"',
    record: { data: { flags: 0, tag: "issue", value: "ca.example.org; policy=ev" } },
  },
  {
    type: "SRV",
    value: "10 60 389 ldap.example.org.",
    record: { data: { priority: 10, weight: 60, port: 389, target: "ldap.example.org" } },
  },
  {
    type: "SSHFP",
    value: "4 2 abcd",
    record: { data: { algorithm: 4, type: 2, fingerprint: "abcd" } },
  },
  {
    type: "TLSA",
    value: "3 1 1 abcd",
    record: { data: { usage: 3, selector: 1, matching_type: 1, certificate: "abcd" } },
  },
  {
    type: "HTTPS",
    value: "1 . alpn=h3,h2 port=8443",
    record: { data: { priority: 1, target: ".", value: "alpn=h3,h2 port=8443" } },
  },
  {
    type: "NAPTR",
    value: '100 50 "s" "http+I2L" "" _http._tcp.example.org.',
    record: {
      data: {
        order: 100,
        preference: 50,
        flags: "s",
        service: "http+I2L",
        regex: "",
        replacement: "_http._tcp.example.org",
      },
    },
  },
  {
    type: "LOC",
    value: "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m",
    record: {
      data: {
        lat_degrees: 52,
        lat_minutes: 22,
        lat_seconds: 23,
        lat_direction: "N",
        long_degrees: 4,
        long_minutes: 53,
        long_seconds: 32,
        long_direction: "E",
        altitude: -2,
        size: 0,
        precision_horz: 10_000,
        precision_vert: 10,
      },
    },
  },
];

describe("records of Cloudflare's API", () => {
  it.each(RECORDS)("writes $type $value", ({ type, value, record }) => {
    expect(toContent(type, value)).toEqual(record);
  });

  it.each(RECORDS)("reads $type $value", ({ type, value, record }) => {
    // The content of a record with data is for people.
    expect(fromContent(type, { content: "as the dashboard shows it", ...record })).toBe(
      fromContent(type, toContent(type, value) as Record<string, unknown>),
    );
    expect(toContent(type, fromContent(type, record))).toEqual(record);
  });
});
