import { describe, expect, it } from "@jest/globals";
import { type Answers, guestAnswers, tableClient } from "../../tests/table-client.ts";
import { PveError } from "../client/errors.ts";
import { Facts } from "../guest/facts.ts";
import { createVm } from "./create.ts";
import type { Run } from "./run.ts";

const GONE = new PveError("GET /x", 500, "Configuration file 'x' does not exist");
const TEMPLATE = "/nodes/pve/qemu/900";
const MARKER = "<!-- nixops4: owner=us name=web -->";
const ANSWERS: Answers = {
  "GET /nodes": [{ node: "pve", status: "online" }],
  "GET /nodes/pve/storage": ["lvm", "zfs"].map((storage) => ({ storage, content: "images" })),
  "GET /access/permissions": {
    "/": Object.fromEntries(
      [
        "Allocate",
        "Audit",
        "Clone",
        "Config.Disk",
        "Config.CPU",
        "Config.Memory",
        "Config.HWType",
        "Config.Options",
      ]
        .map((name) => [`VM.${name}`, 1])
        .concat([
          ["Datastore.AllocateSpace", 1],
          ["Pool.Allocate", 1],
        ]),
    ),
  },
  "GET /cluster/nextid": "100",
  "POST /nodes/pve/qemu": null,
  [`POST ${TEMPLATE}/clone`]: null,
};

async function create(more: object, answers: Answers = {}) {
  const { client, writes } = tableClient({ ...ANSWERS, ...answers });
  const inputs = {
    node: "pve",
    name: "web",
    owner: "us",
    disks: {},
    extraConfig: {},
    started: false,
    taskTimeoutSeconds: 10,
    ...more,
  };
  const run = { kind: "qemu", client, facts: new Facts(client), inputs } as unknown as Run;
  const result = await createVm(run).catch((error: unknown) => error as Error);
  return { result: result instanceof Error ? result.message : result, writes: writes() };
}

describe("a new VM", () => {
  it.each([
    ["has its keys, its disks and its marker", {}, { description: MARKER }],
    ["has its notes", { description: "Notes" }, { description: `Notes\n\n${MARKER}` }],
    ["is in its pool from the beginning", { pool: "db" }, { pool: "db", description: MARKER }],
  ])("%s", async (_, more, params) => {
    const made = await create({ disks: { scsi0: { storage: "lvm", size: "8G" } }, ...more });
    expect(made).toEqual({
      result: { kind: "qemu", node: "pve", vmid: 100 },
      writes: [
        [
          "POST /nodes/pve/qemu",
          {
            vmid: 100,
            pool: undefined,
            name: "web",
            cores: "1",
            sockets: "1",
            cpu: "x86-64-v2-AES",
            memory: "2048",
            bios: "seabios",
            ostype: "l26",
            scsihw: "virtio-scsi-single",
            serial0: "socket",
            agent: "1",
            scsi0: "lvm:8",
            ...params,
          },
        ],
      ],
    });
  });

  it("is not created after a preflight that found something", async () => {
    const { result, writes } = await create({}, { "GET /access/permissions": {} });
    expect(result).toMatch(/^cannot create the VM web: nothing was changed:/);
    expect(writes).toEqual([]);
  });
});

describe("a clone", () => {
  const exists = guestAnswers(TEMPLATE, { scsi0: "lvm:base-900-disk-0,size=4G" }, { status: "stopped" });
  const clone = { vmid: 900, node: "pve", full: true };
  const requested = (more: object) => [
    [
      `POST ${TEMPLATE}/clone`,
      { newid: 100, name: "web", description: MARKER, pool: undefined, target: undefined, ...more },
    ],
  ];

  it.each([
    ["has copies of the disks", {}, { full: true, storage: undefined }],
    ["has copies on another storage", { storage: "zfs" }, { full: true, storage: "zfs" }],
    ["is linked", { full: false }, { full: false, storage: undefined }],
    // A linked clone stays on the storage of its template.
    [
      "that is linked has no storage of its own",
      { full: false, storage: "zfs" },
      { full: false, storage: undefined },
    ],
  ])("%s", async (_, more, params) => {
    expect(await create({ clone: { ...clone, ...more } }, exists)).toEqual({
      result: { kind: "qemu", node: "pve", vmid: 100 },
      writes: requested(params),
    });
  });

  it("is made on another node than its template", async () => {
    const nodes = { "GET /nodes": ["pve", "pve2"].map((node) => ({ node, status: "online" })) };
    const { result, writes } = await create({ node: "pve2", clone }, { ...exists, ...nodes });
    expect(result).toEqual({ kind: "qemu", node: "pve2", vmid: 100 });
    expect(writes).toEqual(requested({ full: true, storage: undefined, target: "pve2" }));
  });

  it("needs its template", async () => {
    const gone = {
      [`GET ${TEMPLATE}/status/current`]: GONE,
      "GET /cluster/resources": [],
      "GET /nodes/pve/qemu": [],
    };
    expect(await create({ clone }, gone)).toEqual({ result: "there is no VM 900 to clone", writes: [] });
  });

  const refused = (target: string, storage: string) =>
    "cannot clone VM 900: nothing was changed:\n" +
    `  disks.scsi0.storage: the clone of scsi0 would be on ${target}: set clone.storage = "${storage}"`;
  it.each([
    ["stays on the storage of its template", {}, "lvm", undefined],
    ["stays on a storage that is not set", {}, undefined, undefined],
    ["would be on another storage", {}, "zfs", refused("lvm", "zfs")],
    ["is on the storage of the clone", { storage: "zfs" }, "zfs", undefined],
    ["would be on the storage of the clone", { storage: "zfs" }, "lvm", refused("zfs", "lvm")],
    [
      "would be on the storage of its template when it is linked",
      { full: false, storage: "zfs" },
      "zfs",
      refused("lvm", "zfs"),
    ],
  ])("whose disk %s is made or refused", async (_, more, storage, message) => {
    const { result, writes } = await create(
      { clone: { ...clone, ...more }, disks: { scsi0: { storage } } },
      exists,
    );
    if (message === undefined) expect(writes).toHaveLength(1);
    else expect([result, writes]).toEqual([message, []]);
  });

  it("may get a disk that its template does not have", async () => {
    const { writes } = await create({ clone, disks: { scsi1: { storage: "zfs", size: "1G" } } }, exists);
    expect(writes).toEqual(requested({ full: true, storage: undefined }));
  });
});
