// Bad input is refused before a connection to the server is opened.
import { expect, it } from "@jest/globals";
import { failure, Member, useFakePve, vmInputs } from "./lab.ts";

const fake = useFakePve();

const DISK = { storage: "local-lvm", size: "8G" };
const NAME = "must be a DNS name: letters, digits, hyphens and dots";
const DISK_KEY = "must be scsi0 to scsi30, virtio0 to virtio15, sata0 to sata5 or ide0 to ide3";
const SIZE = "must be a number of MiB, GiB or TiB, such as 32G";
const MAC = "must be the MAC address of one card, such as BC:24:11:00:00:01";
const STORAGE = "must be the ID of a storage, such as local-lvm";
const NODE = "must be the name of a node, such as pve1";
const POOL = "must be the ID of a pool, such as web or customers/web";
const BRIDGE = "must be the name of a bridge, such as vmbr0";
const ROOT_ONLY = "can be set only by root with a password, not by a token";

const network = (more: object) => ({ networks: [{ bridge: "vmbr0", ...more }] });
const disk = (more: object) => ({ disks: { scsi0: { ...DISK, ...more } } });
const connection = (more: object) => ({ connection: { ...fake().connection, ...more } });

/** The inputs of a VM, and the lines of the one error that they give. */
const VMS: [() => object, string[]][] = [
  [() => ({ vmid: 99 }), ["vmid: must be >= 100"]],
  [() => ({ vmid: 1_000_000_000 }), ["vmid: must be <= 999999999"]],
  [() => ({ vmid: 100.5 }), ["vmid: must be integer, is number"]],
  [() => ({ clone: { vmid: 99 } }), ["clone.vmid: must be >= 100"]],
  ...["not a name", "-web", "web-", "a..b", "", "a".repeat(64), "web_1"].map(
    (name): [() => object, string[]] => [() => ({ name }), [`name: ${NAME}`]],
  ),
  ...["sda", "scsi31", "scsi01", "virtio16", "sata6", "ide4", "efidisk0", "scsi0 "].map(
    (key): [() => object, string[]] => [() => ({ disks: { [key]: DISK } }), [`disks.${key}: ${DISK_KEY}`]],
  ),
  ...["8 GB", "8", "0G", "8K", "-1G", "1.5G", "8GiB", "G"].map((size): [() => object, string[]] => [
    () => disk({ size }),
    [`disks.scsi0.size: ${SIZE}`],
  ]),
  ...["-", "a", "1lvm", "local lvm", "local:8"].map((storage): [() => object, string[]] => [
    () => disk({ storage }),
    [`disks.scsi0.storage: ${STORAGE}`],
  ]),
  ...[
    "00:00:00:00:00",
    "01:00:5e:00:00:01",
    "BC-24-11-00-00-01",
    "BC:24:11:00:00:0G",
    "BC:24:11:00:00:01:02",
  ].map((mac): [() => object, string[]] => [() => network({ mac }), [`networks[0].mac: ${MAC}`]]),
  ...["pve/../x", "-pve", "pve_1", ""].map((node): [() => object, string[]] => [
    () => ({ node }),
    [`node: ${NODE}`],
  ]),
  ...["a/b/c/d", "/a", "a b"].map((pool): [() => object, string[]] => [() => ({ pool }), [`pool: ${POOL}`]]),
  [() => network({ bridge: "vm br0" }), [`networks[0].bridge: ${BRIDGE}`]],
  [() => network({ vlan: 0 }), ["networks[0].vlan: must be >= 1"]],
  [() => network({ vlan: 4095 }), ["networks[0].vlan: must be <= 4094"]],
  [() => ({ tags: ["ok", "not ok"] }), ["tags[1]: must be letters, digits and characters of _+.-"]],
  [() => ({ owner: "a b" }), ["owner: must be 1 to 100 letters, digits and characters of ._:/@-"]],
  [
    () => disk({ size: undefined, storage: undefined }),
    ["disks.scsi0.storage: is required", "disks.scsi0.size: is required without importFrom"],
  ],
  [
    () => ({ extraConfig: { args: "-foo", hostpci0: "01:00", cores: "2" } }),
    [
      `extraConfig.args: ${ROOT_ONLY}`,
      `extraConfig.hostpci0: ${ROOT_ONLY}`,
      "extraConfig.cores: has an input of its own",
    ],
  ],
  [
    () => ({
      extraConfig: { usb0: "host=1-2", usb1: "spice", usb2: "mapping=key", affinity: "0", vmgenid: "1" },
    }),
    [
      `extraConfig.usb0: ${ROOT_ONLY}; use a mapping of the cluster`,
      `extraConfig.affinity: ${ROOT_ONLY}`,
      `extraConfig.vmgenid: ${ROOT_ONLY}`,
    ],
  ],
  ...[{}, { ipv4: "dhcp" }, { ipv6: "auto" }].map((given): [() => object, string[]] => [
    () => ({ cloudInit: { storage: "local-lvm", ...given, gateway4: "192.0.2.1", gateway6: "fe80::1" } }),
    [
      "cloudInit.gateway4: needs an address with its prefix length in ipv4",
      "cloudInit.gateway6: needs an address with its prefix length in ipv6",
    ],
  ]),
  [() => ({ bootOrder: ["scsi7"] }), ["bootOrder[0]: there is no scsi7"]],
  [
    () => ({ cdrom: { slot: "ide0" }, cloudInit: { storage: "local-lvm" } }),
    ["cloudInit.slot: ide0 is used twice"],
  ],
  [
    () => ({ waitForIp: {}, agent: false, started: false }),
    ["waitForIp: needs the agent", "waitForIp: needs a running VM"],
  ],
  [
    () => ({ cloudInit: { storage: "local-lvm", ipv4: "192.0.2.300/24", nameServers: ["ns"] } }),
    [
      "cloudInit.ipv4: must be an IPv4 address with a prefix",
      "cloudInit.nameServers[0]: must be an IP address",
    ],
  ],
  [
    () => connection({ endpoint: "http://pve.example.org" }),
    ["connection.endpoint: must be a URL without a path"],
  ],
  [() => connection({ tokenId: "root" }), ["connection.tokenId: must be USER@REALM!NAME"]],
  [() => connection({ tlsFingerprint: "AB:CD" }), ["connection.tlsFingerprint: must be 32 bytes"]],
  [
    () => connection({ insecure: true }),
    ["connection: must have at most one of tlsFingerprint, caCertificate, insecure"],
  ],
  // All at once.
  [
    () => ({ vmid: 99, name: "not a name", ...network({ mac: "x" }), ...disk({ size: "8 GB" }) }),
    ["vmid: must be >= 100", `name: ${NAME}`, `networks[0].mac: ${MAC}`, `disks.scsi0.size: ${SIZE}`],
  ],
];

