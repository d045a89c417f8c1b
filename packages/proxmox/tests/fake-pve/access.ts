import type { Cluster } from "./cluster.ts";
import { Refusal } from "./request.ts";

const COMMON =
  "VM.Allocate VM.Audit VM.Clone VM.Config.Disk VM.Config.CDROM VM.Config.CPU VM.Config.Memory VM.Config.Network " +
  "VM.Config.HWType VM.Config.Options VM.Config.Cloudinit VM.PowerMgmt VM.Snapshot VM.Migrate VM.Console VM.Backup " +
  "Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit " +
  "SDN.Use SDN.Audit Sys.Audit Sys.Modify Sys.Console Sys.AccessNetwork Pool.Allocate Pool.Audit";

/** The privileges of each version. */
const PRIVILEGES = {
  "8.4": [...COMMON.split(" "), "VM.Monitor"],
  "9.2": [
    ...COMMON.split(" "),
    ..."VM.GuestAgent.Audit VM.GuestAgent.FileRead VM.GuestAgent.FileWrite VM.GuestAgent.FileSystemMgmt VM.GuestAgent.Unrestricted VM.Replicate".split(
      " ",
    ),
  ],
};

export function allPrivileges(version: keyof typeof PRIVILEGES): string[] {
  return PRIVILEGES[version];
}

/** Returns the privileges of a token on a path: those of the nearest path with an ACL. */
export function privilegesOn(cluster: Cluster, tokenId: string, path: string): Set<string> {
  const { acl } = cluster.tokens.get(tokenId)!;
  const known = PRIVILEGES[cluster.version];
  for (let at = path; ; at = at.slice(0, at.lastIndexOf("/")) || "/") {
    const given = acl[at];
    if (given !== undefined) return new Set(given.filter((privilege) => known.includes(privilege)));
    if (at === "/") return new Set();
  }
}

/** Throws unless the token has one of the privileges. The error names the path and the privileges, as in Proxmox VE. */
export function demand(cluster: Cluster, tokenId: string, path: string, anyOf: string[]): void {
  const vmid = /^\/vms\/(\d+)$/.exec(path)?.[1];
  const pool = vmid === undefined ? undefined : cluster.poolOf(Number(vmid));
  const paths = pool === undefined ? [path] : [path, `/pool/${pool}`];
  const has = paths.some((one) =>
    anyOf.some((privilege) => privilegesOn(cluster, tokenId, one).has(privilege)),
  );
  if (!has) throw new Refusal(403, `Permission check failed (${path}, ${anyOf.join("|")})`);
}

/** Returns the answer of `GET /access/permissions`: the paths with an ACL, and the roots. */
export function permissionsOf(cluster: Cluster, tokenId: string, path?: string) {
  const paths =
    path === undefined
      ? [
          "/",
          "/access",
          "/nodes",
          "/pool",
          "/sdn",
          "/storage",
          "/vms",
          ...Object.keys(cluster.tokens.get(tokenId)!.acl),
        ]
      : [path];
  return Object.fromEntries(
    [...new Set(paths)].map((one) => [
      one,
      Object.fromEntries([...privilegesOn(cluster, tokenId, one)].map((privilege) => [privilege, 1])),
    ]),
  );
}

const CPU = /^(cores|sockets|cpu|cpulimit|cpuunits|numa\d*|vcpus|affinity)$/;
const MEMORY = /^(memory|swap|balloon|shares|allow-ksm)$/;
const HARDWARE = /^(acpi|hotplug|kvm|machine|scsihw|smbios1|tablet|vga|watchdog|audio0|serial\d+|rng0)$/;
const CLOUD_INIT =
  /^(cicustom|cipassword|citype|ciuser|nameserver|searchdomain|sshkeys|ciupgrade|ipconfig\d+)$/;
const DRIVE = /^(ide|sata|scsi|virtio|efidisk|tpmstate|unused|mp)\d+$|^rootfs$/;

/** Returns the privilege for a key of a guest's configuration. */
export function privilegeForKey(kind: "qemu" | "lxc", key: string, value: string): string {
  if (CPU.test(key)) return "VM.Config.CPU";
  if (MEMORY.test(key)) return "VM.Config.Memory";
  if (/^net\d+$/.test(key)) return "VM.Config.Network";
  if (kind === "lxc" && /^(nameserver|searchdomain|hostname)$/.test(key)) return "VM.Config.Network";
  if (kind === "qemu" && HARDWARE.test(key)) return "VM.Config.HWType";
  if (CLOUD_INIT.test(key)) return "VM.Config.Cloudinit";
  if (DRIVE.test(key)) return /media=cdrom/.test(value) ? "VM.Config.CDROM" : "VM.Config.Disk";
  if (/^(boot|bootdisk|vmstatestorage)$/.test(key)) return "VM.Config.Disk";
  return "VM.Config.Options";
}

/** Throws for keys that only root with a password may set, not even a token of root. */
export function refuseRootOnly(key: string, value: string): void {
  const isRootOnly =
    /^(affinity|amd-sev|args|arch|hookscript|hugepages|intel-tdx|ivshmem|keephugepages|parallel\d+|skiplock|spice_enhancements|vmgenid)$/.test(
      key,
    ) ||
    (/^hostpci\d+$/.test(key) && !/(^|,)mapping=/.test(value)) ||
    (/^usb\d+$/.test(key) && !/(^|,)mapping=/.test(value) && !/^(host=)?spice/i.test(value)) ||
    (DRIVE.test(key) && value.startsWith("/"));
  if (isRootOnly) throw new Refusal(500, `only root can set '${key}' config`);
}
