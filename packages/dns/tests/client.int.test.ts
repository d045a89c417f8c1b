import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { builtProvider, ProviderProcess } from "@nixops4-providers/e2e";
import {
  type DnsServer,
  findProgram,
  startKnot,
  startNamed,
  startPowerDns,
  TcpProxy,
} from "@nixops4-providers/test-servers";
import type { DnsClient } from "../src/client/client.ts";
import { CLASS, type ResourceRecord } from "../src/client/message.ts";
import { parseName } from "../src/client/name.ts";
import { canonicalValue } from "../src/client/rr-types.ts";
import { TSIG_ALGORITHMS } from "../src/client/tsig.ts";
import { client, dig, dnsServersAvailable, KEYS, nsupdate, SECRET, temporaryFolder, ZONE } from "./lab.ts";
import { VALUES } from "./values.ts";

const suite = dnsServersAvailable ? describe : describe.skip;
const zones = [
  { name: "example.test" },
  { name: "closed.test", allowTransfer: false },
  { name: "small.test", records: "@ NS ns1\nns1 A 127.0.0.1\nhost TXT text\n" },
];

/** How many messages `dig` counts in a signed transfer. */
async function messagesOfTransfer({ address, port }: DnsServer, zone: string): Promise<number> {
  const key = `hmac-sha256:hmac-sha256:${SECRET}`;
  const args = ["-y", key, `@${address}`, "-p", String(port), zone, "AXFR"];
  const { stdout } = await promisify(execFile)(findProgram("dig")!, args);
  return Number(/XFR size: \d+ records \(messages (\d+),/.exec(stdout)?.[1]);
}

suite.each([
  { server: "BIND", start: startNamed },
  { server: "PowerDNS", start: startPowerDns },
  { server: "Knot", start: startKnot },
])("the DNS client with $server", ({ server: serverName, start }) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: DnsServer;
  let dns: DnsClient;

  beforeAll(async () => {
    folder = await temporaryFolder();
    server = await start({ folder: folder.path, keys: KEYS, zones });
    dns = client(server);
  });

  afterAll(async () => {
    await dns?.close();
    await server?.stop();
    await folder?.remove();
  });

  /** BIND drops DS where no delegation is. */
  const delegation = (name: string, type: string): ResourceRecord[] =>
    type === "DS" ? [{ name, type: "NS", class: CLASS.IN, ttl: 60, value: "ns.example.org." }] : [];

  const read = async (name: string, type: string) => {
    const { answer, authority } = await dns.query(name, type);
    const records = answer.some((record) => record.type === type) ? answer : authority;
    return records
      .filter((record) => record.type === type && record.name === name)
      .map(({ value }) => value!);
  };

  it.each(
    VALUES.map((value, index) => ({ ...value, label: `${value.type} ${value.name ?? ""} ${index}`, index })),
  )("writes and reads $label as dig does", async ({ type, name = `rr${type.toLowerCase()}`, values }) => {
    const owner = parseName(name, ZONE);
    // PowerDNS takes no types that it does not know: neither from nsupdate.
    if (serverName === "PowerDNS" && type === "TYPE65280") return;
    const updates = [
      ...delegation(owner, type),
      { name: owner, type, class: CLASS.ANY, ttl: 0 },
      ...values.map((value) => ({ name: owner, type, class: CLASS.IN, ttl: 60, value })),
    ];
    expect((await dns.update(ZONE, { prerequisites: [], updates })).rcode).toBe("NOERROR");
    const wanted = values.map((value) => canonicalValue(type, value)).toSorted();
    expect((await read(owner, type)).toSorted()).toEqual(wanted);
    // A delegation is told in the authority section, which +short does not show.
    if (type === "NS" || type === "DNAME") return;
    for (const tool of ["dig", "kdig"] as const) {
      const seen = await dig(server, owner, type === "TYPE65280" ? "TYPE65280" : type, tool);
      const canonical = seen
        .filter((line) => !line.startsWith(";"))
        .map((line) => canonicalValue(type, line.replaceAll("\\;", ";")));
      expect(canonical.toSorted()).toEqual(wanted);
    }
  });

  it.each(
    VALUES.filter(({ type }) => !["DNAME", "NS"].includes(type)).map((value, index) => ({ ...value, index })),
  )("reads $type $name ($index) as nsupdate writes it", async ({ type, values, index }) => {
    const owner = `written${index}.${ZONE}`;
    const presented = values.map((value) => canonicalValue(type, value));
    if (serverName === "PowerDNS" && type === "TYPE65280") return;
    if (type === "DS") await nsupdate(server, [`update add ${owner} 60 NS ns.example.org.`]);
    // nsupdate takes a line of at most some hundred bytes.
    if (presented.some((value) => value.length > 1000)) return;
    await nsupdate(
      server,
      presented.map((value) => `update add ${owner} 60 ${type} ${value}`),
    );
    expect((await read(owner, type)).toSorted()).toEqual(presented.toSorted());
  });

  it.each(TSIG_ALGORITHMS)("signs and verifies with %s, as nsupdate does", async (algorithm) => {
    const name = `signed-${algorithm}.${ZONE}`;
    const signing = client(server, { algorithm });
    const record = { name, type: "TXT", class: CLASS.IN, ttl: 60, value: algorithm };
    expect((await signing.update(ZONE, { prerequisites: [], updates: [record] })).rcode).toBe("NOERROR");
    expect((await signing.query(name, "TXT")).answer[0]?.value).toBe(`"${algorithm}"`);
    expect((await signing.transfer(ZONE)).some((one) => one.name === name)).toBe(true);
    await signing.close();
    await nsupdate(server, [`update delete ${name}`], algorithm);
    expect((await dns.query(name, "TXT")).rcode).toBe("NXDOMAIN");
  });

  it("refuses an update whose prerequisites do not hold", async () => {
    const name = `once.${ZONE}`;
    const add: ResourceRecord = { name, type: "A", class: CLASS.IN, ttl: 60, value: "192.0.2.9" };
    const absent = { name, type: "A", class: CLASS.NONE, ttl: 0 };
    const stale: ResourceRecord = { name, type: "A", class: CLASS.IN, ttl: 0, value: "192.0.2.8" };
    const unused = { name, type: "ANY", class: CLASS.NONE, ttl: 0 };
    const rcodes: string[] = [];
    for (const prerequisite of [absent, absent, stale, unused]) {
      rcodes.push((await dns.update(ZONE, { prerequisites: [prerequisite], updates: [add] })).rcode);
    }
    expect(rcodes).toEqual(["NOERROR", "YXRRSET", "NXRRSET", "YXDOMAIN"]);
  });

  it("falls back from UDP to TCP for what does not fit", async () => {
    const overUdp = client(server, { transport: "udp" });
    const name = `large.${ZONE}`;
    const value = "x".repeat(3000);
    const updates: ResourceRecord[] = [{ name, type: "TXT", class: CLASS.IN, ttl: 60, value }];
    expect((await overUdp.update(ZONE, { prerequisites: [], updates })).rcode).toBe("NOERROR");
    expect((await overUdp.query(name, "TXT")).answer[0]?.value).toBe(canonicalValue("TXT", value));
    expect((await overUdp.query(`ns1.${ZONE}`, "A")).answer[0]?.value).toBe("127.0.0.1");
    await overUdp.close();
  });

  it("answers many questions on one connection at a time", async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, () => dns.query(`ns1.${ZONE}`, "A")));
    expect(answers.every(({ answer }) => answer[0]?.value === "127.0.0.1")).toBe(true);
  });

  it("transfers a zone of more than 64 KB, and says when it may not", async () => {
    const records = Array.from({ length: 3000 }, (_, index) => ({
      name: `host${index}.bulk.${ZONE}`,
      type: "TXT",
      class: CLASS.IN,
      ttl: 60,
      value: `the record number ${index} of many`,
    }));
    for (let start = 0; start < records.length; start += 500) {
      const updates = records.slice(start, start + 500);
      expect((await dns.update(ZONE, { prerequisites: [], updates })).rcode).toBe("NOERROR");
    }
    const all = await dns.transfer(ZONE);
    expect(all.filter(({ name }) => name.endsWith(`.bulk.${ZONE}`))).toHaveLength(3000);
    await expect(dns.transfer("closed.test.")).rejects.toThrow(/REFUSED|NOTAUTH|BADKEY/);
  }, 60_000);

  it("takes a signed transfer of one message, and of one message a record, to its end", async () => {
    const small = "small.test";
    const names = (records: readonly ResourceRecord[]) => records.map(({ name, type }) => `${name} ${type}`);
    const whole = [`${small}. SOA`, `${small}. NS`, `ns1.${small}. A`, `host.${small}. TXT`].toSorted();
    expect(names(await dns.transfer(`${small}.`)).toSorted()).toEqual(whole);
    // PowerDNS puts the SOA records into messages of their own.
    expect(await messagesOfTransfer(server, small)).toBe(serverName === "PowerDNS" ? 3 : 1);
    if (serverName !== "BIND") return;
    const other = await startNamed({
      folder: `${folder.path}/one-answer`,
      keys: KEYS,
      zones,
      extraOptions: "transfer-format one-answer;",
    });
    const oneByOne = client(other);
    expect(names(await oneByOne.transfer(`${small}.`)).toSorted()).toEqual(whole);
    expect(await messagesOfTransfer(other, small)).toBeGreaterThan(1);
    await oneByOne.close();
    await other.stop();
  });

  it("says what is wrong with a key", async () => {
    const unknown = client(server, { tsig: { ...client(server).options.tsig!, name: "nobody." } });
    await expect(unknown.update(ZONE, { prerequisites: [], updates: [] })).rejects.toThrow(
      serverName === "PowerDNS" ? /REFUSED|NOTAUTH/ : /unknown there \(BADKEY\)/,
    );
    const wrong = client(server, { tsig: { ...client(server).options.tsig!, secret: Buffer.from("wrong") } });
    await expect(wrong.update(ZONE, { prerequisites: [], updates: [] })).rejects.toThrow(
      serverName === "PowerDNS" ? /REFUSED|NOTAUTH/ : /BADSIG/,
    );
  });
});