const CONTAINERS: [object, string[]][] = [
  [{ vmid: 99 }, ["vmid: must be >= 100"]],
  [{ name: "a_b" }, [`name: ${NAME}`]],
  [{ rootDisk: { storage: "local-lvm", size: "8GB" } }, [`rootDisk.size: ${SIZE}`]],
  [{ mountPoints: { mp31: { ...DISK, path: "/a" } } }, ["mountPoints.mp31: must be mp0 to mp30"]],
  [{ mountPoints: { mp0: { ...DISK, path: "a" } } }, ["mountPoints.mp0.path: must be a path"]],
  [network({ mac: "00" }), [`networks[0].mac: ${MAC}`]],
  [{ networks: [{ bridge: "a" }, { bridge: "b" }] }, ["networks[1].name: eth0 is used twice"]],
  [network({ ipv4: "192.0.2.1/33" }), ["networks[0].ipv4: must be an IPv4 address with a prefix"]],
  [{ nameServers: ["ns.example.org"] }, ["nameServers[0]: must be an IP address"]],
];

const IMAGE = { node: "pve", storage: "files", name: "a.qcow2", source: { file: "/nowhere/a.qcow2" } };
const IMAGES: [object, string[]][] = [
  [{ name: "a/b.qcow2" }, ["name: must be the name of a file"]],
  [{ name: "a.iso" }, ["name: must end with .qcow2, .raw or .vmdk for the content import"]],
  [{ sha256: "0" }, ["sha256: must be a SHA-256 in hexadecimal"]],
  [{ source: { url: "ftp://a/b" }, sha256: "0".repeat(64) }, ["source.url: must be a URL"]],
  [{ source: { url: "https://example.org/a" } }, ["sha256: is required with source.url"]],
  [{ source: {} }, ["source: must have exactly one of url, file"]],
];

const POOLS: [object, string[]][] = [
  [{ name: "a/b/c/d" }, ["name: must be up to three names with slashes between"]],
  [{ name: "a", storages: ["-"] }, ["storages[0]: must be the ID of a storage"]],
];

async function expectRefusal(type: string, inputs: object, lines: string[]): Promise<void> {
  const message = await failure(new Member(type).apply(inputs as Record<string, unknown>));
  for (const line of lines) expect(message).toContain(line);
  expect(fake().connections).toBe(0);
}

it.each(VMS.map(([more, lines]) => [lines.join(", "), more, lines] as const))(
  "of a VM: %s",
  (_, more, lines) => expectRefusal("vm", vmInputs(fake(), more() as Record<string, unknown>), [...lines]),
);

it.each(CONTAINERS)("of a container: %j", (more, lines) => {
  const { disks: _, cores: __, memory: ___, ...common } = vmInputs(fake());
  const whole = { template: "local:vztmpl/a.tar.zst", rootDisk: DISK };
  return expectRefusal("container", { ...common, ...whole, ...more }, lines);
});

it.each(IMAGES)("of an image: %j", (more, lines) =>
  expectRefusal("image", { connection: fake().connection, ...IMAGE, ...more }, lines),
);

it.each(POOLS)("of a pool: %j", (more, lines) =>
  expectRefusal("pool", { connection: fake().connection, ...more }, lines),
);
