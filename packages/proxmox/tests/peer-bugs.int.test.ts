// Bugs that users of other tools for Proxmox VE have reported.
import { describe, expect, it } from "@jest/globals";
import type { FakePve } from "./fake-pve/fake-pve.ts";
import { privileges, withoutPrivileges } from "./fake-pve/roles.ts";
import type { FakeRequest } from "./fake-pve/request.ts";
import { failure, itFollowsTheOfficialSchema, Member, useFakePve, vmInputs } from "./lab.ts";

const fake = useFakePve();
const GIB = 1024 ** 3;

async function createVm(more: object = {}) {
  const vm = new Member("vm");
  const inputs = vmInputs(fake(), more as never);
  const outputs = await vm.apply(inputs);
  fake().requests.length = 0;
  return { vm, inputs, outputs };
}

const paths = (requests: FakeRequest[]) =>
  requests.map(({ method, path }) => `${method} ${path.replace(/.*\/100\//, "")}`);

function addTemplate(pve: FakePve) {
  pve.cluster.addVolume("files:base-900-disk-0", "images", 4 * GIB);
  pve.cluster.addVolume("local-lvm:base-900-disk-1", "images", 1 * GIB);
  const template = pve.cluster.reserve("qemu", "pve", 900, "create");
  template.lock = undefined;
  template.config = {
    name: "debian",
    template: "1",
    cores: "1",
    memory: "512",
    boot: "order=virtio0;net0",
    scsihw: "lsi",
    virtio0: "files:base-900-disk-0,size=4G,discard=on",
    scsi1: "local-lvm:base-900-disk-1,size=1G",
    net0: "virtio=BC:24:11:AA:BB:CC,bridge=vmbr0",
  };
  return { vmid: 900 };
}

describe("resizing", () => {
  it("is not reverted by a change of the same disk that needs a power cycle", async () => {
    const { vm, inputs } = await createVm();
    const disks = { scsi0: { storage: "local-lvm", size: "12G", ioThread: true } };
    // No second attempt: the change contains the disk as it has grown.
    const connection = { ...fake().connection, retrySeconds: 0 };
    await vm.apply({ ...inputs, connection, disks, rebootForChanges: true });
    expect(fake().vm(100).config["scsi0"]).toBe("local-lvm:vm-100-disk-0,iothread=1,size=12G");
    const resizes = fake().writes.filter(({ path }) => path.endsWith("/resize"));
    expect(resizes.map(({ params }) => params)).toEqual([{ disk: "scsi0", size: "12288M" }]);
  });

  it("waits for a pending change of the same disk", async () => {
    const { vm, inputs } = await createVm();
    const disks = { scsi0: { storage: "local-lvm", size: "8G", ioThread: true } };
    expect(await failure(vm.apply({ ...inputs, disks }))).toContain("needs a power cycle for scsi0");
    const grown = { scsi0: { ...disks.scsi0, size: "12G" } };
    await vm.apply({ ...inputs, disks: grown, rebootForChanges: true });
    expect(fake().vm(100).config["scsi0"]).toBe("local-lvm:vm-100-disk-0,iothread=1,size=12G");
    expect(fake().writes.filter(({ path }) => path.endsWith("/resize"))).toHaveLength(1);
    expect(fake().vm(100).pending).toEqual({});
  });
});

it("is not done while cores and memory are pending", async () => {
  const { vm, inputs } = await createVm();
  const more = { ...inputs, cores: 4, memory: 4096 };
  const message = await failure(vm.apply(more));
  expect(message).toContain("VM 100 needs a power cycle for cores, memory");
  expect(message).toContain("set rebootForChanges = true");
  // The next apply has nothing to write, and fails, too.
  fake().requests.length = 0;
  expect(await failure(vm.apply(more))).toContain("VM 100 needs a power cycle for cores, memory");
  expect(fake().writes).toEqual([]);
  await vm.apply({ ...more, rebootForChanges: true });
  expect(fake().vm(100)).toMatchObject({
    config: { cores: "4", memory: "4096" },
    pending: {},
    status: "running",
    starts: 2,
  });
});

