import { describe, expect, it } from "@jest/globals";
import { change, creation, observed, removal, unlocked } from "../../tests/changes.ts";
import { type Answer, type Asked, withApi } from "../../tests/scripted-api.ts";
import type { Change, Observed } from "../rrset.ts";
import { CloudflareBackend } from "./cloudflare.ts";

const ZONE = "example.test.";
const PATH = "/zones/z%2F1/dns_records";
const www = `www.${ZONE}`;

interface Options {
  proxied?: boolean;
  maySplit?: boolean;
  zones?: unknown[];
  batch?: () => Answer;
}

/** A record as the API shows it. */
function shown(id: string, name: string, type: string, content: string, more: object = {}) {
  return { id, name, type, content, ttl: 300, proxied: false, comment: null, ...more };
}

/** Uses a zone that has these records. */
function withZone<T>(
  records: readonly unknown[],
  use: (backend: CloudflareBackend, asked: Asked[]) => Promise<T>,
  { proxied = false, maySplit = true, zones = [{ id: "z/1", name_servers: [] }], batch }: Options = {},
): Promise<T> {
  const respond = ({ method, path }: Asked) => {
    if (method !== "GET") return batch?.() ?? { body: {} };
    return { body: { result: path.startsWith(PATH) ? records : zones } };
  };
  return withApi(respond, (api, asked) =>
    use(new CloudflareBackend(api, ZONE, unlocked, { proxied, maySplit }), asked),
  );
}

const batchesOf = (asked: readonly Asked[]) =>
  asked.flatMap(({ method, path, body }) =>
    method === "GET" ? [] : [{ method, path, ...(body as object) }],
  );

describe("a read", () => {
  const read = async (records: unknown[]): Promise<Record<string, Observed>> =>
    Object.fromEntries(await withZone(records, (backend) => backend.read([])));

  it("combines records to RRsets, with the lowest TTL and the first owner", async () => {
    const records = [
      shown("1", "WWW.example.test", "A", "192.0.2.2", { ttl: 600 }),
      shown("2", "example.test", "MX", "mail.example.test", { priority: 10 }),
      shown("3", "www.example.test", "A", "192.0.2.1", { ttl: 120, comment: "nixops4 owner=ours" }),
    ];
    expect(await read(records)).toEqual({
      [`${www} A`]: observed(www, "A", ["192.0.2.1", "192.0.2.2"], { ttl: 120, owner: "ours" }),
      [`${ZONE} MX`]: observed(ZONE, "MX", [`10 mail.${ZONE}`]),
    });
  });

  it.each([
    ["automatic is 300 s", { ttl: 1 }, 300],
    ["automatic of a proxied record is 1", { ttl: 1, proxied: true }, 1],
    ["given", { ttl: 60 }, 60],
  ])("has the TTL: %s", async (_, more, ttl) => {
    expect(await read([shown("1", "www.example.test", "A", "192.0.2.1", more)])).toEqual({
      [`${www} A`]: observed(www, "A", ["192.0.2.1"], { ttl }),
    });
  });

  it("leaves out records of unknown types, and those that are not valid", async () => {
    const records = [
      shown("1", "www.example.test", "OPENPGPKEY", "x"),
      shown("2", "www.example.test", "A", "x"),
    ];
    expect(await read(records)).toEqual({});
  });

  it("refuses records without a name", async () => {
    await expect(read([{ id: "1", type: "A", content: "192.0.2.1" }])).rejects.toThrow(
      "the answer is not what the API promises: a text is missing",
    );
  });

  it.each([
    [undefined, 1],
    [1, 1],
    [3, 3],
  ])("of a list of %s pages takes %d requests", async (total, requests) => {
    const body = {
      result: [{ name: "test" }, { name: "example.test" }],
      ...(total === undefined ? {} : { result_info: { total_pages: total } }),
    };
    await withApi(
      () => ({ body }),
      async (api, asked) => {
        const backend = new CloudflareBackend(api, ZONE, unlocked, { proxied: false, maySplit: true });
        expect(await backend.findZone(www)).toBe(ZONE);
        expect(asked.map(({ path }) => path)).toEqual(
          Array.from({ length: requests }, (_, index) => `/zones?per_page=50&page=${index + 1}`),
        );
      },
    );
  });

  it("asks for the zone once, which names its name servers", async () => {
    const zones = [{ id: "z/1", name_servers: ["a.ns.example.net", "B.ns.example.net"] }];
    await withZone(
      [],
      async (backend, asked) => {
        await backend.read([]);
        expect(await backend.nameServers()).toEqual(["a.ns.example.net.", "b.ns.example.net."]);
        expect(asked.map(({ path }) => path)).toEqual([
          "/zones?name=example.test&per_page=50&page=1",
          `${PATH}?per_page=1000&page=1`,
        ]);
      },
      { zones },
    );
  });

  it("says that there is no such zone", async () => {
    const work = withZone([], (backend) => backend.read([]), { zones: [] });
    await expect(work).rejects.toThrow("the account has no zone example.test., or the token may not read it");
  });
});

