import { describe, expect, it } from "@jest/globals";
import { change, creation, observed, removal, unlocked } from "../../tests/changes.ts";
import { type Answer, type Asked, withApi } from "../../tests/scripted-api.ts";
import type { Change } from "../rrset.ts";
import { GandiBackend } from "./gandi.ts";

const ZONE = "example.test.";
const PATH = "/livedns/domains/example.test/records";

function shown(name: string, type: string, values: string[], ttl = 300) {
  return { rrset_name: name, rrset_type: type, rrset_ttl: ttl, rrset_values: values };
}

/** Uses a zone that has these RRsets, in pages of 100; what is written is answered by `write`. */
function withZone<T>(
  rrsets: readonly unknown[],
  use: (backend: GandiBackend, asked: Asked[]) => Promise<T>,
  write: (asked: Asked) => Answer = () => ({ status: 201 }),
): Promise<T> {
  const respond = (asked: Asked) => {
    if (asked.method !== "GET") return write(asked);
    const page = Number(new URL(asked.path, "http://x").searchParams.get("page"));
    const body = rrsets.slice((page - 1) * 100, page * 100);
    return { body, headers: { "total-count": String(rrsets.length) } };
  };
  return withApi(respond, (api, asked) => use(new GandiBackend(api, ZONE, unlocked), asked));
}

const www = `www.${ZONE}`;

describe("a read", () => {
  it("has the RRsets of the zone, with names and values in canonical form", async () => {
    const rrsets = [shown("@", "MX", ["10 Mail"]), shown("www", "A", ["192.0.2.2", "192.0.2.1"], 600)];
    const found = await withZone(rrsets, (backend) => backend.read([]));
    expect(Object.fromEntries(found)).toEqual({
      [`${ZONE} MX`]: observed(ZONE, "MX", [`10 mail.${ZONE}`]),
      [`${www} A`]: observed(www, "A", ["192.0.2.1", "192.0.2.2"], { ttl: 600 }),
    });
  });

  it("leaves out unknown types and empty RRsets, and shows values that are not valid as they are", async () => {
    const rrsets = [shown("www", "ALIAS", ["x"]), shown("www", "A", []), shown("www", "MX", ["nonsense"])];
    const found = await withZone(rrsets, (backend) => backend.read([]));
    expect([...found]).toEqual([[`${www} MX`, observed(www, "MX", ["nonsense"])]]);
  });

  it.each([
    [0, 1],
    [99, 1],
    [100, 1],
    [101, 2],
    [201, 3],
  ])("of %d RRsets takes %d requests", async (count, requests) => {
    const rrsets = Array.from({ length: count }, (_, index) => shown(`n${index}`, "A", ["192.0.2.1"]));
    await withZone(rrsets, async (backend, asked) => {
      expect((await backend.read([])).size).toBe(count);
      expect(asked.map(({ path }) => path)).toEqual(
        Array.from({ length: requests }, (_, index) => `${PATH}?per_page=100&page=${index + 1}`),
      );
    });
  });

  it("ends at an empty page, whatever the count says", async () => {
    const respond = ({ path }: Asked) => ({
      body: path.endsWith("page=1") ? [shown("www", "A", ["192.0.2.1"])] : [],
      headers: { "total-count": "1000" },
    });
    await withApi(respond, async (api, asked) => {
      await new GandiBackend(api, ZONE, unlocked).read([]);
      expect(asked).toHaveLength(2);
    });
  });

  it("ends at the first page without a count", async () => {
    const respond = () => ({ body: [shown("www", "A", ["192.0.2.1"])] });
    await withApi(respond, async (api, asked) => {
      await new GandiBackend(api, ZONE, unlocked).read([]);
      expect(asked).toHaveLength(1);
    });
  });

  it.each<[string, unknown, string]>([
    ["an object", {}, "the answer is not what the API promises: a list is missing"],
    ["nothing", undefined, "the answer is not what the API promises: a list is missing"],
    ["a list in the list", [[]], "the answer is not what the API promises: an object is missing"],
    ["null in the list", [null], "the answer is not what the API promises: an object is missing"],
    ["a text in the list", ["x"], "the answer is not what the API promises: an object is missing"],
    ["an object without a name", [{}], "the answer is not what the API promises: a text is missing"],
    [
      "an RRset without values",
      [{ ...shown("www", "A", []), rrset_values: "x" }],
      "the answer is not what the API promises: a list is missing",
    ],
    [
      "values that are no texts",
      [{ ...shown("www", "A", []), rrset_values: [1] }],
      "the answer is not what the API promises: a text is missing",
    ],
  ])("refuses an answer with %s", async (_, body, message) => {
    const work = withApi(
      () => ({ body }),
      (api) => new GandiBackend(api, ZONE, unlocked).read([]),
    );
    await expect(work).rejects.toThrow(message);
  });
});