describe("cloning", () => {
  it("keeps each disk on its storage in the template, and grows the clone", async () => {
    const clone = addTemplate(fake());
    const inputs = { clone, disks: { virtio0: { size: "10G" } }, networks: [{ bridge: "vmbr1", vlan: 7 }] };
    const { outputs, vm, inputs: all } = await createVm(inputs);
    expect(outputs["vmid"]).toBe(100);
    expect(fake().vm(100).config).toMatchObject({
      virtio0: "files:vm-100-disk-0,discard=on,size=10G",
      scsi1: "local-lvm:vm-100-disk-0,size=1G",
      scsihw: "lsi",
      cores: "2",
    });
    expect(fake().vm(100).config["unused0"]).toBeUndefined();
    await vm.apply(all);
    expect(fake().writes).toEqual([]);
  });

  it("refuses a storage that the clone would not be on, before it clones", async () => {
    const clone = addTemplate(fake());
    const message = await failure(
      createVm({ clone, disks: { virtio0: { storage: "local-lvm", size: "10G" } } }),
    );
    expect(message).toContain(
      'disks.virtio0.storage: the clone of virtio0 would be on files: set clone.storage = "local-lvm"',
    );
    expect(fake().cluster.guests.size).toBe(1);
    await createVm({
      clone: { ...clone, storage: "local-lvm" },
      disks: { virtio0: { storage: "local-lvm", size: "10G" } },
    });
    expect(fake().vm(100).config["virtio0"]).toBe("local-lvm:vm-100-disk-0,discard=on,size=10G");
  });

  it("checks bridges and storages on the node of the clone", async () => {
    const { cluster } = fake();
    cluster.nodes.set("pve2", { isOnline: true, bridges: [] });
    for (const storage of cluster.storages.values()) storage.shared = true;
    const { vmid } = addTemplate(fake());
    fake().vm(vmid).node = "pve2";
    const { outputs } = await createVm({ clone: { vmid, node: "pve2" }, disks: {} });
    expect(outputs).toMatchObject({ vmid: 100, node: "pve" });
  });

  it("keeps the boot order of the template, unless the inputs set one", async () => {
    const clone = addTemplate(fake());
    await createVm({ clone, disks: {} });
    expect(fake().vm(100).config["boot"]).toBe("order=virtio0;net0");
    await new Member("vm").apply(
      vmInputs(fake(), { clone, disks: {}, name: "mail", bootOrder: ["net0", "virtio0"] }),
    );
    expect(fake().vm(101).config["boot"]).toBe("order=net0;virtio0");
  });
});

describe("power", () => {
  it("is not touched by a live change", async () => {
    const { vm, inputs } = await createVm();
    const live = { tags: ["a"], description: "Notes", name: "web2", onBoot: true };
    await vm.apply({ ...inputs, ...live, rebootForChanges: true });
    expect(fake().vm(100)).toMatchObject({ starts: 1, status: "running", config: { name: "web2" } });
    expect(paths(fake().writes)).toEqual(["PUT config"]);
  });

  it("stays off if the VM was stopped by hand or by its inputs", async () => {
    const { vm, inputs } = await createVm();
    fake().vm(100).status = "stopped";
    const more = { ...inputs, cores: 4, tags: ["a"], rebootForChanges: true };
    await vm.apply(more);
    expect(fake().vm(100)).toMatchObject({ status: "stopped", starts: 1, config: { cores: "4" } });
    // Pending changes become active when it starts: there is nothing to wait for.
    fake().vm(100).pending = { memory: "512" };
    await vm.apply({ ...more, memory: 512 });
    expect(fake().vm(100)).toMatchObject({ status: "stopped", starts: 1 });
    await vm.apply({ ...more, started: false, memory: 768 });
    expect(fake().vm(100)).toMatchObject({ status: "stopped", starts: 1 });
    await vm.apply({ ...more, started: true });
    expect(fake().vm(100)).toMatchObject({ status: "running", starts: 2, config: { memory: "1024" } });
  });
});

