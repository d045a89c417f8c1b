import { describe, expect, it } from "@jest/globals";
import { type Answer, type Asked, withApi } from "../../tests/scripted-api.ts";
import { testContext } from "../../tests/test-context.ts";
import { convergeZone } from "./converge-zone.ts";
import { check, type Inputs, type Outputs } from "./schema.ts";

const PATH = "/v1/servers/localhost/zones";
const ZONE = `${PATH}/example.test.`;

function inputsFor(more: Partial<Inputs> = {}, url = "http://127.0.0.1:1"): Inputs {
  return {
    server: { powerdns: { url, apiKey: { value: "x" }, serverId: "localhost", timeoutSeconds: 10 } },
    name: "Example.test",
    kind: "Native",
    nameServers: [],
    masters: [],
    dnssec: false,
    ensure: "present",
    allowDelete: false,
    ...more,
  };
}

const rrset = (type: string, values: string[], name = "example.test.") => ({
  name,
  type,
  records: values.map((content) => ({ content })),
});

/** A zone as the API shows it. */
function shown(more: object = {}) {
  return { kind: "Native", masters: [], dnssec: false, serial: 7, rrsets: [], ...more };
}

const missing: Answer = { status: 404 };

interface Done {
  outputs: Outputs;
  writes: unknown[];
}

/** Converges a zone that the API shows as `before`, and as `after` once it was written. */
async function converge(
  more: Partial<Inputs>,
  before: Answer,
  after: Answer = before,
  written: Answer = { status: 204 },
  keys: unknown = [],
): Promise<Done> {
  let isWritten = false;
  const respond = ({ method, path }: Asked) => {
    if (path.endsWith("/cryptokeys")) return { body: keys };
    if (method === "GET") return isWritten ? after : before;
    isWritten = true;
    return written;
  };
  return withApi(respond, async (_, asked, baseUrl) => {
    const inputs = inputsFor(more, `${new URL(baseUrl).origin}/`);
    const outputs = await convergeZone(
      { inputs } as Parameters<typeof convergeZone>[0],
      testContext().context,
    );
    const writes = asked.filter(({ method }) => method !== "GET");
    return { outputs, writes: writes.map(({ method, path, body }) => [method, path, body]) };
  });
}

describe("a zone that is missing", () => {
  const body = {
    name: "example.test.",
    kind: "Native",
    masters: [],
    nameservers: ["ns1.example.net."],
    dnssec: false,
    soa_edit_api: "INCREASE",
  };

  it.each([
    ["is created", 201],
    ["may be created by another run in the meantime", 409],
  ])("%s", async (_, status) => {
    const rrsets = [
      rrset("NS", ["ns2.example.net.", "ns1.example.net."]),
      rrset("NS", ["ns.other."], "sub.example.test."),
      rrset("A", ["192.0.2.1"]),
    ];
    const done = await converge(
      { nameServers: ["ns1.example.net"] },
      missing,
      { body: shown({ rrsets }) },
      { status },
    );
    expect(done).toEqual({
      outputs: { serial: 7, nameServers: ["ns1.example.net.", "ns2.example.net."], ds: [] },
      writes: [["POST", PATH, body]],
    });
  });

  it("has to be there afterwards", async () => {
    await expect(converge({}, missing, missing, { status: 201 })).rejects.toThrow(
      "PowerDNS accepted the zone example.test. and does not have it as wanted",
    );
  });

  it.each<[string, Partial<Inputs>, string]>([
    ["name", { name: "a..b" }, 'the name "a..b" has an empty label'],
    ["nameServers[1]", { nameServers: ["ns1", "a..b"] }, 'the name "a..b" has an empty label'],
  ])("is not asked for with an invalid %s", async (path, more, message) => {
    await expect(converge(more, missing)).rejects.toMatchObject({ path, message });
  });
});

