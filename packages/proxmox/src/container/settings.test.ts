import { describe, expect, it } from "@jest/globals";
import { macOf, type Run, settingsOf, volumesOf, wantedOf } from "./settings.ts";

const textOf = (inputs: object) =>
  Object.fromEntries(settingsOf(inputs as never).map(({ key, initial }) => [key, initial]));

it.each([
  [{}, {}],
  [
    { name: "web", memory: 512, swap: 0 },
    { hostname: "web", memory: "512", swap: "0" },
  ],
  [{ nesting: true }, { features: "nesting=1" }],
  [{ nesting: false }, { features: "nesting=0" }],
  [{ nameServers: ["192.0.2.1", "2001:db8::1"] }, { nameserver: "192.0.2.1 2001:db8::1" }],
  [
    { networks: [{ name: "eth0", bridge: "vmbr0", firewall: false }] },
    { net0: "name=eth0,bridge=vmbr0,type=veth" },
  ],
  [
    {
      networks: [
        {
          name: "eth0",
          bridge: "vmbr0",
          mac: "bc:24:11:00:00:01",
          vlan: 5,
          firewall: true,
          ipv4: "192.0.2.1/24",
          gateway4: "192.0.2.254",
          ipv6: "auto",
          gateway6: "fe80::1",
        },
      ],
    },
    {
      net0:
        "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,tag=5,firewall=1,ip=192.0.2.1/24,gw=192.0.2.254,ip6=auto," +
        "gw6=fe80::1,type=veth",
    },
  ],
])("%j is %j", (inputs, wanted) => {
  expect(textOf(inputs)).toEqual(wanted);
});

it("keeps a MAC address that Proxmox VE chose", () => {
  const [setting] = settingsOf({ networks: [{ name: "eth0", bridge: "vmbr1" }] } as never);
  const existing = "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,type=veth";
  expect(setting!.merge(existing)).toBe("name=eth0,bridge=vmbr1,hwaddr=BC:24:11:00:00:01,type=veth");
  expect(setting!.isSame(existing.replace("vmbr0", "vmbr1"))).toBe(true);
  expect(setting!.uses).toEqual({ bridges: [{ bridge: "vmbr1", path: "networks[0].bridge" }] });
});

it.each([
  ["name=eth0,hwaddr=BC:24:11:00:00:01", "bc:24:11:00:00:01"],
  ["name=eth0", ""],
])("the MAC address of %s is %j", (text, mac) => {
  expect(macOf(text)).toBe(mac);
});

describe("volumes", () => {
  const rootDisk = { storage: "lvm", size: "8G" };
  const mp0 = { storage: "files", size: "512M", path: "/srv", backup: true };

  it("are the root and the mount points", () => {
    expect(volumesOf({})).toEqual([]);
    expect(volumesOf({ rootDisk, mountPoints: { mp0, mp1: { ...mp0, backup: false } } })).toMatchObject([
      { key: "rootfs", path: "rootDisk", initial: "lvm:8", sizeMib: 8192 },
      { key: "mp0", path: "mountPoints.mp0", initial: "files:0.5,mp=/srv,backup=1", sizeMib: 512 },
      { key: "mp1", initial: "files:0.5,mp=/srv,backup=0" },
    ]);
  });

  it("use a storage for containers", () => {
    expect(volumesOf({ rootDisk })[0]!.uses).toEqual({
      storages: [{ storage: "lvm", content: "rootdir", path: "rootDisk.storage" }],
    });
  });

  it.each([
    ["files:subvol,mp=/srv,backup=1,size=512M", true],
    ["files:subvol,mp=/srv,size=512M", false],
    ["files:subvol,mp=/other,backup=1", false],
  ])("are as wanted with %s: %s", (existing, isSame) => {
    expect(volumesOf({ mountPoints: { mp0 } })[0]!.options.isSame(existing)).toBe(isSame);
  });

  it("may be taken out, but for the root", () => {
    const run = { inputs: { name: "web" }, previous: { rootDisk, mountPoints: { mp0 }, memory: 512 } };
    const { previousVolumes, previousKeys, settings } = wantedOf(run as unknown as Run);
    expect(previousVolumes.map(({ key }) => key)).toEqual(["mp0"]);
    expect(previousKeys).toEqual(["memory"]);
    expect(settings.map(({ key }) => key)).toEqual(["hostname", "description"]);
  });
});