suite("DNS over TLS with BIND", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: Awaited<ReturnType<typeof startNamed>>;
  let certificate: string;
  let pin: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    const key = `${folder.path}/key.pem`;
    certificate = `${folder.path}/certificate.pem`;
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
      "-subj", "/CN=ns1.example.test", "-addext", "subjectAltName=DNS:ns1.example.test", "-keyout", key, "-out", certificate); // prettier-ignore
    const publicKey = openssl("pkey", "-in", key, "-pubout", "-outform", "DER");
    pin = execFileSync("openssl", ["dgst", "-sha256", "-binary"], { input: publicKey }).toString("base64");
    server = await startNamed({ folder: folder.path, keys: KEYS, zones, tls: { certificate, key } });
  });

  afterAll(async () => {
    await server?.stop();
    await folder?.remove();
  });

  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { stdio: ["ignore", "pipe", "ignore"] });
  const overTls = async (tls: object) => {
    const dns = client({ address: "127.0.0.1", port: server.tlsPort! }, { transport: "tls", tls });
    try {
      return (await dns.query(`ns1.${ZONE}`, "A")).answer[0]?.value;
    } finally {
      await dns.close();
    }
  };

  it("trusts a pinned key or a CA with the right name, and nothing else", async () => {
    const ca = execFileSync("cat", [certificate], { encoding: "utf8" });
    expect(await overTls({ pin })).toBe("127.0.0.1");
    expect(await overTls({ ca, serverName: "ns1.example.test" })).toBe("127.0.0.1");
    await expect(overTls({ pin: Buffer.alloc(32).toString("base64") })).rejects.toThrow(
      /has the pin .*, not AAAA/,
    );
    await expect(overTls({ ca, serverName: "ns2.example.test" })).rejects.toThrow(/is not trusted/);
    await expect(overTls({})).rejects.toThrow(/is not trusted/);
  });

  it.each([
    [
      "of an unknown CA",
      {},
      /certificate of 127\.0\.0\.1 port \d+ is not trusted .*: self-signed certificate/,
    ],
    ["for another name", { serverName: "ns2.example.test" }, /is not trusted .*: .*ns2\.example\.test/],
    ["of another key", { pin: Buffer.alloc(32).toString("base64") }, /has the pin/],
  ])("fails at once for a certificate %s", async (_, tls, message) => {
    const proxy = await TcpProxy.start(server.tlsPort);
    const given = "serverName" in tls ? { ...tls, caCertificateFile: certificate } : tls;
    const provider = new ProviderProcess(builtProvider("dns"), { onStderr: () => {} });
    const rfc2136 = { address: "127.0.0.1", port: proxy.port, transport: "tls", tls: given };
    const inputs = {
      server: { rfc2136 },
      zone: "example.test",
      name: "www",
      type: "A",
      values: ["192.0.2.1"],
    };
    await expect(provider.create("record_set", inputs, true)).rejects.toThrow(message);
    expect(proxy.connections).toBe(1);
    await provider.close();
    await proxy.stop();
  });
});