describe("a zone that exists", () => {
  it.each<[string, Partial<Inputs>, object]>([
    ["as wanted", {}, {}],
    [
      "with masters in another order",
      { kind: "Slave", masters: ["192.0.2.2", "192.0.2.1"] },
      { kind: "Slave", masters: ["192.0.2.1", "192.0.2.2"] },
    ],
    ["without masters", {}, { masters: undefined }],
  ])("%s stays as it is", async (_, more, zone) => {
    const { outputs, writes } = await converge(more, { body: shown(zone) });
    expect([outputs, writes]).toEqual([{ serial: 7, nameServers: [], ds: [] }, []]);
  });

  it.each<[string, Partial<Inputs>, object]>([
    ["another kind", { kind: "Master" }, { kind: "Master" }],
    ["a signature", { dnssec: true }, { dnssec: true }],
    ["other masters", { kind: "Slave", masters: ["192.0.2.1"] }, { kind: "Slave", masters: ["192.0.2.1"] }],
  ])("gets %s", async (_, more, changed) => {
    const { writes } = await converge(more, { body: shown() }, { body: shown(changed) });
    const body = { kind: "Native", masters: [], dnssec: false, ...changed, soa_edit_api: "INCREASE" };
    expect(writes).toEqual([["PUT", ZONE, body]]);
  });

  it("has to be as wanted afterwards", async () => {
    await expect(converge({ kind: "Master" }, { body: shown() })).rejects.toThrow(
      "PowerDNS accepted the zone example.test. and does not have it as wanted",
    );
  });

  it("has the DS records of its active keys, without those of SHA-1", async () => {
    const keys = [
      { active: true, ds: ["1 13 1 aa", "1 13 2 bb", "1 13 4 cc"] },
      { active: false, ds: ["2 13 2 dd"] },
      { active: true },
    ];
    const signed = { body: shown({ dnssec: true }) };
    const { outputs } = await converge({ dnssec: true }, signed, signed, {}, keys);
    expect(outputs.ds).toEqual(["1 13 2 bb", "1 13 4 cc"]);
  });

  it("fails with what the API says", async () => {
    await expect(converge({}, { status: 500, body: "no" })).rejects.toThrow(
      /\/zones\/example\.test\. failed: 500 no$/,
    );
  });
});

describe("a zone that has to be absent", () => {
  const absent = { ensure: "absent" as const };
  const gone = { serial: 0, nameServers: [], ds: [] };
  const apex = [rrset("SOA", ["x"]), rrset("NS", ["ns1.example.net."])];
  const deleted = [["DELETE", ZONE, undefined]];

  it.each<[string, Partial<Inputs>, Answer, unknown[], number?]>([
    ["and is", {}, missing, []],
    ["and is empty", {}, { body: shown({ rrsets: apex }) }, deleted],
    ["and is gone in the meantime", {}, { body: shown({ rrsets: apex }) }, deleted, 404],
    [
      "with its records",
      { allowDelete: true },
      { body: shown({ rrsets: [...apex, rrset("A", ["x"])] }) },
      deleted,
    ],
  ])("%s", async (_, more, before, writes, status = 204) => {
    expect(await converge({ ...absent, ...more }, before, missing, { status })).toEqual({
      outputs: gone,
      writes,
    });
  });

  it("keeps its records unless they may be deleted", async () => {
    const before = { body: shown({ rrsets: [...apex, rrset("A", ["x"])] }) };
    await expect(converge(absent, before)).rejects.toMatchObject({
      message: "the zone example.test. still has 1 record sets",
      hint: "Nothing was changed. Remove them first, or set allowDelete = true.",
    });
  });
});

describe("the inputs", () => {
  it.each<[Partial<Inputs>, string | undefined]>([
    [{}, undefined],
    [{ kind: "Master" }, undefined],
    [{ kind: "Slave", masters: ["192.0.2.1"] }, undefined],
    [{ kind: "Slave" }, "is required"],
    [{ kind: "Native", masters: ["192.0.2.1"] }, "is for the kind Slave"],
    [{ kind: "Slave", ensure: "absent" }, undefined],
  ])("%j: masters %s", (more, message) => {
    expect(check(inputsFor(more))).toEqual(message === undefined ? [] : [{ path: "masters", message }]);
  });
});
