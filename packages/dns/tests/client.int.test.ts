import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type DnsServer, startKnot, startNamed, startPowerDns } from "@nixops4-providers/test-servers";
import type { DnsClient } from "../src/client/client.ts";
import { CLASS, type ResourceRecord } from "../src/client/message.ts";
import { parseName } from "../src/client/name.ts";
import { canonicalValue } from "../src/client/rr-types.ts";
import { TSIG_ALGORITHMS } from "../src/client/tsig.ts";
import { client, dig, dnsServersAvailable, KEYS, nsupdate, temporaryFolder, ZONE } from "./lab.ts";
import { VALUES } from "./values.ts";

const suite = dnsServersAvailable ? describe : describe.skip;
const zones = [{ name: "example.test" }, { name: "closed.test", allowTransfer: false }];

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
    await expect(overTls({ ca, serverName: "ns2.example.test" })).rejects.toThrow(/cannot connect/);
    await expect(overTls({})).rejects.toThrow(/cannot connect/);
  });
});
