import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { type Answers, GONE, inTurn, tableClient } from "../../tests/table-client.ts";
import { PveError } from "../client/errors.ts";
import { Facts } from "./facts.ts";
import { findByName, locate } from "./find.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const ANSWERS: Answers = {
  "GET /nodes": [
    { node: "pve", status: "online" },
    { node: "pve2", status: "online" },
  ],
  "GET /cluster/resources": [],
  "GET /nodes/pve/qemu": [],
  "GET /nodes/pve2/qemu": [],
  "GET /nodes/pve/qemu/100/status/current": GONE,
  "GET /nodes/pve2/qemu/100/status/current": GONE,
};
const THERE = { status: "running" };
const ON_PVE2 = { "GET /nodes/pve2/qemu/100/status/current": THERE };

describe("a guest", () => {
  const locateWith = async (hint: string | undefined, more: Answers) => {
    const { client, asked } = tableClient({ ...ANSWERS, ...more });
    const found = await locate(client, new Facts(client), "qemu", 100, hint).catch((error: unknown) => error);
    return { found, asked: asked.map(([what]) => what.replace("GET ", "")) };
  };
  const listed = (vmid: number, type: string) => ({
    "GET /cluster/resources": [{ vmid, type, node: "pve2" }],
  });
  const current = (node: string) => `/nodes/${node}/qemu/100/status/current`;

  it.each([
    [
      "first on the node where it was",
      "pve",
      { "GET /nodes/pve/qemu/100/status/current": THERE },
      { node: "pve" },
      [current("pve")],
    ],
    [
      "then where the cluster lists it",
      "pve",
      { ...listed(100, "qemu"), ...ON_PVE2 },
      { node: "pve2" },
      [current("pve"), "/cluster/resources", current("pve2")],
    ],
    [
      "without a node by the list of the cluster",
      undefined,
      { ...listed(100, "qemu"), ...ON_PVE2 },
      { node: "pve2" },
      ["/cluster/resources", current("pve2")],
    ],
    [
      "then where a node lists it, when the list of the cluster is old",
      undefined,
      { ...listed(100, "qemu"), "GET /nodes/pve/qemu": [{ vmid: 101 }, { vmid: 100 }] },
      { node: "pve" },
      ["/cluster/resources", current("pve2"), "/nodes", "/nodes/pve/qemu", "/nodes/pve2/qemu"],
    ],
  ])("is looked for %s", async (_, hint, more, found, asked) => {
    expect(await locateWith(hint, more)).toEqual({ found: { kind: "qemu", vmid: 100, ...found }, asked });
  });

  it.each([
    ["nothing", {}],
    ["another ID", { ...listed(101, "qemu"), "GET /nodes/pve/qemu": [{ vmid: 101 }] }],
    ["a container with the ID", { ...listed(100, "lxc"), ...ON_PVE2 }],
  ])("does not exist where all nodes list %s", async (_, more) => {
    expect(await locateWith(undefined, more)).toMatchObject({ found: undefined });
  });

  it("may exist while a node is offline, which is not asked", async () => {
    const nodes = [
      { node: "pve", status: "online" },
      { node: "pve2", status: "unknown" },
      { node: "pve3", status: "offline" },
    ];
    const { found, asked } = await locateWith(undefined, { "GET /nodes": nodes });
    expect(found).toMatchObject({
      message: "cannot determine whether VM 100 is gone: pve2, pve3 is offline",
      hint: "Nothing was changed. Apply again when all nodes are online.",
    });
    expect(asked).toEqual(["/cluster/resources", "/nodes", "/nodes/pve/qemu"]);
  });

  it("is not taken for gone after another error", async () => {
    const error = new PveError("GET /x", 403, "no");
    expect((await locateWith("pve", { "GET /nodes/pve/qemu/100/status/current": error })).found).toBe(error);
  });
});

describe("a name", () => {
  const find = async (lists: unknown, seconds = 1) => {
    const { client, asked } = tableClient({ ...ANSWERS, "GET /nodes/pve/qemu": lists });
    const found = findByName(client, new Facts(client), "qemu", "web", seconds).catch(
      (error: unknown) => error,
    );
    await jest.advanceTimersByTimeAsync(20_000);
    return { found: await found, rounds: asked.filter(([what]) => what === "GET /nodes/pve/qemu").length };
  };
  const web = { vmid: 100, name: "web" };
  const being = (lock: string) => ({ vmid: 101, lock });
  const found = [{ kind: "qemu", node: "pve", vmid: 100 }];

  it.each([
    ["of no guest", [], [], 1],
    ["of another guest", [{ vmid: 100, name: "db" }], [], 1],
    ["of a guest", [web], found, 1],
    ["of a guest, while another is being created", [web, being("create")], found, 1],
    ["of a guest that is being created", inTurn([being("create")], [web]), found, 2],
    ["of a guest that is being cloned", inTurn([being("clone")], [web]), found, 2],
    ["of a guest that is being created under another name", inTurn([being("create")], []), [], 2],
    ["of no guest, where one without a name is locked otherwise", [being("backup")], [], 1],
    ["of no guest, where one without a name is not locked", [{ vmid: 101 }], [], 1],
    ["of no guest, where one with a name is being created", [{ ...being("create"), name: "db" }], [], 1],
  ])("%s", async (_, lists, guests, rounds) => {
    expect(await find(lists)).toEqual({ found: guests, rounds });
  });

  it("is waited for no longer than the timeout", async () => {
    const { found: error, rounds } = await find([being("create")], 0.4);
    expect(error).toMatchObject({
      message: "VM 101 is still being created after 0.4 s",
      hint: 'It may be "web". Wait for its task, or delete it if no task is running, and apply again.',
    });
    // After 0, 0.2 and 0.4 s, and once more.
    expect(rounds).toBe(4);
  });
});