describe("a write", () => {
  const a = (values: string[], more: { ttl?: number; owner?: string } = {}) =>
    observed(www, "A", values, more);
  const record = (content: string, more: object = {}) => ({
    name: "www.example.test",
    type: "A",
    content,
    ttl: 300,
    proxied: false,
    ...more,
  });
  const ours = { comment: "nixops4 owner=ours" };
  const first = shown("1", "www.example.test", "A", "192.0.2.1");
  const second = shown("2", "www.example.test", "A", "192.0.2.2");

  it.each<[string, unknown[], Change, object]>([
    [
      "a new RRset",
      [],
      creation(a(["192.0.2.1"], { owner: "ours" })),
      { posts: [record("192.0.2.1", ours)] },
    ],
    [
      "a new RRset that cannot be proxied",
      [],
      creation(observed(www, "TXT", ['"x"'])),
      { posts: [{ name: "www.example.test", type: "TXT", content: '"x"', ttl: 300 }] },
    ],
    [
      "a removal",
      [first, second],
      removal(a(["192.0.2.1", "192.0.2.2"])),
      { deletes: [{ id: "1" }, { id: "2" }] },
    ],
    [
      "another value, into which the old record is turned",
      [first],
      change(a(["192.0.2.1"]), a(["192.0.2.3"])),
      { patches: [{ id: "1", ...record("192.0.2.3") }] },
    ],
    [
      "a value more, and leaves the other alone",
      [first],
      change(a(["192.0.2.1"]), a(["192.0.2.1", "192.0.2.3"])),
      { posts: [record("192.0.2.3")] },
    ],
    [
      "a value less",
      [first, second],
      change(a(["192.0.2.1", "192.0.2.2"]), a(["192.0.2.2"])),
      { deletes: [{ id: "1" }] },
    ],
    [
      "another TTL",
      [first],
      change(a(["192.0.2.1"]), a(["192.0.2.1"], { ttl: 600 })),
      { patches: [{ id: "1", ...record("192.0.2.1", { ttl: 600 }) }] },
    ],
    [
      "another owner",
      [first],
      change(a(["192.0.2.1"]), a(["192.0.2.1"], { owner: "ours" })),
      { patches: [{ id: "1", ...record("192.0.2.1", ours) }] },
    ],
    [
      "a record that is proxied, which it is no longer",
      [{ ...first, proxied: true }],
      change(a(["192.0.2.1"]), a(["192.0.2.1"])),
      { patches: [{ id: "1", ...record("192.0.2.1") }] },
    ],
  ])("of %s", async (_, records, one, batch) => {
    await withZone(records, async (backend, asked) => {
      expect(await backend.apply([one])).toBe("applied");
      expect(batchesOf(asked)).toEqual([
        { method: "POST", path: `${PATH}/batch`, deletes: [], patches: [], posts: [], ...batch },
      ]);
    });
  });

  it("has an automatic TTL where records are proxied", async () => {
    const changes = [
      creation(a(["192.0.2.1"], { ttl: 1 })),
      creation(observed(www, "TXT", ['"x"'], { ttl: 60 })),
    ];
    await withZone(
      [],
      async (backend, asked) => {
        await backend.apply(changes);
        expect(batchesOf(asked)).toEqual([
          expect.objectContaining({
            posts: [
              record("192.0.2.1", { ttl: 1, proxied: true }),
              { name: "www.example.test", type: "TXT", content: '"x"', ttl: 60 },
            ],
          }),
        ]);
      },
      { proxied: true },
    );
  });

  it("sends nothing when all is as wanted", async () => {
    await withZone([first], async (backend, asked) => {
      expect(await backend.apply([change(a(["192.0.2.1"]), a(["192.0.2.1"]))])).toBe("applied");
      expect(batchesOf(asked)).toEqual([]);
    });
  });

  /** New RRsets of `sizes[i]` records each, at names of their own. */
  const many = (...sizes: number[]) =>
    sizes.map((size, index) => {
      const values = Array.from({ length: size }, (_, value) => `"${value}"`);
      return creation(observed(`n${index}.${ZONE}`, "TXT", values));
    });
  const sizesOf = (asked: readonly Asked[]) =>
    batchesOf(asked).map((batch) => (batch as unknown as { posts: unknown[] }).posts.length);

  it.each([
    [[200], [200]],
    [[100, 100], [200]],
    [
      [100, 101],
      [100, 101],
    ],
    [
      [150, 50, 1, 199],
      [200, 200],
    ],
  ])("of new RRsets of %j records takes batches of %j", async (sizes, batches) => {
    await withZone([], async (backend, asked) => {
      expect(await backend.apply(many(...sizes))).toBe("applied");
      expect(sizesOf(asked)).toEqual(batches);
    });
  });

  it("keeps the RRsets of one group in one batch", async () => {
    const [one, other, third] = many(120, 70, 90);
    await withZone([], async (backend, asked) => {
      await backend.apply([one!, other!, { ...third!, group: other!.name }]);
      expect(sizesOf(asked)).toEqual([120, 160]);
    });
  });

  it.each<[string, number[], boolean, string]>([
    ["a name has too many records", [201], true, "the records of one name do not fit into one batch of 200"],
    [
      "the changes may not be split",
      [100, 101],
      false,
      "the changes do not fit into one batch of 200 records",
    ],
  ])("is refused when %s", async (_, sizes, maySplit, message) => {
    await withZone(
      [],
      async (backend, asked) => {
        await expect(backend.apply(many(...sizes))).rejects.toThrow(message);
        expect(batchesOf(asked)).toEqual([]);
      },
      { maySplit },
    );
  });

  it("may fit into one batch that may not be split", async () => {
    await withZone([], async (backend) => expect(await backend.apply(many(200))).toBe("applied"), {
      maySplit: false,
    });
  });

  it.each([81044, 81053, 81054, 81057, 81058])("is stale by the code %d, and stops there", async (code) => {
    await withZone(
      [],
      async (backend, asked) => {
        expect(await backend.apply(many(150, 150))).toBe("stale");
        expect(batchesOf(asked)).toHaveLength(1);
      },
      { batch: () => ({ status: 400, body: { errors: [{ code: 1 }, { code }] } }) },
    );
  });

  it("fails with what the API says", async () => {
    const errors = [{ code: 9005, message: "Content is invalid." }];
    const work = withZone([], (backend) => backend.apply(many(1)), {
      batch: () => ({ status: 400, body: { errors } }),
    });
    await expect(work).rejects.toThrow(
      'Cloudflare refused the batch: [{"code":9005,"message":"Content is invalid."}]',
    );
  });
});
