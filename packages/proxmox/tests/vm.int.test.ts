import { describe, expect, it } from "@jest/globals";
import { allPrivileges } from "./fake-pve/access.ts";
import { TOKEN_ID } from "./fake-pve/fake-pve.ts";
import { failure, itFollowsTheOfficialSchema, Member, until, useFakePve, vmInputs } from "./lab.ts";

const fake = useFakePve();

it("creates a running VM with its inputs", async () => {
  const vm = new Member("vm");
  const outputs = await vm.apply(vmInputs(fake(), { tags: ["Web", "a"], description: "Serves *pages*" }));
  expect(outputs).toEqual({
    vmid: 100,
    node: "pve",
    macAddresses: [expect.stringMatching(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)],
    ipAddresses: [],
    hostPublicKey: null,
  });
  const { config, status } = fake().vm(100);
  expect(status).toBe("running");
  expect(config).toMatchObject({
    name: "web",
    cores: "2",
    memory: "1024",
    tags: "a;web",
    scsihw: "virtio-scsi-single",
    agent: "1",
    serial0: "socket",
    scsi0: "local-lvm:vm-100-disk-0,size=8G",
    description: "Serves *pages*\n\n<!-- nixops4: owner=nixops4 name=web -->\n",
  });
});

const everything = () => ({
  vmid: 123,
  tags: ["b", "A"],
  description: "Notes",
  pool: "web",
  sockets: 1,
  cpuType: "host",
  cpuLimit: 1.5,
  balloon: 512,
  bios: "ovmf",
  machine: "q35",
  osType: "l26",
  scsiController: "virtio-scsi-single",
  efiDisk: { storage: "local-lvm" },
  tpm: { storage: "local-lvm" },
  disks: {
    scsi0: {
      storage: "files",
      size: "8G",
      importFrom: "files:import/nixos.qcow2",
      discard: true,
      ssd: true,
      ioThread: true,
      cache: "writeback",
      backup: false,
    },
    virtio1: { storage: "local-lvm", size: "512M" },
  },
  cdrom: { image: "local:iso/debian.iso" },
  networks: [
    { bridge: "vmbr0", mac: "bc:24:11:00:00:01", vlan: 12, firewall: true, mtu: 1400, rateMegabytes: 12.5 },
    { bridge: "vmbr1", model: "e1000", linkDown: true },
  ],
  bootOrder: ["scsi0", "net0"],
  serialConsole: true,
  display: "serial0",
  agent: true,
  cloudInit: {
    storage: "local-lvm",
    user: "root",
    sshKeys: ["ssh-ed25519 AAAAC3Nza+/= a b", "ssh-ed25519 BBBB c"],
    ipv4: "192.0.2.10/24",
    gateway4: "192.0.2.1",
    ipv6: "auto",
    nameServers: ["192.0.2.53", "2001:db8::53"],
    searchDomain: "example.org",
    upgrade: false,
  },
  onBoot: true,
  startup: "order=1,up=30",
  protection: false,
  extraConfig: { numa: "1", hotplug: "disk,network,usb", rng0: "source=/dev/urandom" },
});

function withImages() {
  const { cluster } = fake();
  cluster.addVolume("files:import/nixos.qcow2", "import", 2 * 1024 ** 3);
  cluster.addVolume("local:iso/debian.iso", "iso", 600 * 1024 ** 2);
  cluster.pools.set("web", { comment: "", storages: new Set(), guests: new Set() });
}

it("changes nothing at the second apply with every input set", async () => {
  withImages();
  const vm = new Member("vm");
  const inputs = vmInputs(fake(), everything());
  const first = await vm.apply(inputs);
  expect(fake().vm(123).config).toMatchObject({
    scsi0: expect.stringContaining("size=8G"),
    sshkeys: expect.stringContaining("ssh-ed25519%20AAAAC3Nza%2B%2F%3D"),
    cpulimit: "1.5",
  });
  fake().requests.length = 0;
  expect(await vm.apply(inputs)).toEqual(first);
  vm.forget();
  expect(await vm.apply(inputs)).toEqual(first);
  expect(fake().writes).toEqual([]);
});

it("sends three requests for an unchanged VM", async () => {
  const vm = new Member("vm");
  const inputs = vmInputs(fake(), { waitForIp: {} });
  await vm.apply(inputs);
  fake().requests.length = 0;
  await vm.apply(inputs);
  expect(fake().requests.map(({ path }) => path)).toHaveLength(3);
});

it("deletes a VM with its disks, and stops it if it does not shut down", async () => {
  fake().cluster.newGuests.heedsShutdown = false;
  const vm = new Member("vm");
  await vm.apply(vmInputs(fake()));
  const gone = { vmid: null, node: null, macAddresses: [], ipAddresses: [], hostPublicKey: null };
  expect(await vm.apply(vmInputs(fake(), { ensure: "absent" }))).toEqual(gone);
  expect(vm.log).toContain("did not shut down within 1 s and is stopped");
  expect(fake().cluster.guests.size).toBe(0);
  expect([...fake().cluster.volumes.keys()]).toEqual([]);
  expect(await vm.apply(vmInputs(fake(), { ensure: "absent" }))).toEqual(gone);
});

