// Changes of inputs that an existing guest must follow.
import { describe, expect, it } from "@jest/globals";
import { failure, itFollowsTheOfficialSchema, Member, useFakePve, vmInputs } from "./lab.ts";

const fake = useFakePve();
const inputs = (more: object = {}) => vmInputs(fake(), { started: false, ...more });

/** Applies inputs, then others, and returns the configuration. */
async function change(from: object, to: object): Promise<Record<string, string>> {
  const vm = new Member("vm");
  const { vmid } = await vm.apply(inputs(from));
  await vm.apply(inputs(to));
  fake().requests.length = 0;
  await vm.apply(inputs(to));
  expect(fake().writes).toEqual([]);
  return fake().vm(Number(vmid)).config;
}

const cloudInit = (more: object) => ({ cloudInit: { storage: "local-lvm", user: "root", ...more } });
const fixed = { ipv4: "192.0.2.10/24", gateway4: "192.0.2.1" };
const disk = (more: object) => ({ disks: { scsi0: { storage: "local-lvm", size: "8G", ...more } } });

describe("a property that is no longer an input goes", () => {
  it.each([
    ["a gateway", cloudInit(fixed), cloudInit({ ipv4: "dhcp" }), "ipconfig0", "ip=dhcp"],
    [
      "an address",
      cloudInit({ ...fixed, ipv6: "auto" }),
      cloudInit({ ipv6: "auto" }),
      "ipconfig0",
      "ip6=auto",
    ],
    ["a flag of the CPU", { cpuType: "host,flags=+aes" }, { cpuType: "host" }, "cpu", "host"],
    ["an option of the machine", { machine: "q35,viommu=virtio" }, { machine: "q35" }, "machine", "q35"],
    [
      "an option of a disk",
      disk({ cache: "writeback", ssd: true, discard: true }),
      disk({ ssd: true }),
      "scsi0",
      "local-lvm:vm-100-disk-0,size=8G,ssd=1",
    ],
  ])("%s", async (_, from, to, key, text) => {
    expect((await change(from, to))[key]).toBe(text);
  });

  it("but not a MAC address, or what another client has set", async () => {
    const vm = new Member("vm");
    await vm.apply(inputs({ networks: [{ bridge: "vmbr0", mac: "bc:24:11:00:00:07" }] }));
    fake().vm(100).config["net0"] += ",queues=2";
    await vm.apply(inputs({ networks: [{ bridge: "vmbr1" }] }));
    expect(fake().vm(100).config["net0"]).toMatch(/^virtio=BC:24:11:00:00:07,bridge=vmbr1.*queues=2/);
  });
});

describe("what is turned off goes", () => {
  it("the serial console, which a new VM has", async () => {
    expect(await change({}, { serialConsole: false })).not.toHaveProperty("serial0");
  });

  it("the tags of a VM that is taken over", async () => {
    const vm = new Member("vm");
    await vm.apply(inputs());
    fake().vm(100).config["tags"] = "by-hand";
    vm.forget();
    await vm.apply(inputs({ tags: [] }));
    expect(fake().vm(100).config).not.toHaveProperty("tags");
  });

  it("lists that are empty", async () => {
    const lists = { nameServers: ["192.0.2.53"], sshKeys: ["ssh-ed25519 AAAA a"] };
    const config = await change(cloudInit(lists), cloudInit({ nameServers: [], sshKeys: [] }));
    expect(Object.keys(config).filter((key) => /nameserver|sshkeys/.test(key))).toEqual([]);
    const created = await change(
      { name: "b", ...cloudInit({ nameServers: [], sshKeys: [] }) },
      { name: "b" },
    );
    expect(created["ciuser"]).toBeUndefined();
  });
});

it("the cloud-init drive moves to another slot and storage", async () => {
  const config = await change(cloudInit({}), cloudInit({ slot: "ide3", storage: "files" }));
  expect(config["ide0"]).toBeUndefined();
  expect(config["ide3"]).toContain("files:vm-100-cloudinit");
});

