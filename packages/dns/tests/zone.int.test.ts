import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { BACKENDS, dig, dnsServersAvailable, type LabBackend, Member, temporaryFolder } from "./lab.ts";

const suite = dnsServersAvailable ? describe : describe.skip;

suite("zone on PowerDNS", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let backend: LabBackend;

  beforeAll(async () => {
    folder = await temporaryFolder();
    backend = await BACKENDS.find(({ label }) => label === "PowerDNS by HTTP")!.start(folder.path);
  });
  afterAll(async () => {
    await backend?.stop();
    await folder?.remove();
  });

  const apply = (inputs: object) =>
    backend.provider.create(
      "zone",
      { server: backend.server, nameServers: ["ns1.example.net"], ...inputs },
      true,
    );

  it("makes a zone that is served, and changes nothing when applied again", async () => {
    const inputs = { name: "made.test" };
    const outputs = await apply(inputs);
    expect(outputs).toEqual({ serial: expect.any(Number), nameServers: ["ns1.example.net."], ds: [] });
    expect(await dig(backend.target, "made.test", "NS")).toEqual(["ns1.example.net."]);
    expect(await apply(inputs)).toEqual(outputs);
  });

  it("signs a zone, with DS records that its keys have, and takes the signatures away", async () => {
    const { ds } = await apply({ name: "signed.test", dnssec: true });
    expect(ds).not.toEqual([]);
    const keys = await dig(backend.target, "signed.test", "DNSKEY");
    expect(keys.length).toBeGreaterThan(0);
    for (const one of ds as string[]) expect(one).toMatch(/^\d+ \d+ [24] [0-9a-f]{64,96}$/);
    expect((await apply({ name: "signed.test" }))["ds"]).toEqual([]);
    expect(await dig(backend.target, "signed.test", "DNSKEY")).toEqual([]);
  });

  it("makes a secondary, which copies its name servers", async () => {
    const inputs = {
      name: "copy.test",
      kind: "Slave",
      masters: ["192.0.2.1", "2001:db8::1", "192.0.2.9:5300"],
    };
    for (let run = 0; run < 2; run++)
      expect(await apply(inputs)).toEqual({ serial: 0, nameServers: [], ds: [] });
  });

  it("is delegated to from a zone of the same server, with another TTL", async () => {
    const { ds } = await apply({
      name: "child.example.test",
      dnssec: true,
      nameServers: ["ns1.example.test"],
    });
    const delegation = { name: "child", type: "NS", ttl: 300, values: ["ns1"] };
    await new Member(backend).apply(delegation);
    await new Member(backend).apply({ name: "child", type: "DS", values: ds });
    await new Member(backend).apply({ ...delegation, values: [] });
  });

  it("keeps the disabled records of others beside a record set", async () => {
    const { url, apiKey } = (backend.server as { powerdns: { url: string; apiKey: { value: string } } })
      .powerdns;
    const disabled = async (body?: object) => {
      const answer = await fetch(`${url}/api/v1/servers/localhost/zones/example.test.`, {
        method: body === undefined ? "GET" : "PATCH",
        headers: { "X-API-Key": apiKey.value, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify({ rrsets: [body] }) }),
      });
      if (body !== undefined) return [];
      const { rrsets } = (await answer.json()) as { rrsets: { name: string; records: object[] }[] };
      return rrsets.filter(({ name }) => name === "off.example.test.").flatMap(({ records }) => records);
    };
    const theirs = { content: "192.0.2.77", disabled: true };
    const rrset = { name: "off.example.test.", type: "A", ttl: 60 };
    await disabled({ ...rrset, changetype: "REPLACE", records: [theirs] });
    const member = new Member(backend);
    const inputs = { name: "off", type: "A", values: ["192.0.2.1"] };
    await member.apply(inputs);
    expect(await disabled()).toEqual(
      expect.arrayContaining([theirs, { content: "192.0.2.1", disabled: false }]),
    );
    await member.apply({ ...inputs, values: [] });
    expect(await disabled()).toEqual([theirs]);
  });

  it("takes a zone over with its records, and deletes it with records only when told", async () => {
    const record = new Member(backend);
    await record.apply({ name: "kept", type: "A", values: ["192.0.2.7"] });
    const there = { name: "example.test" };
    await apply(there);
    expect(await dig(backend.target, "kept.example.test", "A")).toEqual(["192.0.2.7"]);
    await expect(apply({ ...there, ensure: "absent" })).rejects.toThrow(
      /the zone example\.test\. still has \d+ record sets\nNothing was changed/,
    );
    const gone = { serial: 0, nameServers: [], ds: [] };
    for (let run = 0; run < 2; run++)
      expect(await apply({ ...there, ensure: "absent", allowDelete: true })).toEqual(gone);
    expect(await dig(backend.target, "kept.example.test", "A")).toEqual([]);
    expect(await apply({ name: "made.test", ensure: "absent" })).toEqual(gone);
  });

  it("refuses names that are none, and masters where they do not belong", async () => {
    await expect(apply({ name: "a..b" })).rejects.toThrow("name: ");
    await expect(apply({ name: "x.test", kind: "Slave" })).rejects.toThrow("masters: is required");
    await expect(apply({ name: "x.test", masters: ["192.0.2.1"] })).rejects.toThrow(
      "masters: is for the kind Slave",
    );
  });

  it("refuses keys of 1 to 3 characters, which messages would tell by their gaps, and a port in an address", async () => {
    const powerdns = { url: "http://127.0.0.1:1", apiKey: { value: "abc" } };
    await expect(apply({ name: "x.test", server: { powerdns } })).rejects.toThrow(
      "the API key of PowerDNS has fewer than 4 characters",
    );
    const desec = { token: { value: "abc" } };
    const record = { zone: "x.test", name: "w", type: "A", values: ["192.0.2.1"] };
    await expect(
      backend.provider.create("record_set", { ...record, server: { desec } }, true),
    ).rejects.toThrow("the API token has fewer than 4 characters");
    const rfc2136 = { address: "127.0.0.1", port: 1, tsig: { name: "k", secret: { value: "YQ=" } } };
    await expect(
      backend.provider.create("record_set", { ...record, server: { rfc2136 } }, true),
    ).rejects.toThrow("the secret of the TSIG key k has fewer than 4 characters");
    const elsewhere = { rfc2136: { ...rfc2136, address: "ns1.example.org:53" } };
    await expect(
      backend.provider.create("record_set", { ...record, server: elsewhere }, true),
    ).rejects.toThrow("server.rfc2136.address: must be a name or an address alone; set `port` to the rest");
  });
});
