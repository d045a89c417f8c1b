// Pools in this process. `pool.int.test.ts` runs the built executable.
import { expect, it } from "@jest/globals";
import { failureOf, Resource, useCluster } from "./in-process.ts";

const fake = useCluster();
const apply = (more: object) =>
  new Resource("pool").apply({ connection: { ...fake().connection, retrySeconds: 0 }, name: "web", ...more });
const add = (name: string, comment = "", storages: string[] = []) =>
  fake().cluster.pools.set(name, { comment, storages: new Set(storages), guests: new Set() });
const written = () => fake().writes.map(({ method, params }) => [method, params]);

it.each([
  ["is created", {}, [["POST", { poolid: "web" }]]],
  ["is created with a comment", { comment: "Web" }, [["POST", { poolid: "web", comment: "Web" }]]],
  [
    "is created with storages",
    { storages: ["local", "files"] },
    [
      ["POST", { poolid: "web" }],
      ["PUT", { poolid: "web", storage: "local,files" }],
    ],
  ],
  ["that is absent stays absent", { ensure: "absent" }, []],
])("a pool %s", async (_, more, writes) => {
  expect(await apply(more)).toEqual({ poolId: "web" });
  expect(written()).toEqual(writes);
});

it.each<[string, { ensure?: string; [input: string]: unknown }, unknown[]]>([
  ["stays", {}, []],
  ["stays with the same comment", { comment: "Web" }, []],
  ["gets another comment", { comment: "Sites" }, [["PUT", { poolid: "web", comment: "Sites" }]]],
  ["loses its comment", { comment: "" }, [["PUT", { poolid: "web", comment: "" }]]],
  ["stays with its storages", { storages: ["local"] }, []],
  ["gets a storage", { storages: ["local", "files"] }, [["PUT", { poolid: "web", storage: "files" }]]],
  ["is deleted", { ensure: "absent" }, [["DELETE", { poolid: "web" }]]],
])("an existing pool %s", async (_, more, writes) => {
  add("db");
  add("web", "Web", more.ensure === "absent" ? [] : ["local"]);
  expect(await apply(more)).toEqual({ poolId: "web" });
  expect(written()).toEqual(writes);
});

it("needs its parent", async () => {
  add("other");
  const message = await failureOf(apply({ name: "customers/web" }));
  expect(message).toContain("name: the parent pool customers of customers/web does not exist");
  expect(message).toContain('Create it first, and refer to it: name = "${members.PARENT.outputs.poolId}/…".');
  expect(fake().writes).toEqual([]);
  add("customers");
  expect(await apply({ name: "customers/web" })).toEqual({ poolId: "customers/web" });
});

it("has no comment that an existing pool without one would get", async () => {
  add("web");
  fake().inject(async (_, next) => {
    const answer = await next();
    for (const pool of (answer.data as { comment?: string }[] | null) ?? []) delete pool.comment;
    return answer;
  });
  await apply({ comment: "" });
  expect(fake().writes).toEqual([]);
});

it("is not asked for its members without storages to add", async () => {
  add("web");
  await apply({});
  expect(fake().requests.map(({ method, path, params }) => [method, path, params])).toEqual([
    ["GET", "/pools", {}],
  ]);
});

it("may be created by another run in the meantime", async () => {
  fake().inject(async ({ method }, next) => {
    if (method === "POST") add("web");
    return next();
  });
  expect(await apply({})).toEqual({ poolId: "web" });
});

it("may be refused", async () => {
  fake().inject(async ({ method }, next) => (method === "POST" ? { status: 500, reason: "no" } : next()));
  expect(await failureOf(apply({}))).toContain("POST /pools: 500 no");
});

it("must have its storages after they were added", async () => {
  add("web");
  fake().inject(async ({ method }, next) => (method === "PUT" ? { status: 200 } : next()));
  expect(await failureOf(apply({ storages: ["local", "files"] }))).toContain(
    "Proxmox VE did not add local, files to the pool web",
  );
});

it("may be gone when its members are read", async () => {
  fake().inject(async ({ method, params }, next) =>
    method === "GET" && params["poolid"] !== undefined ? { status: 200, data: [] } : next(),
  );
  expect(await failureOf(apply({ storages: ["local"] }))).toContain("Proxmox VE did not add local");
});
