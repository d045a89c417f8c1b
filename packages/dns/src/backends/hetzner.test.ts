import { describe, expect, it } from "@jest/globals";
import { change, creation, observed, removal, unlocked } from "../../tests/changes.ts";
import { type Answer, type Asked, withApi } from "../../tests/scripted-api.ts";
import type { Change } from "../rrset.ts";
import { HetznerBackend } from "./hetzner.ts";

const ZONE = "example.test.";
const ZONE_PATH = "/zones/example.test";
const www = `www.${ZONE}`;
const done = { status: 201, body: { action: { id: 1, command: "x", status: "success" } } };

function shown(
  name: string,
  type: string,
  values: string[],
  { ttl = null, labels, comment }: { ttl?: number | null; labels?: unknown; comment?: unknown } = {},
) {
  return { name, type, ttl, labels, records: values.map((value) => ({ value, comment })) };
}

/** Uses a zone that has these RRsets and the default TTL 3600; what is written is answered by `write`. */
function withZone<T>(
  rrsets: readonly unknown[],
  use: (backend: HetznerBackend, asked: Asked[]) => Promise<T>,
  write: (asked: Asked) => Answer = () => done,
): Promise<T> {
  const respond = (asked: Asked) => {
    if (asked.method !== "GET") return write(asked);
    if (asked.path === ZONE_PATH) return { body: { zone: { ttl: 3600 } } };
    return { body: { rrsets } };
  };
  const { signal } = new AbortController();
  return withApi(respond, (api, asked) => use(new HetznerBackend(api, ZONE, unlocked, signal), asked));
}

const readsOf = (asked: readonly Asked[]) =>
  asked.flatMap(({ method, path }) => (method === "GET" ? [path] : []));
const writesOf = (asked: readonly Asked[]) =>
  asked.flatMap(({ method, path, body }) => (method === "GET" ? [] : [[method, path, body]]));

describe("a read", () => {
  it("has TTLs, the zone's where there is none, and owners", async () => {
    const rrsets = [
      shown("@", "MX", ["10 mail"]),
      shown("www", "A", ["192.0.2.1"], { ttl: 60, labels: { "nixops4-owner": "ours", other: "x" } }),
      shown("odd", "A", ["192.0.2.2"], { ttl: 60, labels: { "nixops4-owner": 7 } }),
    ];
    const found = await withZone(rrsets, (backend) => backend.read([{ name: www, type: "A" }]));
    expect(Object.fromEntries(found)).toEqual({
      [`${ZONE} MX`]: observed(ZONE, "MX", [`10 mail.${ZONE}`], { ttl: 3600 }),
      [`${www} A`]: observed(www, "A", ["192.0.2.1"], { ttl: 60, owner: "ours" }),
      [`odd.${ZONE} A`]: observed(`odd.${ZONE}`, "A", ["192.0.2.2"], { ttl: 60 }),
    });
  });

  const named = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `n${index}.${ZONE}`, type: "A" }));

  it("of seven names asks for each", async () => {
    await withZone([], async (backend, asked) => {
      await backend.read([...named(7), { name: `n0.${ZONE}`, type: "AAAA" }]);
      expect(readsOf(asked)).toEqual([
        ZONE_PATH,
        ...named(7).map((_, index) => `${ZONE_PATH}/rrsets?per_page=50&page=1&name=n${index}`),
      ]);
    });
  });

  it("of eight names asks for the zone, and for its TTL only once", async () => {
    await withZone([], async (backend, asked) => {
      await backend.read(named(8));
      await backend.read(named(8));
      const all = `${ZONE_PATH}/rrsets?per_page=50&page=1`;
      expect(readsOf(asked)).toEqual([ZONE_PATH, all, all]);
    });
  });

  it("follows the pages", async () => {
    const pages: Record<string, unknown> = {
      "1": { zones: [{ name: "test" }], meta: { pagination: { next_page: 3 } } },
      "3": { zones: [{ name: "example.test" }], meta: { pagination: { next_page: null } } },
    };
    const respond = ({ path }: Asked) => ({
      body: pages[new URL(path, "http://x").searchParams.get("page")!],
    });
    const { signal } = new AbortController();
    await withApi(respond, async (api, asked) => {
      const backend = new HetznerBackend(api, ZONE, unlocked, signal);
      expect(await backend.findZone(www)).toBe(ZONE);
      expect(readsOf(asked)).toEqual(["/zones?per_page=50&page=1", "/zones?per_page=50&page=3"]);
    });
  });
});

