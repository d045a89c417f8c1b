import { describe, expect, it } from "@jest/globals";
import type { Changes } from "./changes.ts";
import type { GuestInputs } from "./guest-run.ts";
import type { Observed } from "./observe.ts";
import { type Plan, pathsFor, planForChange, planForCreate } from "./plan.ts";
import { scalar } from "./setting.ts";
import type { Volume } from "./volume.ts";

const inputs = (more: object = {}) => ({ node: "pve", ...more }) as unknown as GuestInputs;
/** Each need as a line. */
const linesOf = ({ privileges }: Plan) =>
  privileges.map(({ paths, anyOf, path }) => `${path}: ${anyOf.join("|")} on ${paths.join("|")}`);
const privilegeFor = (key: string, text: string) => `${key}=${text}`;

it.each([
  [undefined, undefined, ["/vms/0"]],
  [100, undefined, ["/vms/100"]],
  [100, "web", ["/vms/100", "/pool/web"]],
])("the privileges for the guest %s in the pool %s are looked up on %j", (vmid, pool, paths) => {
  expect(pathsFor(inputs({ pool }), vmid)).toEqual(paths);
});

describe("a new guest", () => {
  const bridge = { bridge: "vmbr0", path: "networks[0].bridge" };
  const disk = { storage: "lvm", content: "images", path: "disks.scsi0.storage" };
  const iso = { storage: "local", content: "iso", path: "cdrom.image" };
  const root = { storage: "zfs", content: "rootdir", path: "rootDisk.storage" };
  const file = { volume: "local:iso/a.iso", path: "cdrom.image" };
  const entries = [
    { ...scalar("net0", "networks[0]", "virtio"), uses: { bridges: [bridge] } },
    { ...scalar("scsi0", "disks.scsi0", "lvm:8"), uses: { storages: [disk] } },
    scalar("cores", "cores", 2),
  ];

  it("needs what its keys and its source use", () => {
    const plan = planForCreate(inputs(), entries, privilegeFor, { storages: [iso, root], volumes: [file] });
    expect(plan).toMatchObject({
      node: "pve",
      storages: [disk, iso, root],
      bridges: [bridge],
      volumes: [file],
    });
    // A file that exists needs no space.
    expect(linesOf(plan)).toEqual([
      "connection.tokenId: VM.Allocate on /vms/0",
      "connection.tokenId: VM.Audit on /vms/0",
      "name: VM.Config.Options on /vms/0",
      "networks[0]: net0=virtio on /vms/0",
      "disks.scsi0: scsi0=lvm:8 on /vms/0",
      "cores: cores=2 on /vms/0",
      "started: VM.PowerMgmt on /vms/0",
      "disks.scsi0.storage: Datastore.AllocateSpace on /storage/lvm",
      "rootDisk.storage: Datastore.AllocateSpace on /storage/zfs",
      "networks[0].bridge: SDN.Use on /sdn/zones/localnetwork/vmbr0",
    ]);
  });

  const always = [
    "connection.tokenId: VM.Allocate",
    "connection.tokenId: VM.Audit",
    "name: VM.Config.Options",
  ];
  const power = "started: VM.PowerMgmt";
  it.each([
    [{ started: false }, ["/vms/0"], always, []],
    [{ started: true }, ["/vms/0"], [...always, power], []],
    [
      { pool: "web", vmid: 100 },
      ["/vms/100", "/pool/web"],
      [...always, power],
      ["pool: VM.Allocate|Pool.Allocate on /pool/web"],
    ],
  ])("with %j needs them on %j", (more, paths, lines, others) => {
    const plan = planForCreate(inputs(more), [], privilegeFor, {});
    expect(plan).toMatchObject({ storages: [], bridges: [], volumes: [] });
    expect(linesOf(plan)).toEqual([...lines.map((line) => `${line} on ${paths.join("|")}`), ...others]);
  });
});

describe("a change", () => {
  const use = (name: string) => ({ bridges: [{ bridge: name, path: name }] });
  const settings = [
    { ...scalar("net0", "networks[0]", "virtio"), uses: use("vmbr0") },
    { ...scalar("net1", "networks[1]", "virtio"), uses: use("vmbr1") },
  ];
  const volume = (key: string) =>
    ({
      key,
      path: `disks.${key}`,
      uses: { storages: [{ storage: key, content: "images", path: key }] },
    }) as unknown as Volume;
  const volumes = ["scsi0", "scsi1", "scsi2"].map(volume);
  const seen = {
    node: "pve2",
    vmid: 100,
    values: new Map([
      ["scsi0", "lvm:a"],
      ["balloon", "0"],
    ]),
  } as unknown as Observed;
  const none = { set: new Map(), remove: [], grow: [], isRisky: false };
  const plan = (more: object, changes: object) =>
    planForChange(
      inputs(more),
      seen,
      { ...none, ...changes } as unknown as Changes,
      { settings, volumes, previousKeys: [], previousVolumes: [], mayDetach: false },
      privilegeFor,
    );

  it("needs what it writes, on the node of the guest", () => {
    const changes = {
      set: new Map([
        ["net0", "virtio"],
        ["scsi0", "lvm:a,ssd=1"],
        ["scsi1", "lvm:8"],
      ]),
      remove: ["balloon", "tags"],
      grow: [{ disk: "scsi2", size: "9G" }],
    };
    const planned = plan({}, changes);
    // A disk that exists allocates no space.
    expect(planned).toMatchObject({
      node: "pve2",
      storages: [{ storage: "scsi1" }],
      bridges: [{ bridge: "vmbr0" }],
    });
    expect(planned.storages).toHaveLength(1);
    expect(linesOf(planned)).toEqual([
      "networks[0]: net0=virtio on /vms/100",
      "disks.scsi0: scsi0=lvm:a,ssd=1 on /vms/100",
      "disks.scsi1: scsi1=lvm:8 on /vms/100",
      "balloon: balloon=0 on /vms/100",
      "tags: tags= on /vms/100",
      "disks.scsi2: scsi2= on /vms/100",
      "scsi1: Datastore.AllocateSpace on /storage/scsi1",
      "vmbr0: SDN.Use on /sdn/zones/localnetwork/vmbr0",
    ]);
  });

  it.each([
    [{}, true, []],
    [{ snapshotBefore: true }, true, ["snapshotBefore: VM.Snapshot on /vms/100"]],
    [{ snapshotBefore: true }, false, []],
    [{ rebootForChanges: true }, false, ["rebootForChanges: VM.PowerMgmt on /vms/100"]],
    [{ pool: "web" }, false, ["pool: VM.Allocate|Pool.Allocate on /pool/web"]],
  ])("with %j that is risky: %s needs %j", (more, isRisky, lines) => {
    expect(linesOf(plan(more, { isRisky }))).toEqual(lines);
  });
});
