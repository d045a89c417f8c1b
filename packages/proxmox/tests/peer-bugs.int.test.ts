// What users of other tools for Proxmox VE have reported, a test each.
import { describe, expect, it } from "@jest/globals";
import type { FakePve } from "./fake-pve/fake-pve.ts";
import { privileges, withoutPrivileges } from "./fake-pve/roles.ts";
import type { FakeRequest } from "./fake-pve/request.ts";
import { failure, itFollowsTheOfficialSchema, Member, useFakePve, vmInputs } from "./lab.ts";

const fake = useFakePve();
const GIB = 1024 ** 3;

async function made(more: object = {}) {
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
  it("is not taken back by a change of the same disk that needs a power cycle", async () => {
    const { vm, inputs } = await made();
    const disks = { scsi0: { storage: "local-lvm", size: "12G", ioThread: true } };
    // Without another try: the change is made of the disk as it has grown.
    const connection = { ...fake().connection, retrySeconds: 0 };
    await vm.apply({ ...inputs, connection, disks, rebootForChanges: true });
    expect(fake().vm(100).config["scsi0"]).toBe("local-lvm:vm-100-disk-0,iothread=1,size=12G");
    const resizes = fake().writes.filter(({ path }) => path.endsWith("/resize"));
    expect(resizes.map(({ params }) => params)).toEqual([{ disk: "scsi0", size: "12288M" }]);
  });

  it("waits for a change of the same disk that is pending from before", async () => {
    const { vm, inputs } = await made();
    const disks = { scsi0: { storage: "local-lvm", size: "8G", ioThread: true } };
    expect(await failure(vm.apply({ ...inputs, disks }))).toContain("has to be power cycled for scsi0");
    const grown = { scsi0: { ...disks.scsi0, size: "12G" } };
    await vm.apply({ ...inputs, disks: grown, rebootForChanges: true });
    expect(fake().vm(100).config["scsi0"]).toBe("local-lvm:vm-100-disk-0,iothread=1,size=12G");
    expect(fake().writes.filter(({ path }) => path.endsWith("/resize"))).toHaveLength(1);
    expect(fake().vm(100).pending).toEqual({});
  });
});

