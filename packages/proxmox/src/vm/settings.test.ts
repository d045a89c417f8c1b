import { describe, expect, it } from "@jest/globals";
import type { Inputs } from "./schema.ts";
import { readNetwork, settingsOf, type SomeInputs, withDefaults } from "./settings.ts";

const textOf = (inputs: object) =>
  Object.fromEntries(settingsOf(inputs as SomeInputs).map(({ key, initial }) => [key, initial]));
const settingOf = (inputs: object, key: string) =>
  settingsOf(inputs as SomeInputs).find((setting) => setting.key === key)!;

describe("the keys of a new VM", () => {
  const bare = { name: "web" } as Inputs;
  it("have defaults", () => {
    expect(textOf(withDefaults(bare))).toEqual({
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
    });
  });

  it("are those of its template in a copy", () => {
    expect(textOf(withDefaults({ ...bare, clone: { vmid: 900, full: true } }))).toEqual({ name: "web" });
  });

  it.each([
    [{}, {}],
    [{ serialConsole: false }, {}],
    [{ serialConsole: true }, { serial0: "socket" }],
    [{ bootOrder: ["scsi0", "net0"] }, { boot: "order=scsi0;net0" }],
    [
      { bios: "ovmf", machine: "q35,viommu=intel" },
      { bios: "ovmf", machine: "q35,viommu=intel" },
    ],
    [
      { agent: false, display: "serial0" },
      { agent: "0", vga: "serial0" },
    ],
    [
      { balloon: 0, sockets: 2, memory: 512 },
      { balloon: "0", sockets: "2", memory: "512" },
    ],
    [{ extraConfig: { numa: "1" } }, { numa: "1" }],
    [{ cdrom: { slot: "ide2" } }, { ide2: "none,media=cdrom" }],
    [{ cdrom: { slot: "sata0", image: "local:iso/a.iso" } }, { sata0: "local:iso/a.iso,media=cdrom" }],
    [{ cloudInit: { storage: "lvm", slot: "ide0" } }, { ide0: "lvm:cloudinit,media=cdrom" }],
    [
      {
        cloudInit: {
          storage: "lvm",
          slot: "ide0",
          user: "root",
          sshKeys: [" ssh-ed25519 A+/= it's (a) ", "ssh-rsa B"],
          ipv4: "192.0.2.1/24",
          gateway4: "192.0.2.254",
          ipv6: "auto",
          gateway6: "fe80::1",
          nameServers: ["192.0.2.53", "2001:db8::53"],
          searchDomain: "example.org",
          upgrade: false,
        },
      },
      {
        ide0: "lvm:cloudinit,media=cdrom",
        ciuser: "root",
        sshkeys: "ssh-ed25519%20A%2B%2F%3D%20it%27s%20%28a%29%0Assh-rsa%20B",
        ipconfig0: "ip=192.0.2.1/24,gw=192.0.2.254,ip6=auto,gw6=fe80::1",
        nameserver: "192.0.2.53 2001:db8::53",
        searchdomain: "example.org",
        ciupgrade: "0",
      },
    ],
    [
      { cloudInit: { storage: "lvm", slot: "ide0", ipv6: "dhcp" } },
      { ide0: "lvm:cloudinit,media=cdrom", ipconfig0: "ip6=dhcp" },
    ],
    [
      { networks: [{ model: "virtio", bridge: "vmbr0", firewall: false, linkDown: false }] },
      { net0: "virtio,bridge=vmbr0" },
    ],
    [
      {
        networks: [
          { model: "virtio", bridge: "vmbr0" },
          {
            model: "e1000",
            bridge: "vmbr1",
            mac: "bc:24:11:00:00:01",
            vlan: 5,
            firewall: true,
            linkDown: true,
            mtu: 1400,
            rateMegabytes: 12.5,
          },
        ],
      },
      {
        net0: "virtio,bridge=vmbr0",
        net1: "e1000,macaddr=BC:24:11:00:00:01,bridge=vmbr1,tag=5,firewall=1,link_down=1,mtu=1400,rate=12.5",
      },
    ],
  ])("of %j are %j", (inputs, wanted) => {
    expect(textOf(inputs)).toEqual(wanted);
  });
});

