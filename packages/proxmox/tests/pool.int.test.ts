import { expect, it } from "@jest/globals";
import { failure, itFollowsTheOfficialSchema, Member, useFakePve, vmInputs } from "./lab.ts";

const fake = useFakePve();
const apply = (more: object) => new Member("pool").apply({ connection: fake().connection, ...more });

it("creates nested pools, and changes only what differs", async () => {
  expect(await failure(apply({ name: "customers/web" }))).toContain(
    "the parent pool customers of customers/web does not exist",
  );
  await apply({ name: "customers" });
  expect(await apply({ name: "customers/web", comment: "Web", storages: ["files"] })).toEqual({
    poolId: "customers/web",
  });
  expect(fake().cluster.pools.get("customers/web")).toMatchObject({
    comment: "Web",
    storages: new Set(["files"]),
  });
  fake().requests.length = 0;
  await apply({ name: "customers/web", comment: "Web", storages: ["files"] });
  await apply({ name: "customers/web" });
  expect(fake().writes).toEqual([]);
  await apply({ name: "customers/web", comment: "Sites" });
  expect(fake().cluster.pools.get("customers/web")?.comment).toBe("Sites");
});

it("deletes an empty pool only", async () => {
  await apply({ name: "web" });
  await new Member("vm").apply(vmInputs(fake(), { pool: "web" }));
  expect(await failure(apply({ name: "web", ensure: "absent" }))).toContain("pool 'web' is not empty");
  fake().cluster.pools.get("web")!.guests.clear();
  await apply({ name: "web", ensure: "absent" });
  await apply({ name: "web", ensure: "absent" });
  expect(fake().cluster.pools.size).toBe(0);
});

itFollowsTheOfficialSchema();
