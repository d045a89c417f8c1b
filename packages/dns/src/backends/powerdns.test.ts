import { describe, expect, it } from "@jest/globals";
import { change, creation, observed, removal, unlocked } from "../../tests/changes.ts";
import { type Asked, withApi } from "../../tests/scripted-api.ts";
import type { Change } from "../rrset.ts";
import { PowerDnsBackend } from "./powerdns.ts";

const ZONE = "example.test.";
const PATH = "/zones/example.test.";
const www = `www.${ZONE}`;

interface Shown {
  ttl?: number;
  comments?: unknown;
  disabled?: boolean;
}

function shown(
  name: string,
  type: string,
  values: string[],
  { ttl = 300, comments, disabled = false }: Shown = {},
) {
  return { name, type, ttl, comments, records: values.map((content) => ({ content, disabled })) };
}

/** Uses a zone that has these RRsets. */
function withZone<T>(
  rrsets: readonly unknown[],
  use: (backend: PowerDnsBackend, asked: Asked[]) => Promise<T>,
): Promise<T> {
  const respond = ({ method }: Asked) => (method === "GET" ? { body: { rrsets } } : { status: 204 });
  return withApi(respond, (api, asked) => use(new PowerDnsBackend(api, ZONE, unlocked), asked));
}

describe("a read", () => {
  it("has the owners in comments, and no records that are disabled or of unknown types", async () => {
    const rrsets = [
      shown("WWW.example.test.", "MX", ["10 Mail.example.test."], {
        comments: [
          { content: "a comment", account: "" },
          { content: "nixops4 owner=ours", account: "nixops4" },
        ],
      }),
      shown(ZONE, "A", ["192.0.2.2", "192.0.2.1"], { ttl: 60, comments: [] }),
      shown(`off.${ZONE}`, "A", ["192.0.2.3"], { disabled: true }),
      shown(`alias.${ZONE}`, "ALIAS", ["x."]),
    ];
    const found = await withZone(rrsets, (backend) => backend.read([{ name: www, type: "A" }]));
    expect(Object.fromEntries(found)).toEqual({
      [`${www} MX`]: observed(www, "MX", [`10 mail.${ZONE}`], { owner: "ours" }),
      [`${ZONE} A`]: observed(ZONE, "A", ["192.0.2.1", "192.0.2.2"], { ttl: 60 }),
    });
  });

  const named = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `n${index}.${ZONE}`, type: "A" }));

  it.each<[number, string[]]>([
    [7, named(7).map(({ name }) => `${PATH}?rrset_name=${name}`)],
    [8, [PATH]],
  ])("of %d names asks for each, or for the zone", async (count, paths) => {
    await withZone([], async (backend, asked) => {
      await backend.read([...named(count), { name: `n0.${ZONE}`, type: "AAAA" }]);
      expect(asked.map(({ path }) => path)).toEqual(paths);
    });
  });

  it("shows the name servers, and the longest zone of a name", async () => {
    const servers = ["ns1.example.net.", "ns2.example.net."];
    expect(await withZone([shown(ZONE, "NS", servers)], (backend) => backend.nameServers())).toEqual(servers);
    const body = ["test.", ZONE].map((name) => ({ name }));
    const zone = await withApi(
      () => ({ body }),
      (api) => new PowerDnsBackend(api, ZONE, unlocked).findZone(www),
    );
    expect(zone).toBe(ZONE);
  });
});

describe("a write", () => {
  const a = observed(www, "A", ["192.0.2.1"]);
  const cname = observed(www, "CNAME", [`other.${ZONE}`], { ttl: 60, owner: "ours" });
  const note = { content: "a note", account: "me", modified_at: 1 };
  const own = { content: "nixops4 owner=ours", account: "nixops4" };
  const deleted = { name: www, type: "A", changetype: "DELETE" };
  const replaced = (type: string, content: string, ttl: number, comments: unknown[]) => ({
    name: www,
    type,
    changetype: "REPLACE",
    ttl,
    records: [{ content, disabled: false }],
    comments,
  });

  it.each<[string, unknown[], Change[], unknown[]]>([
    ["a removal", [shown(www, "A", ["192.0.2.1"])], [removal(a)], [deleted]],
    ["a new RRset", [], [creation(a)], [replaced("A", "192.0.2.1", 300, [])]],
    [
      "CNAME in place of A: the removal first",
      [shown(www, "A", ["192.0.2.1"])],
      [creation(cname), removal(a)],
      [deleted, replaced("CNAME", `other.${ZONE}`, 60, [own])],
    ],
    [
      "an owner, and keeps other comments",
      [shown(www, "A", ["192.0.2.1"], { comments: [note] })],
      [change(a, observed(www, "A", ["192.0.2.1"], { owner: "ours" }))],
      [replaced("A", "192.0.2.1", 300, [note, own])],
    ],
    [
      "an owner that goes",
      [shown(www, "A", ["192.0.2.1"], { comments: [own, note] })],
      [change(observed(www, "A", ["192.0.2.1"], { owner: "ours" }), a)],
      [replaced("A", "192.0.2.1", 300, [note])],
    ],
  ])("of %s", async (_, rrsets, changes, written) => {
    await withZone(rrsets, async (backend, asked) => {
      expect(await backend.apply(changes)).toBe("applied");
      const writes = asked.filter(({ method }) => method !== "GET");
      expect(writes.map(({ method, path, body }) => [method, path, body])).toEqual([
        ["PATCH", PATH, { rrsets: written }],
      ]);
    });
  });

  it.each<[string, unknown[], Change]>([
    ["another value", [shown(www, "A", ["192.0.2.9"])], removal(a)],
    ["another owner", [shown(www, "A", ["192.0.2.1"], { comments: [own] })], removal(a)],
    ["nothing", [], removal(a)],
    ["something in place of nothing", [shown(www, "A", ["192.0.2.1"])], creation(a)],
  ])("is stale, and does nothing, when a read shows %s", async (_, rrsets, one) => {
    await withZone(rrsets, async (backend, asked) => {
      expect(await backend.apply([one])).toBe("stale");
      expect(asked.filter(({ method }) => method !== "GET")).toEqual([]);
    });
  });

  it("ignores the owner of what does not exist", async () => {
    const nothing = { rrset: undefined, owner: "ours" };
    await withZone([], async (backend) => {
      expect(await backend.apply([{ name: www, type: "A", before: nothing, after: a }])).toBe("applied");
    });
  });
});