it("default values of Proxmox VE are not written to a VM that is taken over, since they would need a power cycle", async () => {
  const vm = new Member("vm");
  await vm.apply(vmInputs(fake(), { name: "web" }));
  const { config } = fake().vm(100);
  for (const key of ["bios", "sockets", "agent"]) delete config[key];
  vm.forget();
  fake().requests.length = 0;
  const defaults = {
    bios: "seabios",
    sockets: 1,
    agent: false,
    display: "std",
    onBoot: false,
    protection: false,
  };
  await vm.apply(vmInputs(fake(), { name: "web", ...defaults, cpuLimit: 0 }));
  expect(fake().writes).toEqual([]);
});

it("a change of the keepers also compares the pool", async () => {
  fake().cluster.pools.set("a", { comment: "", storages: new Set(), guests: new Set() });
  const vm = new Member("vm");
  await vm.apply(inputs({ pool: "a" }));
  fake().cluster.pools.get("a")!.guests.clear();
  await vm.apply(inputs({ pool: "a", keepers: { day: 2 } }));
  expect(fake().cluster.poolOf(100)).toBe("a");
});

describe("a change that the running VM does not take", () => {
  const refuseHotplug = () =>
    fake().inject(async ({ method, path, params }, next) => {
      if (method !== "PUT" || !path.endsWith("/config") || params["net0"] === undefined) return next();
      const guest = fake().vm(100);
      guest.pending["net0"] = params["net0"].replace(/^(\w+),macaddr=([^,]+)/, "$1=$2");
      return {
        status: 400,
        reason: "Parameter verification failed.",
        errors: { net0: "hotplug problem - error unplug" },
      };
    });
  const vlan = { networks: [{ bridge: "vmbr0", vlan: 5 }] };

  it("becomes active in a power cycle, in the same run", async () => {
    const vm = new Member("vm");
    await vm.apply(vmInputs(fake()));
    refuseHotplug();
    await vm.apply(vmInputs(fake(), { ...vlan, rebootForChanges: true }));
    expect(fake().vm(100)).toMatchObject({
      starts: 2,
      pending: {},
      config: { net0: expect.stringContaining("tag=5") },
    });
  });

  it("is reported as pending without one", async () => {
    const vm = new Member("vm");
    await vm.apply(vmInputs(fake()));
    refuseHotplug();
    expect(await failure(vm.apply(vmInputs(fake(), vlan)))).toContain("VM 100 needs a power cycle for net0");
    expect(vm.log).toContain("hotplug problem - error unplug");
  });
});

describe("waiting for an address", () => {
  it("is an error at once where the VM has no agent", async () => {
    const vm = new Member("vm");
    await vm.apply(vmInputs(fake(), { agent: false }));
    vm.forget();
    const { agent: _, ...rest } = vmInputs(fake(), { waitForIp: {} });
    expect(await failure(vm.apply(rest))).toMatch(/VM 100 does not use the guest agent.*agent = true/s);
    expect(await failure(vm.apply({ ...rest, waitForIp: null, waitForHostKey: {} }))).toContain(
      "VM 100 does not use the guest agent",
    );
  });

  it("is an error at once where the VM was stopped by hand", async () => {
    const vm = new Member("vm");
    const given = vmInputs(fake(), { waitForIp: {} });
    await vm.apply(given);
    fake().vm(100).status = "stopped";
    expect(await failure(vm.apply({ ...given, tags: ["a"] }))).toMatch(/VM 100 is stopped.*started = true/s);
  });

  it("without the agent takes the static address of the family only", async () => {
    const given = vmInputs(fake(), { agent: false, ...cloudInit(fixed) });
    expect(await new Member("vm").apply({ ...given, waitForIp: { family: "ipv4" } })).toMatchObject({
      ipAddresses: ["192.0.2.10"],
    });
    expect(await failure(new Member("vm").apply({ ...given, waitForIp: { family: "ipv6" } }))).toContain(
      "VM 100 does not use the guest agent",
    );
  });
});

itFollowsTheOfficialSchema();