describe("a write", () => {
  const a = observed(www, "A", ["192.0.2.1"]);
  const otherA = observed(www, "A", ["192.0.2.2"], { ttl: 600 });
  const cname = observed(www, "CNAME", ["other.example.test."]);
  const shownA = shown("www", "A", ["192.0.2.1"]);
  const item = (type: string, values: string[], ttl = 300) => ({
    rrset_type: type,
    rrset_ttl: ttl,
    rrset_values: values,
  });
  const body = { rrset_ttl: 600, rrset_values: ["192.0.2.2"] };

  it.each<[string, unknown[], Change[], unknown[]]>([
    ["a new RRset", [], [creation(otherA)], [["POST", `${PATH}/www/A`, body]]],
    ["a change", [shownA], [change(a, otherA)], [["PUT", `${PATH}/www/A`, body]]],
    ["a removal", [shownA], [removal(a)], [["DELETE", `${PATH}/www/A`, undefined]]],
    [
      "two names",
      [],
      [creation(otherA), creation(observed(ZONE, "A", ["192.0.2.2"], { ttl: 600 }))],
      [
        ["POST", `${PATH}/www/A`, body],
        ["POST", `${PATH}/%40/A`, body],
      ],
    ],
    [
      "CNAME in place of A, as a whole name",
      [shownA, shown("other", "A", ["192.0.2.9"])],
      [removal(a), creation(cname)],
      [["PUT", `${PATH}/www`, { items: [item("CNAME", ["other.example.test."])] }]],
    ],
    [
      "two RRsets of a name, whose third one stays",
      [shownA, shown("www", "TXT", ['"kept"'])],
      [change(a, otherA), creation(observed(www, "AAAA", ["2001:db8::1"]))],
      [
        [
          "PUT",
          `${PATH}/www`,
          { items: [item("TXT", ['"kept"']), item("A", ["192.0.2.2"], 600), item("AAAA", ["2001:db8::1"])] },
        ],
      ],
    ],
    [
      "the removal of all RRsets of a name",
      [shownA, shown("www", "TXT", ['"x"'])],
      [removal(a), removal(observed(www, "TXT", ['"x"']))],
      [["DELETE", `${PATH}/www`, undefined]],
    ],
  ])("of %s", async (_, rrsets, changes, written) => {
    await withZone(
      rrsets,
      async (backend, asked) => {
        expect(await backend.apply(changes)).toBe("applied");
        const writes = asked.filter(({ method }) => method !== "GET");
        expect(writes.map((one) => [one.method, one.path, one.body])).toEqual(written);
      },
      ({ method }) => ({ status: method === "DELETE" ? 204 : 201 }),
    );
  });

  it.each<[string, Change, number]>([
    ["a removal of what is gone already", removal(a), 404],
    ["a change", change(a, otherA), 200],
  ])("takes the answer to %s", async (_, one, status) => {
    await withZone(
      [shownA],
      async (backend) => expect(await backend.apply([one])).toBe("applied"),
      () => ({ status }),
    );
  });

  it("is stale when the RRset exists by now, and then writes no other name", async () => {
    const other = `x.${ZONE}`;
    const changes = [creation(otherA), creation(observed(other, "A", ["192.0.2.2"]))];
    await withZone(
      [],
      async (backend, asked) => {
        expect(await backend.apply(changes)).toBe("stale");
        expect(asked.filter(({ method }) => method !== "GET")).toHaveLength(1);
      },
      () => ({ status: 409 }),
    );
  });

  it.each<[string, unknown[], Change]>([
    ["another value", [shown("www", "A", ["192.0.2.3"])], change(a, otherA)],
    ["another TTL", [shown("www", "A", ["192.0.2.1"], 900)], change(a, otherA)],
    ["nothing", [], change(a, otherA)],
    ["something in place of nothing", [shownA], creation(otherA)],
  ])("is stale, and does nothing, when a read shows %s", async (_, rrsets, one) => {
    await withZone(rrsets, async (backend, asked) => {
      expect(await backend.apply([one])).toBe("stale");
      expect(asked.filter(({ method }) => method !== "GET")).toEqual([]);
    });
  });

  it("fails when the server refuses a change as a conflict", async () => {
    const work = withZone(
      [shownA],
      (backend) => backend.apply([change(a, otherA)]),
      () => ({ status: 409, body: { message: "no" } }),
    );
    await expect(work).rejects.toThrow(/PUT .*\/www\/A failed: 409 \{"message":"no"\}$/);
  });

  it("holds the lock of the zone from its read to its end", async () => {
    const held: string[] = [];
    const lock = async <Result>(what: string, work: () => Promise<Result>) => {
      held.push(`lock ${what}`);
      const result = await work();
      held.push("unlock");
      return result;
    };
    const respond = ({ method }: Asked) => {
      held.push(method);
      return method === "GET" ? { body: [] } : { status: 201 };
    };
    await withApi(respond, (api) => new GandiBackend(api, ZONE, lock).apply([creation(otherA)]));
    expect(held).toEqual([`lock ${ZONE}`, "GET", "POST", "unlock"]);
  });
});

describe("zones", () => {
  it.each([
    ["a.b.example.test.", "b.example.test."],
    ["b.example.test.", "b.example.test."],
    ["www.example.test.", "example.test."],
    ["other.test.", undefined],
  ])("the longest zone that %s is in is %s", async (name, zone) => {
    const body = ["example.test", "b.example.test", "c.test"].map((fqdn) => ({ fqdn }));
    const found = await withApi(
      () => ({ body }),
      (api) => new GandiBackend(api, ZONE, unlocked).findZone(name),
    );
    expect(found).toBe(zone);
  });

  it("have the name servers of their own NS records", async () => {
    const servers = ["ns1.example.net.", "ns2.example.net."];
    const read = (rrsets: unknown[]) => withZone(rrsets, (backend) => backend.nameServers());
    expect(await read([shown("@", "NS", servers)])).toEqual(servers);
    expect(await read([])).toEqual([]);
  });
});