describe("an existing value", () => {
  const cloudInit = { storage: "lvm", slot: "ide0", sshKeys: ["ssh-rsa A+"], ipv4: "dhcp" };
  const network = { model: "virtio", bridge: "vmbr0" };
  it.each([
    [{ memory: 512 }, "memory", "current=512", true],
    [{ display: "std" }, "vga", "std,memory=32", true],
    [{ agent: false }, "agent", "enabled=0", true],
    [{ agent: true }, "agent", "1,fstrim_cloned_disks=1", true],
    [{ agent: true }, "agent", "0", false],
    [{ machine: "q35" }, "machine", "pc", false],
    [{ networks: [network] }, "net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0", true],
    [{ networks: [network] }, "net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=0,link_down=0", true],
    [{ networks: [network] }, "net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=5", false],
    [{ networks: [network] }, "net0", "e1000=BC:24:11:00:00:01,bridge=vmbr0", false],
    [
      { networks: [{ ...network, mac: "bc:24:11:00:00:02" }] },
      "net0",
      "virtio=BC:24:11:00:00:01,bridge=vmbr0",
      false,
    ],
    [{ cdrom: { slot: "ide2" } }, "ide2", "none,media=cdrom", true],
    [{ cdrom: { slot: "ide2", image: "a:iso/b" } }, "ide2", "a:iso/b,media=cdrom,size=4M", true],
    [{ cdrom: { slot: "ide2", image: "a:iso/c" } }, "ide2", "a:iso/b,media=cdrom,size=4M", false],
    [{ cloudInit }, "ide0", "lvm:vm-100-cloudinit,media=cdrom,size=4M", true],
    [{ cloudInit }, "ide0", "files:vm-100-cloudinit,media=cdrom", false],
    [{ cloudInit }, "ide0", "lvm:vm-100-disk-1", false],
    [{ cloudInit }, "sshkeys", "ssh-rsa%20A%2B%0A", true],
    [{ cloudInit }, "sshkeys", "ssh-rsa%20B", false],
    // What cannot be decoded is compared as it is.
    [{ cloudInit }, "sshkeys", "%", false],
    [{ cloudInit }, "ipconfig0", "ip=dhcp", true],
    [{ cloudInit }, "ipconfig0", "ip=192.0.2.1/24", false],
    [{ extraConfig: { numa: "1" } }, "numa", "1", true],
    [{ extraConfig: { hotplug: "disk,usb" } }, "hotplug", "usb,disk", false],
    [{ extraConfig: { rng0: "source=/dev/urandom,period=1" } }, "rng0", "period=1,source=/dev/urandom", true],
    [{ extraConfig: { rng0: "source=/dev/urandom" } }, "rng0", "source=/dev/random", false],
  ])("of %j: %s = %s is as wanted: %s", (inputs, key, existing, isSame) => {
    expect(settingOf(inputs, key).isSame(existing)).toBe(isSame);
  });

  it("keeps the MAC address that Proxmox VE chose, and what else is set, when a card changes", () => {
    const setting = settingOf({ networks: [{ ...network, vlan: 7 }] }, "net0");
    expect(setting.merge("e1000=bc:24:11:00:00:01,bridge=vmbr1,queues=2")).toBe(
      "virtio,macaddr=BC:24:11:00:00:01,bridge=vmbr0,queues=2,tag=7",
    );
  });
});

it.each([
  [
    "virtio=bc:24:11:00:00:01,bridge=vmbr0",
    { model: "virtio", macaddr: "BC:24:11:00:00:01", bridge: "vmbr0" },
  ],
  ["e1000,bridge=vmbr0", { model: "e1000", bridge: "vmbr0" }],
])("the card %s is read as %j", (text, card) => {
  expect(readNetwork(text)).toEqual(card);
});

it.each([
  [{ networks: [{ bridge: "vmbr0" }] }, { bridges: [{ bridge: "vmbr0", path: "networks[0].bridge" }] }],
  [{ cdrom: { slot: "ide2" } }, {}],
  [
    { cdrom: { slot: "ide2", image: "local:iso/a.iso" } },
    {
      storages: [{ storage: "local", content: "iso", path: "cdrom.image" }],
      volumes: [{ volume: "local:iso/a.iso", path: "cdrom.image" }],
    },
  ],
  [
    { cloudInit: { storage: "lvm", slot: "ide0" } },
    { storages: [{ storage: "lvm", content: "images", path: "cloudInit.storage" }] },
  ],
])("%j uses %j", (inputs, uses) => {
  expect(settingsOf(inputs as SomeInputs).find((setting) => setting.uses !== undefined)?.uses).toEqual(uses);
});
