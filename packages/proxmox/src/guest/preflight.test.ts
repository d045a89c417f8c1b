import { describe, expect, it } from "@jest/globals";
import { tableClient, type Answers } from "../../tests/table-client.ts";
import { Facts } from "./facts.ts";
import type { Plan } from "./plan.ts";
import { preflight } from "./preflight.ts";

const ANSWERS: Answers = {
  "GET /nodes": [
    { node: "pve", status: "online" },
    { node: "pve2", status: "offline" },
  ],
  "GET /nodes/pve/storage": [
    { storage: "local", content: "iso,vztmpl", active: 1 },
    { storage: "lvm", content: "images" },
    { storage: "nfs", content: "images", active: 0 },
  ],
  "GET /nodes/pve/network": [{ iface: "vmbr0" }, { iface: "vnet1" }],
  "GET /nodes/pve/storage/local/content": [{ volid: "local:iso/a.iso" }],
  "GET /access/permissions": {
    "/": { "Sys.Audit": 1, "VM.Audit": 1, "VM.Console": 0 },
    "/vms": { "VM.Allocate": 1 },
    "/vms/100": { "VM.Allocate": 0 },
  },
};

/** The lines of the error, or none. */
async function problems(plan: Partial<Plan>, more: Answers = {}) {
  const { client, asked } = tableClient({ ...ANSWERS, ...more });
  const whole = { node: "pve", storages: [], bridges: [], volumes: [], privileges: [], ...plan };
  const [message] = await preflight(new Facts(client), "cannot create the VM web", whole).then(
    () => [],
    (error: unknown) => [(error as Error).message],
  );
  return { lines: message?.split("\n") ?? [], asked: asked.map(([what]) => what) };
}

const HEAD = "cannot create the VM web: nothing was changed:";
const storage = (storage: string, content: string) => ({ storage, content, path: "disks.scsi0.storage" });
const bridge = (bridge: string) => ({ bridge, path: "networks[0].bridge" });
const volume = (volume: string) => ({ volume, path: "cdrom.image" });
const need = (path: string, ...anyOf: string[]) => ({ paths: [path], anyOf, path: "name" });

it("accepts what exists and is granted, and asks for each fact once", async () => {
  const plan = {
    storages: [storage("lvm", "images"), storage("local", "vztmpl")],
    bridges: [bridge("vmbr0"), bridge("vnet1")],
    volumes: [volume("local:iso/a.iso"), volume("local:iso/a.iso")],
    privileges: [need("/vms/100", "VM.Allocate")],
  };
  expect(await problems(plan)).toEqual({
    lines: [],
    asked: [
      "GET /nodes",
      "GET /nodes/pve/storage",
      "GET /nodes/pve/network",
      "GET /access/permissions",
      "GET /nodes/pve/storage/local/content",
    ],
  });
});

it("asks only for what the plan names", async () => {
  expect(await problems({})).toEqual({ lines: [], asked: ["GET /nodes", "GET /access/permissions"] });
});

describe("a node", () => {
  const known = { path: "vmid", message: "is taken" };
  const other = { storages: [storage("no", "images")], privileges: [need("/", "Sys.Modify")] };
  it.each([
    ["pve9", "node: there is no node pve9; existing nodes: pve, pve2"],
    ["pve2", "node: pve2 is offline"],
  ])("%s is refused, without questions to it", async (node, line) => {
    expect(await problems({ node, violations: [known], ...other })).toEqual({
      lines: [HEAD, "  vmid: is taken", `  ${line}`],
      asked: ["GET /nodes"],
    });
  });

  it("is asked when other problems are known already", async () => {
    const { lines } = await problems({ violations: [known], bridges: [bridge("vmbr9")] });
    expect(lines).toEqual([
      HEAD,
      "  vmid: is taken",
      "  networks[0].bridge: there is no bridge vmbr9 on pve; existing bridges: vmbr0, vnet1",
    ]);
  });
});

describe("a storage", () => {
  it.each([
    [
      "no",
      "images",
      "the storage no is not on pve, or the token cannot see it (Datastore.Audit); existing storages: local, lvm, nfs",
    ],
    ["nfs", "images", "the storage nfs is not active on pve"],
    [
      "local",
      "images",
      "the storage local does not accept the content images (it accepts iso,vztmpl); to allow it, run as root: " +
        "pvesm set local --content iso,vztmpl,images",
    ],
    // Only a whole word is a content.
    [
      "lvm",
      "image",
      "the storage lvm does not accept the content image (it accepts images); to allow it, run as root: pvesm set lvm --content images,image",
    ],
  ])("%s for %s is refused", async (name, content, message) => {
    const { lines } = await problems({ storages: [storage(name, content)] });
    expect(lines).toEqual([HEAD, `  disks.scsi0.storage: ${message}`]);
  });
});

describe("a volume", () => {
  it("that does not exist is refused", async () => {
    const { lines } = await problems({ volumes: [volume("local:iso/b.iso")] });
    expect(lines).toEqual([HEAD, "  cdrom.image: there is no volume local:iso/b.iso on pve"]);
  });

  it("is looked up only when its storage has no problem", async () => {
    const { lines } = await problems({ storages: [storage("no", "iso")], volumes: [volume("no:iso/b.iso")] });
    expect(lines).toHaveLength(2);
  });
});

describe("a privilege", () => {
  it.each([
    ["of the path itself", true, need("/vms/100", "VM.Allocate")],
    ["of the path above", true, need("/vms/101", "VM.Allocate")],
    ["of the root, for a path below", true, need("/storage/lvm", "VM.Audit")],
    ["of the root itself, which does not propagate", true, need("/", "VM.Console")],
    ["of the root, which does not propagate", false, need("/storage/lvm", "VM.Console")],
    ["of the root, hidden by a nearer path", false, need("/vms/101", "VM.Audit")],
    ["that was never granted", false, need("/", "Sys.Modify")],
    ["of two, one of which was granted", true, need("/", "Sys.Modify", "Sys.Audit")],
    ["on one of two paths", true, { ...need("/vms/100", "Sys.Audit"), paths: ["/vms/100", "/pool/web"] }],
  ])("%s counts: %s", async (_, isEnough, privilege) => {
    expect((await problems({ privileges: [privilege] })).lines).toHaveLength(isEnough ? 0 : 2);
  });

  it("is not given without any permissions", async () => {
    const none = { "GET /access/permissions": {} };
    expect((await problems({ privileges: [need("/vms/100", "VM.Audit")] }, none)).lines).toHaveLength(2);
  });

  it("that is missing is reported once, with all ways to give it", async () => {
    const missing = { paths: ["/vms/101", "/pool/web"], anyOf: ["VM.Clone", "VM.Backup"], path: "name" };
    const { lines } = await problems({ privileges: [missing, missing] });
    expect(lines).toEqual([
      HEAD,
      "  name: the token lacks the privilege VM.Clone or VM.Backup on /vms/101 or /pool/web",
    ]);
  });
});

it.each([
  ["9.2.1", 9],
  ["10.0", 10],
])("the major version of %s is %d", async (version, major) => {
  expect(await new Facts(tableClient({ "GET /version": { version } }).client).major()).toBe(major);
});