describe("a cluster list that lags", () => {
  const stale = async () => {
    let list: unknown[] | undefined;
    fake().inject(async ({ path }, next) => {
      const answer = await next();
      if (path !== "/cluster/resources") return answer;
      list ??= [];
      return { ...answer, data: list };
    });
  };

  it("neither duplicates a VM nor reports it as gone", async () => {
    fake().cluster.nodes.set("pve2", { isOnline: true, bridges: ["vmbr0"] });
    await stale();
    const { vm, inputs } = await createVm();
    vm.forget();
    await vm.apply(inputs);
    fake().vm(100).node = "pve2";
    await vm.apply({ ...inputs, tags: ["a"] });
    vm.forget();
    expect(await vm.apply({ ...inputs, tags: ["b"] })).toMatchObject({ vmid: 100, node: "pve2" });
    expect(fake().cluster.guests.size).toBe(1);
    expect(fake().vm(100).config["tags"]).toBe("b");
  });

  it("reports a VM as gone only if no node has it, and recreates it only if allowed", async () => {
    fake().cluster.nodes.set("pve2", { isOnline: false, bridges: [] });
    const { vm, inputs } = await createVm();
    fake().cluster.guests.delete(100);
    const changed = { ...inputs, cores: 3 };
    expect(await failure(vm.apply(changed))).toContain(
      "cannot determine whether VM 100 is gone: pve2 is offline",
    );
    fake().cluster.nodes.delete("pve2");
    expect(await failure(vm.apply(changed))).toContain("VM 100 (web) is gone: no node has it");
    expect(fake().writes).toEqual([]);
    await vm.apply({ ...changed, ifMissing: "create" });
    expect(fake().vm(100).config["cores"]).toBe("3");
  });
});

describe("privileges", () => {
  it.each(["8.4", "9.2"] as const)("depend on the version: %s", async (version) => {
    const pve = fake();
    pve.cluster.version = version;
    privileges(pve, { "/": withoutPrivileges(version, []) });
    const outputs = await new Member("vm").apply(vmInputs(pve, { waitForIp: {} }));
    expect(outputs["ipAddresses"]).toContain("192.0.2.100");
    const agent = version === "8.4" ? ["VM.Monitor"] : ["VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted"];
    privileges(pve, { "/": withoutPrivileges(version, agent) });
    const message = await failure(new Member("vm").apply(vmInputs(pve, { name: "mail", waitForIp: {} })));
    expect(message).toContain(`waitForIp: the token lacks the privilege ${agent.join(" or ")} on /vms/0`);
    expect(pve.cluster.guests.size).toBe(1);
  });
});

/** Holds the answers to the first requests for a free ID until so many have arrived: they all get the same ID. */
function giveAllTheSameId(count: number): () => void {
  let arrived = 0;
  let release = () => {};
  const all = new Promise<void>((resolve) => (release = resolve));
  return fake().inject(async ({ path }, next) => {
    const answer = await next();
    if (path !== "/cluster/nextid" || arrived === count) return answer;
    if (++arrived === count) release();
    await all;
    return answer;
  });
}

it("gives eight VMs that are created in parallel an ID each", async () => {
  const stop = giveAllTheSameId(8);
  const names = Array.from({ length: 8 }, (_, index) => `web${index}`);
  const outputs = await Promise.all(names.map((name) => new Member("vm").apply(vmInputs(fake(), { name }))));
  const ids = outputs.map(({ vmid }) => vmid as number);
  stop();
  expect(new Set(ids).size).toBe(8);
  for (const [index, vmid] of ids.entries()) expect(fake().vm(vmid).config["name"]).toBe(names[index]);
});

