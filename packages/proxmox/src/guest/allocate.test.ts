import { describe, expect, it } from "@jest/globals";
import { inTurn, tableClient } from "../../tests/table-client.ts";
import { PveError, TaskError } from "../client/errors.ts";
import { createGuest, isTaken } from "./allocate.ts";

const TAKEN = new PveError("POST /nodes/pve/qemu", 500, "unable to create VM 100 - VM 100 already exists");
const REFUSED = new PveError("POST /nodes/pve/qemu", 500, "no space");

/** Creates a guest. The first `taken` attempts meet an ID that is in use. Returns what was tried. */
async function create(vmid: number | undefined, ids: string[], error: Error | undefined, times = Infinity) {
  const { client, asked } = tableClient({ "GET /cluster/nextid": inTurn(...ids) });
  const tried: number[] = [];
  const result = await createGuest(client, vmid, async (one) => {
    tried.push(one);
    if (error !== undefined && tried.length <= times) throw error;
  }).catch((reason: unknown) => reason);
  return { result, tried, asked: asked.length };
}

describe("with an ID", () => {
  it("uses it, and does not ask for a free one", async () => {
    expect(await create(150, [], undefined)).toEqual({ result: 150, tried: [150], asked: 0 });
  });

  it("refuses one that was taken meanwhile", async () => {
    const { result, tried } = await create(150, [], TAKEN);
    expect(result).toMatchObject({
      message: "the ID 150 was taken by another guest in the meantime",
      path: "vmid",
      cause: TAKEN,
    });
    expect(tried).toEqual([150]);
  });

  it("passes other errors on", async () => {
    expect((await create(150, [], REFUSED)).result).toBe(REFUSED);
  });
});

describe("without an ID", () => {
  it.each([
    ["the next free one", ["100"], 0, [100]],
    [
      "the next one when another run was faster, even if it is still listed as free",
      ["100"],
      2,
      [100, 101, 102],
    ],
    ["a higher one that is listed as free", ["100", "105"], 1, [100, 105]],
  ])("uses %s", async (_, ids, times, tried) => {
    const made = await create(undefined, ids, TAKEN, times);
    expect(made).toEqual({ result: tried.at(-1), tried, asked: tried.length });
  });

  it("passes other errors on at once", async () => {
    expect(await create(undefined, ["100"], REFUSED)).toEqual({ result: REFUSED, tried: [100], asked: 1 });
  });

  it("gives up after 100 attempts", async () => {
    const { result, tried } = await create(undefined, ["100"], TAKEN);
    expect(result).toBe(TAKEN);
    expect(tried).toHaveLength(100);
  });
});

it.each([
  [
    new TaskError("creating VM 100", "unable to create VM 100 - VM 100 already exists on node 'pve'", []),
    true,
  ],
  [
    new TaskError("creating VM 100", "unable to create CT 100 - CT 100 already exists on node 'pve'", []),
    true,
  ],
  [new TaskError("creating VM 100", "disk image 'vm-100-cloudinit' already exists", []), false],
  [new TaskError("creating VM 100", "no space", []), false],
  [TAKEN, true],
  [REFUSED, false],
  [new Error("VM 100 already exists"), false],
])("%s means that the ID is taken: %s", (error, wanted) => {
  expect(isTaken(error)).toBe(wanted);
});
