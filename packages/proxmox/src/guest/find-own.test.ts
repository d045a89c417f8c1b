import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { type Answers, GONE, guestAnswers, inTurn, tableClient } from "../../tests/table-client.ts";
import { PveError } from "../client/errors.ts";
import { Facts } from "./facts.ts";
import { findOwn } from "./find-own.ts";
import type { GuestRun } from "./guest-run.ts";
import { takenViolations } from "./taken.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const NO_NODE = new PveError("GET /x", 500, "hostname lookup 'pve' failed - failed to get address info");
const REFUSED = new PveError("GET /x", 403, "no");
const marker = (owner: string, name: string) => `Notes\n\n<!-- nixops4: owner=${owner} name=${name} -->\n`;
const OURS = { name: "web", description: marker("us", "web") };

const at = (node: string, vmid = 100, kind = "qemu") => `/nodes/${node}/${kind}/${vmid}`;
const failing = (path: string, error: Error): Answers => ({
  [`GET ${path}/pending`]: error,
  [`GET ${path}/status/current`]: error,
});
const ANSWERS: Answers = {
  "GET /nodes": [
    { node: "pve", status: "online" },
    { node: "pve2", status: "online" },
  ],
  "GET /cluster/resources": [],
  ...Object.fromEntries(
    ["pve", "pve2"].flatMap((node) => ["qemu", "lxc"].map((kind) => [`GET /nodes/${node}/${kind}`, []])),
  ),
  ...Object.assign({}, ...["pve", "pve2"].map((node) => failing(at(node), GONE))),
};
const listed = (...vmids: number[]) => ({
  "GET /cluster/resources": vmids.map((vmid) => ({ vmid, name: "web", type: "qemu", node: "pve" })),
  "GET /nodes/pve/qemu": vmids.map((vmid) => ({ vmid, name: "web" })),
});

function runWith(inputs: object, previousOutputs: object | undefined, more: Answers) {
  const { client, asked } = tableClient({ ...ANSWERS, ...more });
  const run = {
    kind: "qemu",
    client,
    facts: new Facts(client),
    inputs: {
      node: "pve",
      name: "web",
      owner: "us",
      adopt: false,
      ifMissing: "refuse",
      ensure: "present",
      taskTimeoutSeconds: 1,
      ...inputs,
    },
    previousOutputs,
  } as unknown as GuestRun;
  return { run, asked };
}

/** Returns where the guest was found, or the error. */
async function find(inputs: object, previousOutputs: object | undefined, more: Answers) {
  const { run } = runWith(inputs, previousOutputs, more);
  const found = findOwn(run).then(
    (seen) => seen && { node: seen.node, vmid: seen.vmid },
    (error: unknown) => {
      const { message, path, hint } = error as PveError & { path?: string };
      return { message, path, hint };
    },
  );
  await jest.advanceTimersByTimeAsync(20_000);
  return found;
}

const FOUND = { node: "pve", vmid: 100 };
const MOVED = { node: "pve2", vmid: 100 };
const foreign = (whose: string, vmid = 100, name = "web") => ({
  message: `VM ${vmid} (${name}) on pve ${whose}`,
  path: "adopt",
  hint: `Nothing was changed. To take it over, set vmid = ${vmid} and adopt = true. Otherwise, choose another name or ID.`,
});
const NOT_OURS = foreign("was not created by nixops4");
const THEIRS = foreign("belongs to the owner them as web");