it("sends nothing at the second apply, and does not update a VM that is gone", async () => {
  const { vm, inputs } = await createVm({ tags: ["B", "a"], description: "Notes\n", cpuLimit: 0.5 });
  await vm.apply(inputs);
  expect(fake().writes).toEqual([]);
  fake().cluster.guests.delete(100);
  expect(await failure(vm.apply({ ...inputs, cores: 3 }))).toContain("is gone");
});

it("logs the warnings of a task, and reports the log of a failed task", async () => {
  const { tasks } = fake().cluster;
  const start = tasks.start.bind(tasks);
  tasks.start = (about, work) =>
    start(about, async (task) => {
      await work(task);
      if (about.type === "qmcreate") task.warn("the volume is thin and may fill up");
    });
  const vm = new Member("vm");
  await vm.apply(vmInputs(fake()));
  expect(vm.log).toContain("creating VM 100 (web): WARN: the volume is thin and may fill up");
  tasks.start = (about, work) =>
    start(about, async (task) => {
      task.log("kvm: -device foo: no such device");
      if (about.type === "qmstart") throw new Error("start failed: QEMU exited with code 1");
      await work(task);
    });
  const message = await failure(new Member("vm").apply(vmInputs(fake(), { name: "mail" })));
  expect(message).toContain("starting VM 101 failed: start failed: QEMU exited with code 1");
  expect(message).toContain("kvm: -device foo: no such device");
});

describe("an interrupted creation", () => {
  it("is found by its name and marker, and completed", async () => {
    const { vm, inputs } = await createVm({ started: false });
    vm.forget();
    expect(await vm.apply({ ...inputs, started: true })).toMatchObject({ vmid: 100 });
    expect(fake().vm(100).status).toBe("running");
    expect(fake().cluster.guests.size).toBe(1);
  });

  it("applies taskTimeoutSeconds to updates, too", async () => {
    const { vm, inputs } = await createVm();
    fake().cluster.tasks.durationMs = 3_000;
    const disks = { scsi0: { storage: "local-lvm", size: "9G" } };
    const message = await failure(vm.apply({ ...inputs, disks, taskTimeoutSeconds: 0.5 }));
    expect(message).toContain("growing scsi0 of VM 100 to 9216MiB took more than 0.5 s");
    await vm.apply({ ...inputs, disks, taskTimeoutSeconds: 20 });
    expect(fake().vm(100).config["scsi0"]).toContain("size=9G");
  });
});