it("is not done while cores and memory are only pending", async () => {
  const { vm, inputs } = await made();
  const more = { ...inputs, cores: 4, memory: 4096 };
  const message = await failure(vm.apply(more));
  expect(message).toContain("VM 100 has to be power cycled for cores, memory");
  expect(message).toContain("set rebootForChanges = true");
  // Not at the next apply either, which has nothing to write.
  fake().requests.length = 0;
  expect(await failure(vm.apply(more))).toContain("VM 100 has to be power cycled for cores, memory");
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
  it("keeps each disk on the template's storage, whole, and grows the copy", async () => {
    const clone = addTemplate(fake());
    const inputs = { clone, disks: { virtio0: { size: "10G" } }, networks: [{ bridge: "vmbr1", vlan: 7 }] };
    const { outputs, vm, inputs: all } = await made(inputs);
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

  it("refuses a storage that the copy would not be on, before it copies", async () => {
    const clone = addTemplate(fake());
    const message = await failure(made({ clone, disks: { virtio0: { storage: "local-lvm", size: "10G" } } }));
    expect(message).toContain(
      'disks.virtio0.storage: the copy of virtio0 would be on files: set clone.storage = "local-lvm"',
    );
    expect(fake().cluster.guests.size).toBe(1);
    await made({
      clone: { ...clone, storage: "local-lvm" },
      disks: { virtio0: { storage: "local-lvm", size: "10G" } },
    });
    expect(fake().vm(100).config["virtio0"]).toBe("local-lvm:vm-100-disk-0,discard=on,size=10G");
  });

  it("looks for bridges and storages on the node that the copy is for", async () => {
    const { cluster } = fake();
    cluster.nodes.set("pve2", { isOnline: true, bridges: [] });
    for (const storage of cluster.storages.values()) storage.shared = true;
    const { vmid } = addTemplate(fake());
    fake().vm(vmid).node = "pve2";
    const { outputs } = await made({ clone: { vmid, node: "pve2" }, disks: {} });
    expect(outputs).toMatchObject({ vmid: 100, node: "pve" });
  });

  it("keeps the boot order of the template, or has the one that is asked for", async () => {
    const clone = addTemplate(fake());
    await made({ clone, disks: {} });
    expect(fake().vm(100).config["boot"]).toBe("order=virtio0;net0");
    await new Member("vm").apply(
      vmInputs(fake(), { clone, disks: {}, name: "mail", bootOrder: ["net0", "virtio0"] }),
    );
    expect(fake().vm(101).config["boot"]).toBe("order=net0;virtio0");
  });
});

describe("power", () => {
  it("is not touched by a change that is live", async () => {
    const { vm, inputs } = await made();
    const live = { tags: ["a"], description: "Notes", name: "web2", onBoot: true };
    await vm.apply({ ...inputs, ...live, rebootForChanges: true });
    expect(fake().vm(100)).toMatchObject({ starts: 1, status: "running", config: { name: "web2" } });
    expect(paths(fake().writes)).toEqual(["PUT config"]);
  });

  it("stays off where somebody stopped it, or it is to be off, whatever changes", async () => {
    const { vm, inputs } = await made();
    fake().vm(100).status = "stopped";
    const more = { ...inputs, cores: 4, tags: ["a"], rebootForChanges: true };
    await vm.apply(more);
    expect(fake().vm(100)).toMatchObject({ status: "stopped", starts: 1, config: { cores: "4" } });
    // What is pending becomes active when it starts: there is nothing to wait for.
    fake().vm(100).pending = { memory: "512" };
    await vm.apply({ ...more, memory: 512 });
    expect(fake().vm(100)).toMatchObject({ status: "stopped", starts: 1 });
    await vm.apply({ ...more, started: false, memory: 768 });
    expect(fake().vm(100)).toMatchObject({ status: "stopped", starts: 1 });
    await vm.apply({ ...more, started: true });
    expect(fake().vm(100)).toMatchObject({ status: "running", starts: 2, config: { memory: "1024" } });
  });
});

describe("a cluster whose list is late", () => {
  const stale = async () => {
    let list: unknown[] | undefined;
    fake().inject(async ({ path }, next) => {
      const answer = await next();
      if (path !== "/cluster/resources") return answer;
      list ??= [];
      return { ...answer, data: list };
    });
  };

  it("does not make a VM twice, nor take one for gone", async () => {
    fake().cluster.nodes.set("pve2", { isOnline: true, bridges: ["vmbr0"] });
    await stale();
    const { vm, inputs } = await made();
    vm.forget();
    await vm.apply(inputs);
    fake().vm(100).node = "pve2";
    await vm.apply({ ...inputs, tags: ["a"] });
    vm.forget();
    expect(await vm.apply({ ...inputs, tags: ["b"] })).toMatchObject({ vmid: 100, node: "pve2" });
    expect(fake().cluster.guests.size).toBe(1);
    expect(fake().vm(100).config["tags"]).toBe("b");
  });

  it("tells a VM that is gone only when every node was asked, and makes it again only when told", async () => {
    fake().cluster.nodes.set("pve2", { isOnline: false, bridges: [] });
    const { vm, inputs } = await made();
    fake().cluster.guests.delete(100);
    const changed = { ...inputs, cores: 3 };
    expect(await failure(vm.apply(changed))).toContain("cannot tell whether VM 100 is gone: pve2 is offline");
    fake().cluster.nodes.delete("pve2");
    expect(await failure(vm.apply(changed))).toContain("VM 100 (web) is gone: no node has it");
    expect(fake().writes).toEqual([]);
    await vm.apply({ ...changed, ifMissing: "create" });
    expect(fake().vm(100).config["cores"]).toBe("3");
  });
});

describe("privileges", () => {
  it.each(["8.4", "9.2"] as const)("are those of version %s", async (version) => {
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

it("gives each of eight VMs that are made at once an ID of its own", async () => {
  const names = Array.from({ length: 8 }, (_, index) => `web${index}`);
  const outputs = await Promise.all(names.map((name) => new Member("vm").apply(vmInputs(fake(), { name }))));
  const ids = outputs.map(({ vmid }) => vmid as number);
  expect(new Set(ids).size).toBe(8);
  for (const [index, vmid] of ids.entries()) expect(fake().vm(vmid).config["name"]).toBe(names[index]);
});

it("sends nothing at the second apply, and refuses to update what is not there", async () => {
  const { vm, inputs } = await made({ tags: ["B", "a"], description: "Notes\n", cpuLimit: 0.5 });
  await vm.apply(inputs);
  expect(fake().writes).toEqual([]);
  fake().cluster.guests.delete(100);
  expect(await failure(vm.apply({ ...inputs, cores: 3 }))).toContain("is gone");
});

it("takes a task with warnings for done, and shows them; one that failed comes with its log", async () => {
  const { tasks } = fake().cluster;
  const start = tasks.start.bind(tasks);
  tasks.start = (about, work) =>
    start(about, async (task) => {
      await work(task);
      if (about.type === "qmcreate") task.warn("the volume is thin and may fill up");
    });
  const vm = new Member("vm");
  await vm.apply(vmInputs(fake()));
  expect(vm.log).toContain("making VM 100 (web): WARN: the volume is thin and may fill up");
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

describe("made but not recorded", () => {
  it("is found by its name and marker, and finished", async () => {
    const { vm, inputs } = await made({ started: false });
    vm.forget();
    expect(await vm.apply({ ...inputs, started: true })).toMatchObject({ vmid: 100 });
    expect(fake().vm(100).status).toBe("running");
    expect(fake().cluster.guests.size).toBe(1);
  });

  it("a task has the time that is set for it, at update, too", async () => {
    const { vm, inputs } = await made();
    fake().cluster.tasks.durationMs = 3_000;
    const disks = { scsi0: { storage: "local-lvm", size: "9G" } };
    const message = await failure(vm.apply({ ...inputs, disks, taskTimeoutSeconds: 0.5 }));
    expect(message).toContain("growing scsi0 of VM 100 to 9216MiB takes more than 0.5 s");
    await vm.apply({ ...inputs, disks, taskTimeoutSeconds: 20 });
    expect(fake().vm(100).config["scsi0"]).toContain("size=9G");
  });
});

describe("the next ten", () => {
  it("sends neither format nor source of an imported disk again", async () => {
    fake().cluster.addVolume("files:import/nixos.qcow2", "import", 2 * GIB);
    const scsi0 = { storage: "files", importFrom: "files:import/nixos.qcow2", size: "4G" };
    const { vm, inputs } = await made({ disks: { scsi0 } });
    await vm.apply({ ...inputs, disks: { scsi0: { ...scsi0, discard: true } } });
    const [change] = fake().writes;
    expect(change?.params["scsi0"]).toBe("files:vm-100-disk-0,discard=on");
    fake().requests.length = 0;
    // Another image later changes nothing: a disk is not made again.
    await vm.apply({
      ...inputs,
      disks: { scsi0: { ...scsi0, discard: true, importFrom: "files:import/other.qcow2" } },
    });
    expect(fake().writes).toEqual([]);
  });

  it("adds an EFI disk and a TPM to a VM that is there", async () => {
    const { vm, inputs } = await made({ started: false });
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

  it("deletes the keys of inputs that were taken out", async () => {
    const { vm, inputs } = await made({
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

  it("migrates nothing: another node in the inputs is not asked for what the VM uses", async () => {
    const { vm, inputs } = await made({ efiDisk: { storage: "local-lvm" }, bios: "ovmf" });
    // The bridges and the storages of the VM are on its own node only.
    fake().cluster.nodes.set("pve2", { isOnline: true, bridges: [] });
    const moved = { ...inputs, node: "pve2" };
    expect(await vm.apply(moved)).toMatchObject({ vmid: 100, node: "pve" });
    expect(fake().writes).toEqual([]);
    const networks = [{ bridge: "vmbr1" }];
    expect(await vm.apply({ ...moved, networks })).toMatchObject({ vmid: 100, node: "pve" });
    expect(paths(fake().writes)).toEqual(["PUT config"]);
  });

  it("looks for an address until the agent answers, after a power cycle, too", async () => {
    const { vm, inputs } = await made({ waitForIp: {} });
    fake().vm(100).bootMs = 700;
    const outputs = await vm.apply({ ...inputs, cores: 4, rebootForChanges: true });
    expect(outputs["ipAddresses"]).toEqual(["192.0.2.100", "2001:db8::100"]);
  });

  it("sends numbers as Proxmox VE takes them, and knows them again", async () => {
    const { vm, inputs } = await made({ cpuLimit: 1.5, balloon: 0 });
    expect(fake().vm(100).config).toMatchObject({ cpulimit: "1.5", balloon: "0" });
    fake().vm(100).config["cpulimit"] = "1.50";
    fake().vm(100).config["memory"] = "current=1024";
    await vm.apply(inputs);
    expect(fake().writes).toEqual([]);
  });

  it("keeps a MAC address that Proxmox VE chose when the card is changed", async () => {
    const { vm, inputs, outputs } = await made();
    const changed = await vm.apply({ ...inputs, networks: [{ bridge: "vmbr1", vlan: 9, firewall: true }] });
    expect(changed["macAddresses"]).toEqual(outputs["macAddresses"]);
    expect(fake().vm(100).config["net0"]).toMatch(/^virtio=BC:24:11:.*,bridge=vmbr1,firewall=1,tag=9$/);
  });

  it("keeps the addresses at an apply that changes nothing", async () => {
    const { vm, inputs, outputs } = await made({ waitForIp: {} });
    expect(outputs["ipAddresses"]).not.toEqual([]);
    expect(await vm.apply(inputs)).toEqual(outputs);
  });

  it("changes of an adopted VM only what is set", async () => {
    const { vm } = await made({
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
    expect(message).toContain("VM 100 (web) on pve was not made by nixops4");
    expect(message).toContain("choose another ID, or take it over with adopt = true");
    await vm.apply({ ...bare, adopt: true });
    expect(fake().vm(100)).toMatchObject({ status: "stopped", pending: {} });
    expect(fake().vm(100).config).toEqual({
      ...before,
      description: "Made by hand\n\n<!-- nixops4: owner=nixops4 name=web -->\n",
    });
  });

  it("adds a cloud-init drive to a VM that is there", async () => {
    const { vm, inputs } = await made({ started: false });
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
  it("neither shrinks nor moves nor goes away because an input changed", async () => {
    const disks = {
      scsi0: { storage: "local-lvm", size: "8G" },
      scsi1: { storage: "local-lvm", size: "1G" },
    };
    const { vm, inputs } = await made({ disks });
    const message = await failure(
      vm.apply({ ...inputs, disks: { scsi0: { storage: "files", size: "4G" } } }),
    );
    expect(message).toContain(
      "disks.scsi0.storage: is on the storage local-lvm, and is not moved: `qm disk move",
    );
    expect(message).toContain("disks.scsi0.size: has 8G, and a disk never shrinks");
    expect(message).toContain("disks.scsi1: is no longer in the inputs and holds data");
    expect(fake().writes).toEqual([]);
  });

  it("that is detached when told stays as an unused one, which a new one does not take", async () => {
    const disks = {
      scsi0: { storage: "local-lvm", size: "8G" },
      scsi1: { storage: "local-lvm", size: "1G" },
    };
    const { vm, inputs } = await made({ disks });
    await vm.apply({ ...inputs, disks: { scsi0: disks.scsi0 }, detachRemovedDisks: true });
    expect(fake().vm(100).config).toMatchObject({ unused0: "local-lvm:vm-100-disk-1" });
    expect(fake().vm(100).config["scsi1"]).toBeUndefined();
    await vm.apply({ ...inputs, disks });
    expect(fake().vm(100).config).toMatchObject({
      unused0: "local-lvm:vm-100-disk-1",
      scsi1: "local-lvm:vm-100-disk-2,size=1G",
    });
  });

  it("has a snapshot taken before it is changed, where that is wanted", async () => {
    const { vm, inputs } = await made({ snapshotBefore: true });
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