describe("a guest that an earlier run recorded", () => {
  const recorded = { vmid: 100, node: "pve" };
  it.each([
    ["is on its node", {}, recorded, guestAnswers(at("pve"), OURS), FOUND],
    ["is on the node of the inputs", {}, { vmid: 100 }, guestAnswers(at("pve"), OURS), FOUND],
    ["has the ID of the inputs", { vmid: 100 }, recorded, guestAnswers(at("pve"), OURS), FOUND],
    [
      "is gone, and its ID was given to another one",
      {},
      recorded,
      guestAnswers(at("pve"), { name: "db", description: marker("us", "db") }),
      {
        message: "VM 100 (web) is gone: VM 100 (db) on pve belongs to the owner us as db",
        path: "ifMissing",
        hint: 'Restore it from a backup, or set ifMissing = "create" to create a new one with empty disks.',
      },
    ],
    [
      "is on another node now",
      {},
      recorded,
      { "GET /nodes/pve2/qemu": [{ vmid: 100 }], ...guestAnswers(at("pve2"), OURS) },
      MOVED,
    ],
    [
      "is on another node, and its first one is gone",
      {},
      recorded,
      {
        ...failing(at("pve"), NO_NODE),
        "GET /nodes/pve2/qemu": [{ vmid: 100 }],
        ...guestAnswers(at("pve2"), OURS),
      },
      MOVED,
    ],
    ["was never marked", {}, recorded, guestAnswers(at("pve"), { name: "web" }), NOT_OURS],
    ["was never marked, and is taken over", { adopt: true }, recorded, guestAnswers(at("pve"), {}), FOUND],
    [
      "has another owner",
      {},
      recorded,
      guestAnswers(at("pve"), { ...OURS, description: marker("them", "web") }),
      THEIRS,
    ],
    [
      "is gone",
      {},
      recorded,
      {},
      {
        message: "VM 100 (web) is gone: no node has it",
        path: "ifMissing",
        hint: 'Restore it from a backup with this ID, or set ifMissing = "create" to create a new one with empty disks.',
      },
    ],
    ["is gone, and is to be created again", { ifMissing: "create" }, recorded, {}, undefined],
    ["is gone, and is to be absent", { ensure: "absent" }, recorded, {}, undefined],
    [
      "cannot change its ID",
      { vmid: 150 },
      recorded,
      {},
      {
        message: "VM 100 cannot change its ID to 150",
        path: "vmid",
        hint: "Set vmid back. To create another one, add a new member.",
      },
    ],
    [
      "cannot be read",
      {},
      recorded,
      failing(at("pve"), REFUSED),
      { message: "GET /x: 403 no", path: undefined, hint: expect.stringContaining("privilege") },
    ],
  ])("%s", async (_, inputs, outputs, more, wanted) => {
    expect(await find(inputs, outputs, more)).toEqual(wanted);
  });
});

it("that an earlier run recorded may get another name", async () => {
  const { run } = runWith({ name: "site" }, { vmid: 100, node: "pve" }, guestAnswers(at("pve"), OURS));
  expect(await findOwn({ ...run, previous: { name: "web" } })).toMatchObject(FOUND);
});

describe("a guest with an ID, which no run recorded,", () => {
  const creating = guestAnswers(at("pve"), {}, { lock: "create" });
  const pending = `GET ${at("pve")}/pending`;
  const status = `GET ${at("pve")}/status/current`;
  const done = guestAnswers(at("pve"), OURS);
  it.each([
    ["does not exist yet", {}, {}, undefined],
    ["is of an earlier run", {}, guestAnswers(at("pve"), OURS), FOUND],
    ["of another owner is left to the preflight", {}, guestAnswers(at("pve"), { name: "web" }), undefined],
    ["of another owner is taken over", { adopt: true }, guestAnswers(at("pve"), {}), FOUND],
    [
      "of another owner is not deleted",
      { ensure: "absent" },
      guestAnswers(at("pve"), { name: "web" }),
      NOT_OURS,
    ],
    ["is deleted", { ensure: "absent" }, guestAnswers(at("pve"), OURS), FOUND],
    [
      "is waited for while an earlier run creates it",
      {},
      {
        [pending]: inTurn(creating[pending], creating[pending], done[pending]),
        [status]: inTurn(creating[status], creating[status], done[status]),
      },
      FOUND,
    ],
    [
      "is not waited for without end",
      { ensure: "absent" },
      creating,
      foreign("was not created by nixops4", 100, "unnamed"),
    ],
  ])("%s", async (_, inputs, more, wanted) => {
    expect(await find({ vmid: 100, ...inputs }, undefined, more)).toEqual(wanted);
  });

  it("is looked for when the recorded one was deleted", async () => {
    expect(await find({ vmid: 100 }, { vmid: null, node: null }, done)).toEqual(FOUND);
  });
});

