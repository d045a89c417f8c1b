import { expect, it } from "@jest/globals";
import { inTurn, tableClient } from "../../tests/table-client.ts";
import { syncPool } from "./pool-membership.ts";

const GUEST = { kind: "qemu", node: "pve", vmid: 100 } as const;
const IN = [{ poolid: "web", members: [{ id: "storage/pve/lvm" }, { vmid: 99 }, { vmid: 100 }] }];
const TEXT = [{ poolid: "web", members: [{ vmid: "100" }] }];
const OUT = [{ poolid: "web", members: [{ vmid: 99 }] }];
const EMPTY = [{ poolid: "web" }];

const read = (poolid: string) => ["GET /pools", { poolid }];
const add = ["PUT /pools", { poolid: "web", vms: 100, "allow-move": true }];
const remove = ["PUT /pools", { poolid: "web", vms: 100, delete: true }];

it.each([
  ["needs no request without a pool", undefined, undefined, [], []],
  ["that is a member stays one", "web", undefined, [IN], [read("web")]],
  ["that is a member by an ID in text stays one", "web", "db", [TEXT], [read("web")]],
  ["is added", "web", undefined, [OUT, IN], [read("web"), add, read("web")]],
  ["is added to an empty pool", "web", undefined, [EMPTY, IN], [read("web"), add, read("web")]],
  ["is removed from the previous pool", undefined, "web", [IN], [read("web"), remove]],
  ["that was removed by hand is not removed again", undefined, "web", [OUT], [read("web")]],
])("a guest %s", async (_, wanted, previous, pools, requests) => {
  const { client, asked } = tableClient({ "GET /pools": inTurn(...pools), "PUT /pools": null });
  await syncPool(client, GUEST, wanted, previous);
  expect(asked).toEqual(requests);
});

it("an addition without an effect is an error", async () => {
  const { client } = tableClient({ "GET /pools": OUT, "PUT /pools": null });
  await expect(syncPool(client, GUEST, "web", undefined)).rejects.toMatchObject({
    message: "Proxmox VE reported success, but did not add VM 100 to the pool web",
    path: "pool",
  });
});