describe("the next ten", () => {
  it("does not send format and source of an imported disk again", async () => {
    fake().cluster.addVolume("files:import/nixos.qcow2", "import", 2 * GIB);
    const scsi0 = { storage: "files", importFrom: "files:import/nixos.qcow2", size: "4G" };
    const { vm, inputs } = await createVm({ disks: { scsi0 } });
    await vm.apply({ ...inputs, disks: { scsi0: { ...scsi0, discard: true } } });
    const [change] = fake().writes;
    expect(change?.params["scsi0"]).toBe("files:vm-100-disk-0,discard=on");
    fake().requests.length = 0;
    // Another image changes nothing: a disk is not recreated.
    await vm.apply({
      ...inputs,
      disks: { scsi0: { ...scsi0, discard: true, importFrom: "files:import/other.qcow2" } },
    });
    expect(fake().writes).toEqual([]);
  });

  it("adds an EFI disk and a TPM to an existing VM", async () => {
    const { vm, inputs } = await createVm({ started: false });
    const firmware = { bios: "ovmf", efiDisk: { storage: "local-lvm" }, tpm: { storage: "local-lvm" } };
    const outputs = await vm.apply({ ...inputs, ...firmware });
    expect(outputs["vmid"]).toBe(100);
    expect(fake().vm(100).config).toMatchObject({
      efidisk0: expect.stringContaining("efitype=4m"),
      tpmstate0: expect.stringContaining("version=v2.0"),
      scsi0: "local-lvm:vm-100-disk-0,size=8G",
    });
    expect(paths(fake().writes)).toEqual(["POST config"]);
  });

  it("deletes the keys of removed inputs", async () => {
    const { vm, inputs } = await createVm({
      tags: ["a"],
      description: "Notes",
      cpuLimit: 2,
      onBoot: true,
      cdrom: {},
      networks: [{ bridge: "vmbr0", vlan: 5 }, { bridge: "vmbr1" }],
      extraConfig: { cpuunits: "50" },
    });
    const { tags: _, description: __, cpuLimit: ___, onBoot: ____, cdrom: _____, ...rest } = inputs;
    await vm.apply({ ...rest, networks: [{ bridge: "vmbr0" }], extraConfig: {}, rebootForChanges: true });
    const { config } = fake().vm(100);
    expect(
      Object.keys(config).filter((key) => /^(tags|cpulimit|onboot|ide2|net1|cpuunits)$/.test(key)),
    ).toEqual([]);
    expect(config["description"]).toBe("<!-- nixops4: owner=nixops4 name=web -->\n");
    expect(config["net0"]).not.toContain("tag=");
  });

  it("does not migrate a VM, and checks what it uses on its own node", async () => {
    const { vm, inputs } = await createVm({ efiDisk: { storage: "local-lvm" }, bios: "ovmf" });
    // Only the node of the VM has its bridges.
    fake().cluster.nodes.set("pve2", { isOnline: true, bridges: [] });
    const moved = { ...inputs, node: "pve2" };
    expect(await vm.apply(moved)).toMatchObject({ vmid: 100, node: "pve" });
    expect(fake().writes).toEqual([]);
    const networks = [{ bridge: "vmbr1" }];
    expect(await vm.apply({ ...moved, networks })).toMatchObject({ vmid: 100, node: "pve" });
    expect(paths(fake().writes)).toEqual(["PUT config"]);
  });

  it("waits until the agent answers, also after a power cycle", async () => {
    const { vm, inputs } = await createVm({ waitForIp: {} });
    fake().vm(100).bootMs = 700;
    const outputs = await vm.apply({ ...inputs, cores: 4, rebootForChanges: true });
    expect(outputs["ipAddresses"]).toEqual(["192.0.2.100", "2001:db8::100"]);
  });

  it("sends numbers in the format of Proxmox VE, and recognizes them", async () => {
    const { vm, inputs } = await createVm({ cpuLimit: 1.5, balloon: 0 });
    expect(fake().vm(100).config).toMatchObject({ cpulimit: "1.5", balloon: "0" });
    fake().vm(100).config["cpulimit"] = "1.50";
    fake().vm(100).config["memory"] = "current=1024";
    await vm.apply(inputs);
    expect(fake().writes).toEqual([]);
  });

  it("keeps a generated MAC address when the card changes", async () => {
    const { vm, inputs, outputs } = await createVm();
    const changed = await vm.apply({ ...inputs, networks: [{ bridge: "vmbr1", vlan: 9, firewall: true }] });
    expect(changed["macAddresses"]).toEqual(outputs["macAddresses"]);
    expect(fake().vm(100).config["net0"]).toMatch(/^virtio=BC:24:11:.*,bridge=vmbr1,firewall=1,tag=9$/);
  });

  it("keeps the addresses at an apply that changes nothing", async () => {
    const { vm, inputs, outputs } = await createVm({ waitForIp: {} });
    expect(outputs["ipAddresses"]).not.toEqual([]);
    expect(await vm.apply(inputs)).toEqual(outputs);
  });

  it("changes only the inputs that are set in an adopted VM", async () => {
    const { vm } = await createVm({
      cores: 7,
      memory: 3072,
      cpuType: "host",
      bios: "ovmf",
      scsiController: "lsi",
      onBoot: true,
    });
    vm.forget();
    fake().vm(100).config["description"] = "Made by hand\n";
    fake().vm(100).status = "stopped";
    const before = { ...fake().vm(100).config };
    const { connection, node } = vmInputs(fake());
    const bare = { connection, node, name: "web", vmid: 100 };
    const message = await failure(vm.apply(bare));
    expect(message).toContain("VM 100 (web) on pve was not created by nixops4");
    expect(message).toContain("choose another ID, or take it over with adopt = true");
    await vm.apply({ ...bare, adopt: true });
    expect(fake().vm(100)).toMatchObject({ status: "stopped", pending: {} });
    expect(fake().vm(100).config).toEqual({
      ...before,
      description: "Made by hand\n\n<!-- nixops4: owner=nixops4 name=web -->\n",
    });
  });

  it("adds a cloud-init drive to an existing VM", async () => {
    const { vm, inputs } = await createVm({ started: false });
    const cloudInit = { storage: "local-lvm", user: "root", ipv4: "dhcp" };
    await vm.apply({ ...inputs, cloudInit });
    expect(fake().vm(100).config).toMatchObject({
      ide0: "local-lvm:vm-100-cloudinit,media=cdrom,size=4M",
      ciuser: "root",
      ipconfig0: "ip=dhcp",
    });
    fake().requests.length = 0;
    await vm.apply({ ...inputs, cloudInit: { ...cloudInit, user: "admin" } });
    expect(paths(fake().writes)).toEqual(["PUT config"]);
    expect(fake().writes[0]?.params).toEqual({ ciuser: "admin", digest: expect.any(String) });
  });
});