describe("a write", () => {
  const before = observed(www, "A", ["192.0.2.1"], { ttl: 60 });
  const owned = observed(www, "A", ["192.0.2.1"], { ttl: 60, owner: "ours" });
  const shownBefore = shown("www", "A", ["192.0.2.1"], { ttl: 60, labels: { other: "x" } });
  const path = `${ZONE_PATH}/rrsets/www/A`;
  const records = (...values: string[]) => ({ records: values.map((value) => ({ value })) });
  const setRecords = ["POST", `${path}/actions/set_records`, records("192.0.2.2")];
  const changeTtl = ["POST", `${path}/actions/change_ttl`, { ttl: 90 }];
  const setLabels = ["PUT", path, { labels: { other: "x", "nixops4-owner": "ours" } }];

  it.each<[string, unknown[], Change, unknown[]]>([
    [
      "a new RRset",
      [],
      creation(owned),
      [
        [
          "POST",
          `${ZONE_PATH}/rrsets`,
          { name: "www", type: "A", ttl: 60, labels: { "nixops4-owner": "ours" }, ...records("192.0.2.1") },
        ],
      ],
    ],
    [
      "a new RRset of the zone without an owner",
      [],
      creation(observed(ZONE, "A", ["192.0.2.1"])),
      [
        [
          "POST",
          `${ZONE_PATH}/rrsets`,
          { name: "@", type: "A", ttl: 300, labels: {}, ...records("192.0.2.1") },
        ],
      ],
    ],
    ["a removal", [shownBefore], removal(before), [["DELETE", path, undefined]]],
    ["values", [shownBefore], change(before, observed(www, "A", ["192.0.2.2"], { ttl: 60 })), [setRecords]],
    ["a TTL", [shownBefore], change(before, observed(www, "A", ["192.0.2.1"], { ttl: 90 })), [changeTtl]],
    ["an owner", [shownBefore], change(before, owned), [setLabels]],
    [
      "an owner, a TTL and values, in this order",
      [shownBefore],
      change(before, observed(www, "A", ["192.0.2.2"], { ttl: 90, owner: "ours" })),
      [setLabels, changeTtl, setRecords],
    ],
    [
      "an owner that goes",
      [shown("www", "A", ["192.0.2.1"], { ttl: 60, labels: { other: "x", "nixops4-owner": "ours" } })],
      change(owned, before),
      [["PUT", path, { labels: { other: "x" } }]],
    ],
  ])("of %s", async (_, rrsets, one, written) => {
    await withZone(
      rrsets,
      async (backend, asked) => {
        expect(await backend.apply([one])).toBe("applied");
        expect(writesOf(asked)).toEqual(written);
      },
      ({ method }) => (method === "PUT" ? { body: {} } : done),
    );
  });

  it("keeps the comments of values that stay", async () => {
    const rrsets = [shown("www", "MX", ["10 mail"], { ttl: 60, comment: "why" })];
    const [from, to] = [[`10 mail.${ZONE}`], [`10 mail.${ZONE}`, `20 backup.${ZONE}`]].map((values) =>
      observed(www, "MX", values, { ttl: 60 }),
    );
    await withZone(rrsets, async (backend, asked) => {
      await backend.apply([change(from!, to!)]);
      const values = [{ value: `10 mail.${ZONE}`, comment: "why" }, { value: `20 backup.${ZONE}` }];
      expect(writesOf(asked)).toEqual([
        ["POST", `${ZONE_PATH}/rrsets/www/MX/actions/set_records`, { records: values }],
      ]);
    });
  });

  it("removes before it writes", async () => {
    const cname = observed(www, "CNAME", [`other.${ZONE}`]);
    await withZone([shownBefore], async (backend, asked) => {
      await backend.apply([creation(cname), removal(before)]);
      expect(writesOf(asked).map(([method]) => method)).toEqual(["DELETE", "POST"]);
    });
  });

  const next = observed(www, "A", ["192.0.2.2"], { ttl: 90, owner: "ours" });

  it.each<[string, number, Change[], string, number]>([
    ["a removal", 404, [removal(before), creation(observed(www, "AAAA", ["::1"]))], "DELETE", 1],
    ["a new RRset", 409, [creation(observed(www, "AAAA", ["::1"])), change(before, next)], "POST", 1],
    ["an owner", 423, [change(before, next)], "PUT", 1],
    ["an owner of what is gone", 404, [change(before, next)], "PUT", 1],
    ["a TTL", 423, [change(before, next)], "change_ttl", 2],
    ["values", 423, [change(before, next)], "set_records", 3],
  ])("is stale at %s that is answered %d, and stops there", async (_, status, changes, at, requests) => {
    await withZone(
      [shownBefore],
      async (backend, asked) => {
        expect(await backend.apply(changes)).toBe("stale");
        expect(writesOf(asked)).toHaveLength(requests);
      },
      ({ method, path: url }) => {
        if (method === at || url.endsWith(at)) return { status, body: {} };
        return method === "PUT" ? { body: {} } : done;
      },
    );
  });
});

describe("an action", () => {
  const created = observed(www, "A", ["192.0.2.1"]);

  /** Starts an action that is seen in these states, one after another. */
  function act(states: readonly Record<string, unknown>[], signal = new AbortController().signal) {
    let seen = 0;
    const action = () => ({ id: 7, command: "create_rrset", ...states[Math.min(seen++, states.length - 1)] });
    const respond = ({ method, path }: Asked) => {
      if (path === ZONE_PATH) return { body: { zone: { ttl: 3600 } } };
      if (method === "GET" && !path.startsWith("/actions/")) return { body: { rrsets: [] } };
      return { status: method === "GET" ? 200 : 201, body: { action: action() } };
    };
    return withApi(respond, async (api, asked) => {
      const result = await new HetznerBackend(api, ZONE, unlocked, signal).apply([creation(created)]);
      return { result, polls: readsOf(asked).filter((path) => path.startsWith("/actions/")) };
    });
  }

  it.each([
    ["ends at once", [{ status: "success" }], 0],
    ["runs for a while", [{ status: "running" }, { status: "running" }, { status: "success" }], 2],
  ])("that %s is waited for", async (_, states, count) => {
    const polls = Array.from({ length: count }, () => "/actions/7");
    expect(await act(states)).toEqual({ result: "applied", polls });
  });

  it.each([
    [
      [{ status: "running" }, { status: "error", error: { code: "action_failed", message: "no\n" } }],
      'the action "create_rrset" of Hetzner failed: "action_failed": "no\\n"',
    ],
    [
      [{ status: "odd", command: undefined }],
      'the action "of no name" of Hetzner failed: undefined: undefined',
    ],
  ])("in the states %j fails", async (states, message) => {
    await expect(act(states)).rejects.toThrow(message);
  });

  it("is not waited for after an interruption", async () => {
    const reason = new Error("interrupted");
    const error = await act([{ status: "running" }], AbortSignal.abort(reason)).catch((one: unknown) => one);
    expect(error).toMatchObject({ name: "AbortError", cause: reason });
  });
});