describe("a guest without an ID", () => {
  const other = guestAnswers(at("pve", 101), { ...OURS, description: marker("us", "db") });
  const named = guestAnswers(at("pve", 101), { name: "web" });
  it.each([
    ["does not exist yet", {}, {}, undefined],
    ["is found by its name and its marker", {}, { ...listed(100), ...guestAnswers(at("pve"), OURS) }, FOUND],
    [
      "is found without a question to each node",
      {},
      { ...listed(100), ...guestAnswers(at("pve"), OURS), "GET /nodes": REFUSED },
      FOUND,
    ],
    [
      "is found among others of its name",
      {},
      { ...listed(101, 100), ...named, ...guestAnswers(at("pve"), OURS) },
      FOUND,
    ],
    [
      "is found by the list of its node, where that of the cluster is old",
      {},
      { ...listed(100), "GET /cluster/resources": [], ...guestAnswers(at("pve"), OURS) },
      FOUND,
    ],
    [
      "is found where the list of the cluster has one that is gone",
      {},
      { ...listed(102, 100), ...failing(at("pve", 102), GONE), ...guestAnswers(at("pve"), OURS) },
      FOUND,
    ],
    [
      "is not a container of its name",
      {},
      { "GET /cluster/resources": [{ vmid: 100, name: "web", type: "lxc", node: "pve" }] },
      undefined,
    ],
    [
      "is not one of another name",
      {},
      {
        "GET /cluster/resources": [{ vmid: 100, name: "db", type: "qemu", node: "pve" }],
        "GET /nodes/pve/qemu": [{ vmid: 100, name: "db" }],
        ...guestAnswers(at("pve"), OURS),
      },
      undefined,
    ],
    [
      "is not one without a marker",
      {},
      { ...listed(101), ...named },
      foreign("was not created by nixops4", 101),
    ],
    [
      "is not one that was renamed",
      {},
      { ...listed(101), ...other },
      foreign("belongs to the owner us as db", 101),
    ],
    [
      "is not one of another owner, even when it may be taken over",
      { adopt: true },
      { ...listed(100), ...guestAnswers(at("pve"), { ...OURS, description: marker("them", "web") }) },
      THEIRS,
    ],
    [
      "of another owner is not in the way of a deletion",
      { ensure: "absent" },
      { ...listed(101), ...named },
      undefined,
    ],
    [
      "of another owner may not be deleted without its ID",
      { ensure: "absent", adopt: true },
      { ...listed(101), ...named },
      foreign("was not created by nixops4", 101),
    ],
  ])("%s", async (_, inputs, more, wanted) => {
    expect(await find(inputs, undefined, more)).toEqual(wanted);
  });
});

describe("the ID of a new guest", () => {
  const violations = async (inputs: object, more: Answers) => {
    const { run, asked } = runWith(inputs, undefined, more);
    return { violations: await takenViolations(run), asked: asked.length };
  };
  const container = at("pve", 100, "lxc");
  const inUse = (guest: string, way: string) => [{ path: "vmid", message: `${guest} ${way}` }];

  it("is not looked up when none is given", async () => {
    expect(await violations({}, {})).toEqual({ violations: [], asked: 0 });
  });

  it.each([
    ["is free", failing(container, GONE), []],
    [
      "is that of another VM",
      { ...guestAnswers(at("pve"), { name: "db" }), ...failing(container, GONE) },
      inUse(
        "VM 100 (db) on pve was not created by nixops4:",
        "choose another ID, or take it over with adopt = true",
      ),
    ],
    [
      "is that of a container",
      guestAnswers(container, { hostname: "db", description: marker("them", "db") }),
      inUse("container 100 (db) on pve belongs to the owner them as db:", "choose another ID"),
    ],
  ])("%s", async (_, more, wanted) => {
    expect((await violations({ vmid: 100 }, more)).violations).toEqual(wanted);
  });
});