describe("a disk", () => {
  it("is not shrunk, moved or removed because an input changed", async () => {
    const disks = {
      scsi0: { storage: "local-lvm", size: "8G" },
      scsi1: { storage: "local-lvm", size: "1G" },
    };
    const { vm, inputs } = await createVm({ disks });
    const message = await failure(
      vm.apply({ ...inputs, disks: { scsi0: { storage: "files", size: "4G" } } }),
    );
    expect(message).toContain(
      "disks.scsi0.storage: is on the storage local-lvm and is not moved: run `qm disk move",
    );
    expect(message).toContain("disks.scsi0.size: is 8G, and a disk never shrinks");
    expect(message).toContain("disks.scsi1: is no longer in the inputs and holds data");
    expect(fake().writes).toEqual([]);
  });

  it("that is detached stays as an unused disk, which a new disk does not replace", async () => {
    const disks = {
      scsi0: { storage: "local-lvm", size: "8G" },
      scsi1: { storage: "local-lvm", size: "1G" },
    };
    const { vm, inputs } = await createVm({ disks });
    await vm.apply({ ...inputs, disks: { scsi0: disks.scsi0 }, detachRemovedDisks: true });
    expect(fake().vm(100).config).toMatchObject({ unused0: "local-lvm:vm-100-disk-1" });
    expect(fake().vm(100).config["scsi1"]).toBeUndefined();
    await vm.apply({ ...inputs, disks });
    expect(fake().vm(100).config).toMatchObject({
      unused0: "local-lvm:vm-100-disk-1",
      scsi1: "local-lvm:vm-100-disk-2,size=1G",
    });
  });

  it("is changed after a snapshot if snapshotBefore is set", async () => {
    const { vm, inputs } = await createVm({ snapshotBefore: true });
    await vm.apply({ ...inputs, tags: ["a"] });
    expect(fake().vm(100).snapshots).toEqual([]);
    await vm.apply({
      ...inputs,
      tags: ["a"],
      disks: { scsi0: { storage: "local-lvm", size: "8G", discard: true } },
    });
    expect(fake().vm(100).snapshots).toEqual([expect.stringMatching(/^nixops4-\d{8}T\d{6}$/)]);
  });
});

itFollowsTheOfficialSchema();
