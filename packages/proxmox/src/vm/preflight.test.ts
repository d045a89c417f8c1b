import { describe, expect, it } from "@jest/globals";
import { type Answers, tableClient } from "../../tests/table-client.ts";
import { PveError } from "../client/errors.ts";
import { changesFor } from "../guest/changes.ts";
import { Facts } from "../guest/facts.ts";
import type { Observed } from "../guest/observe.ts";
import { preflightChanges, preflightCreate } from "./preflight.ts";
import type { Run } from "./run.ts";
import { wantedOf } from "./wanted.ts";

const GONE = new PveError("GET /x", 500, "Configuration file 'x' does not exist");
const ANSWERS: Answers = {
  "GET /nodes": [{ node: "pve", status: "online" }],
  "GET /nodes/pve/storage": [{ storage: "lvm", content: "images" }],
  "GET /nodes/pve/network": [{ iface: "vmbr0" }],
  "GET /access/permissions": {},
  "GET /version": { version: "9.2.1" },
};

function runWith(more: object, answers: Answers = {}) {
  const { client, asked } = tableClient({ ...ANSWERS, ...answers });
  const inputs = {
    node: "pve",
    name: "web",
    owner: "us",
    disks: {},
    extraConfig: {},
    started: false,
    ...more,
  };
  return { run: { kind: "qemu", client, facts: new Facts(client), inputs } as unknown as Run, asked };
}

/** Returns the input and the privilege of each need, which the token lacks. */
async function lacking(preflight: Promise<void>): Promise<string[]> {
  const [head, ...lines] = await preflight.then(
    () => [],
    (error: unknown) => (error as Error).message.split("\n"),
  );
  expect(head).toMatch(/^cannot (create the VM web|change VM 100): nothing was changed:$/);
  return lines.map((line) => line.trim().replace("the token lacks the privilege ", ""));
}

const ALWAYS = [
  "connection.tokenId: VM.Allocate on /vms/0",
  "connection.tokenId: VM.Audit on /vms/0",
  "name: VM.Config.Options on /vms/0",
];
const DEFAULTS = [
  "cores: VM.Config.CPU on /vms/0",
  "osType: VM.Config.Options on /vms/0",
  "sockets: VM.Config.CPU on /vms/0",
  "scsiController: VM.Config.HWType on /vms/0",
  "serialConsole: VM.Config.HWType on /vms/0",
  "bios: VM.Config.Options on /vms/0",
  "cpuType: VM.Config.CPU on /vms/0",
  "memory: VM.Config.Memory on /vms/0",
  "agent: VM.Config.Options on /vms/0",
];
const DISKS = { disks: { scsi0: { storage: "lvm", size: "8G" } } };
const AUDIT = "waitForIp: VM.GuestAgent.Audit or VM.GuestAgent.Unrestricted on /vms/0";

describe("a new VM needs", () => {
  it.each([
    ["what its keys need", {}, DEFAULTS],
    [
      "what its disks need",
      DISKS,
      [
        ...DEFAULTS,
        "disks.scsi0: VM.Config.Disk on /vms/0",
        "disks.scsi0.storage: Datastore.AllocateSpace on /storage/lvm",
      ],
    ],
    [
      "as a clone, what its template needs, and nothing for the disks, which it has",
      { ...DISKS, clone: { vmid: 900, full: true } },
      ["clone.vmid: VM.Clone on /vms/900"],
    ],
    [
      "space for a clone on another storage",
      { clone: { vmid: 900, full: true, storage: "lvm" } },
      ["clone.storage: Datastore.AllocateSpace on /storage/lvm", "clone.vmid: VM.Clone on /vms/900"],
    ],
    ["the agent for an address", { waitForIp: {} }, [...DEFAULTS, AUDIT]],
    ["the agent for an address, if it is enabled", { waitForIp: {}, agent: true }, [...DEFAULTS, AUDIT]],
    ["no agent for a static address", { waitForIp: {}, agent: false }, DEFAULTS],
    [
      "the agent for a host key",
      { waitForHostKey: {} },
      [...DEFAULTS, "waitForHostKey: VM.GuestAgent.FileRead or VM.GuestAgent.Unrestricted on /vms/0"],
    ],
    ["high availability", { ha: {} }, [...DEFAULTS, "ha: Sys.Console on /"]],
  ])("%s", async (_, more, lines) => {
    expect(await lacking(preflightCreate(runWith(more).run))).toEqual([...ALWAYS, ...lines]);
  });

  it("an ID that is free", async () => {
    const { run } = runWith(
      { vmid: 100 },
      {
        "GET /nodes/pve/qemu/100/status/current": { status: "stopped" },
        "GET /nodes/pve/qemu/100/pending": [{ key: "name", value: "db" }],
        "GET /nodes/pve/lxc/100/status/current": GONE,
        "GET /cluster/resources": [],
        "GET /nodes/pve/lxc": [],
      },
    );
    expect((await lacking(preflightCreate(run))).slice(0, 2)).toEqual([
      "vmid: VM 100 (db) on pve was not created by nixops4: choose another ID, or take it over with adopt = true",
      "connection.tokenId: VM.Allocate on /vms/100",
    ]);
  });
});

it("asks for the version only for the agent", async () => {
  const { run, asked } = runWith({ agent: false, waitForIp: {} });
  await lacking(preflightCreate(run));
  expect(asked.map(([what]) => what)).toEqual(["GET /nodes", "GET /access/permissions"]);
});

it("a change needs what its keys and the agent need", async () => {
  const { run } = runWith({ cores: 2, waitForHostKey: {} });
  const seen = {
    kind: "qemu",
    node: "pve",
    vmid: 100,
    values: new Map([["name", "web"]]),
  } as unknown as Observed;
  const changes = changesFor(wantedOf(run), seen);
  expect(await lacking(preflightChanges(run, seen, changes))).toEqual([
    "cores: VM.Config.CPU on /vms/100",
    "description: VM.Config.Options on /vms/100",
    "waitForHostKey: VM.GuestAgent.FileRead or VM.GuestAgent.Unrestricted on /vms/100",
  ]);
});
