import type { Violation } from "@nixops4-providers/provider-sdk";
import { checkApiAccess } from "../api-access.ts";
import { checkAddresses, checkNameServers } from "../guest/check-addresses.ts";
import type { Inputs } from "./schema.ts";

const DISK_KEY = /^(scsi([0-9]|[12][0-9]|30)|virtio([0-9]|1[0-5])|sata[0-5]|ide[0-3])$/;

/** The keys that other inputs set. */
const OWN_KEY =
  /^(vmid|node|pool|name|description|tags|cores|sockets|cpu|cpulimit|memory|balloon|bios|machine|ostype|scsihw|efidisk0|tpmstate0|boot|serial0|vga|agent|onboot|startup|protection|lock|digest|delete|revert|start|(net|ipconfig|unused|scsi|virtio|sata|ide)\d+|ciuser|sshkeys|nameserver|searchdomain|ciupgrade|cipassword)$/;

/** The keys that Proxmox VE lets only root change, by `check_vm_modify_config_perm` in its API2/Qemu.pm. */
const ROOT_ONLY_KEY =
  /^(affinity|amd-sev|arch|args|hookscript|hugepages|intel-tdx|ivshmem|keephugepages|parallel\d+|skiplock|spice_enhancements|vmgenid)$/;

/** Reports what the schema of a VM cannot express. */
export function checkVm(inputs: Inputs): Violation[] {
  return [
    ...checkApiAccess(inputs.connection),
    ...checkDisks(inputs),
    ...checkSlots(inputs),
    ...checkBootOrder(inputs),
    ...checkExtraConfig(inputs),
    ...checkCloudInit(inputs),
    ...checkCombinations(inputs),
  ];
}

function checkDisks({ disks, clone, ensure }: Inputs): Violation[] {
  return Object.entries(disks).flatMap(([key, { storage, size, importFrom }]) => {
    const path = `disks.${key}`;
    const violations: Violation[] = [];
    if (!DISK_KEY.test(key)) {
      violations.push({
        path,
        message: "must be scsi0 to scsi30, virtio0 to virtio15, sata0 to sata5 or ide0 to ide3",
      });
    }
    if (clone !== undefined || ensure === "absent") return violations;
    if (storage === undefined) violations.push({ path: `${path}.storage`, message: "is required" });
    if (size === undefined && importFrom === undefined) {
      violations.push({ path: `${path}.size`, message: "is required without importFrom" });
    }
    return violations;
  });
}

function checkSlots({ disks, cdrom, cloudInit }: Inputs): Violation[] {
  const drives = [
    { path: "cdrom.slot", slot: cdrom?.slot },
    { path: "cloudInit.slot", slot: cloudInit?.slot },
  ];
  return drives
    .filter(({ slot }, index) => {
      if (slot === undefined) return false;
      return slot in disks || drives.findIndex((other) => other.slot === slot) < index;
    })
    .map(({ path, slot }) => ({ path, message: `${slot} is used twice` }));
}

function checkBootOrder({ bootOrder = [], disks, cdrom, networks, clone, cloudInit }: Inputs): Violation[] {
  // A template has devices that the inputs do not name.
  if (clone !== undefined || networks === undefined) return [];
  const known = [
    ...Object.keys(disks),
    ...(cdrom === undefined ? [] : [cdrom.slot]),
    ...(cloudInit === undefined ? [] : [cloudInit.slot]),
    ...networks.map((_, index) => `net${index}`),
  ];
  return bootOrder.flatMap((device, index) =>
    known.includes(device) || /^(usb|hostpci)/.test(device)
      ? []
      : [
          {
            path: `bootOrder[${index}]`,
            message: `there is no ${device}; the devices are ${known.join(", ")}`,
          },
        ],
  );
}

function checkExtraConfig({ extraConfig }: Inputs): Violation[] {
  return Object.entries(extraConfig).flatMap(([key, value]) => {
    const path = `extraConfig.${key}`;
    if (!/^[a-z][a-z0-9-]*$/.test(key))
      return [{ path, message: "must be a key of `qm set`, such as hotplug" }];
    if (OWN_KEY.test(key)) return [{ path, message: "has an input of its own" }];
    const isDevice = /^(hostpci|usb)\d+$/.test(key);
    const isRootOnly =
      ROOT_ONLY_KEY.test(key) ||
      (isDevice && !/(^|,)mapping=|^(host=)?spice(,|$)/i.test(value)) ||
      (/^serial\d+$/.test(key) && value.startsWith("/"));
    if (!isRootOnly) return [];
    const hint = isDevice ? "; use a mapping of the cluster: mapping=NAME" : "";
    return [{ path, message: `can be set only by root with a password, not by a token${hint}` }];
  });
}

function checkCloudInit({ cloudInit }: Inputs): Violation[] {
  if (cloudInit === undefined) return [];
  return [
    ...checkAddresses("cloudInit", cloudInit),
    ...checkGateways(cloudInit),
    ...checkNameServers("cloudInit.nameServers", cloudInit.nameServers),
  ];
}

/** With a gateway but without a fixed address, Proxmox VE ignores the whole network configuration. */
function checkGateways({ ipv4, gateway4, ipv6, gateway6 }: NonNullable<Inputs["cloudInit"]>): Violation[] {
  const pairs = [
    ["4", ipv4, gateway4],
    ["6", ipv6, gateway6],
  ] as const;
  return pairs
    .filter(([, address, gateway]) => gateway !== undefined && address?.includes("/") !== true)
    .map(([version]) => ({
      path: `cloudInit.gateway${version}`,
      message: `needs an address with its prefix length in ipv${version}`,
    }));
}

function checkCombinations({
  ha,
  started,
  waitForIp,
  waitForHostKey,
  agent,
  cloudInit,
  networks,
  efiDisk,
  bios,
  clone,
}: Inputs): Violation[] {
  const violations: Violation[] = [];
  if (ha !== undefined && started !== undefined) {
    violations.push({
      path: "started",
      message: "must not be set together with ha, which starts and stops the VM",
    });
  }
  const isStatic = [cloudInit?.ipv4, cloudInit?.ipv6].some((one) => one?.includes("/") === true);
  if (waitForIp !== undefined && agent === false && !isStatic) {
    violations.push({ path: "waitForIp", message: "needs the agent, or a static address in cloudInit" });
  }
  if (waitForIp !== undefined && networks?.length === 0) {
    violations.push({ path: "waitForIp", message: "needs a network card" });
  }
  if (waitForHostKey !== undefined && agent === false) {
    violations.push({ path: "waitForHostKey", message: "needs the agent" });
  }
  if (started === false || (ha !== undefined && ha.state !== "started")) {
    const waits = Object.entries({ waitForIp, waitForHostKey }).filter(([, wait]) => wait !== undefined);
    violations.push(...waits.map(([path]) => ({ path, message: "needs a running VM" })));
  }
  if (efiDisk !== undefined && bios === undefined && clone === undefined) {
    violations.push({ path: "efiDisk", message: 'needs bios = "ovmf"' });
  }
  return violations;
}