it("waits for an address of the first card, and says what to do without an agent", async () => {
  const outputs = await new Member("vm").apply(vmInputs(fake(), { waitForIp: { family: "ipv6" } }));
  expect(outputs["ipAddresses"]).toEqual(["192.0.2.100", "2001:db8::100"]);
  fake().cluster.newGuests.hasAgent = false;
  const message = await failure(
    new Member("vm").apply(vmInputs(fake(), { name: "mail", waitForIp: { timeoutSeconds: 0.5 } })),
  );
  expect(message).toContain("the guest agent of VM 101 has not answered within 0.5 s");
  expect(message).toContain("services.qemuGuest.enable = true");
});

describe("waitForHostKey", () => {
  const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPzM5VNMcVmkPFE7chyWtdkYVCtMaeG2a2YCrSxS7VHL";
  const FILE = "/etc/ssh/ssh_host_ed25519_key.pub";
  const inputs = (more: object = {}) => vmInputs(fake(), { waitForHostKey: { timeoutSeconds: 1 }, ...more });

  it("is the key that the guest generated, read through the agent", async () => {
    const vm = new Member("vm");
    const applied = vm.apply(inputs({ waitForHostKey: { timeoutSeconds: 30 } }));
    for (const text of ["", `${KEY} root@web\n`]) {
      await until(() => fake().requests.filter(({ path }) => path.endsWith("file-read")).length > 1);
      fake().requests.splice(0);
      fake().vm(100).files.set(FILE, text);
    }
    expect(await applied).toMatchObject({ hostPublicKey: KEY });
    expect(fake().requests.find(({ path }) => path.endsWith("file-read"))?.params).toMatchObject({
      file: FILE,
    });
  });

  it.each([
    ["without a key", {}, undefined, /VM 100 has no host key in .*key.pub after 1 s/],
    ["with something else in the file", {}, "-----BEGIN PRIVATE KEY-----\n", /is not a public host key/],
    ["with a second line in the file", {}, `${KEY}\n${KEY}\n`, /is not a public host key/],
    ["without an agent", { hasAgent: false }, KEY, /the guest agent of VM 100 has not answered within 1 s/],
  ])("fails %s", async (_, behaviour, text, message) => {
    Object.assign(fake().cluster.newGuests, behaviour);
    await new Member("vm").apply(vmInputs(fake()));
    if (text !== undefined) fake().vm(100).files.set(FILE, text);
    expect(await failure(new Member("vm").apply(inputs()))).toMatch(message);
  });

  it.each([
    ["8.4", "VM.Monitor"],
    ["9.2", "VM.GuestAgent.FileRead or VM.GuestAgent.Unrestricted"],
  ] as const)("names the privilege of Proxmox VE %s", async (version, privilege) => {
    const { cluster } = fake();
    cluster.version = version;
    const token = cluster.tokens.get(TOKEN_ID)!;
    token.acl = { "/": allPrivileges(version).filter((one) => !privilege.includes(one)) };
    expect(await failure(new Member("vm").apply(inputs()))).toContain(
      `waitForHostKey: the token lacks the privilege ${privilege} on /vms/0`,
    );
    expect(fake().writes).toEqual([]);
  });
});

it.each(["qemu", "lxc"] as const)(
  "reports an ID that another %s has, together with all other problems",
  async (kind) => {
    const taken = fake().cluster.reserve(kind, "pve", 150, "create");
    Object.assign(taken, { lock: undefined, config: { name: "db", scsi0: "local-lvm:vm-150-disk-0" } });
    const broken = {
      vmid: 150,
      networks: [{ bridge: "vmbr9" }],
      disks: { scsi0: { storage: "none", size: "1G" } },
    };
    const vm = await failure(new Member("vm").apply(vmInputs(fake(), broken)));
    const container = {
      networks: broken.networks,
      rootDisk: broken.disks.scsi0,
      template: "local:vztmpl/a.tar.zst",
    };
    const { disks: _, cores: __, ...inputs } = vmInputs(fake(), { vmid: 150, ...container });
    const label = kind === "qemu" ? "VM" : "container";
    for (const message of [vm, await failure(new Member("container").apply(inputs))]) {
      expect(message).toContain(
        `vmid: ${label} 150 (db) on pve was not created by nixops4: choose another ID`,
      );
      expect(message).toContain("there is no bridge vmbr9 on pve");
      expect(message).toContain("the storage none is not on pve");
    }
    expect(vm.includes("adopt = true")).toBe(kind === "qemu");
    expect(fake().writes).toEqual([]);
  },
);

it("compares a VM with all its inputs when a keeper changes", async () => {
  const [vm, inputs] = [new Member("vm"), vmInputs(fake(), { keepers: { day: 1 } })];
  await vm.apply(inputs);
  fake().vm(100).config["cpulimit"] = "1";
  fake().vm(100).config["name"] = "renamed";
  await vm.apply({ ...inputs, keepers: { day: 2 } });
  expect(fake().vm(100).config).toMatchObject({ name: "web", cpulimit: "1" });
});

itFollowsTheOfficialSchema();
