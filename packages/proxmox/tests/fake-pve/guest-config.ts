import { createHash } from "node:crypto";
import { type Cluster, GIB, type Guest, sizeText, sizeBytes } from "./cluster.ts";
import { macOf, normalizeNet, parseProps, printProps } from "./property-string.ts";
import { Refusal } from "./request.ts";

const DRIVE = /^(ide|sata|scsi|virtio|efidisk|tpmstate)\d+$/;
const LXC_VOLUME = /^(rootfs|mp\d+)$/;
const EFI_BYTES = 528 * 1024;
const TPM_BYTES = 4 * 1024 ** 2;

/** Keys of a VM that change while it runs, with the default of `hotplug`. */
const LIVE =
  /^(description|name|tags|onboot|startup|protection|cpuunits|cpulimit|ciuser|sshkeys|ipconfig\d+|nameserver|searchdomain|ciupgrade|citype|net\d+|hookscript)$/;
const HOT_DISK = /^(scsi|virtio)\d+$/;
/** Options of a disk that change while the VM runs. */
const HOT_DISK_OPTIONS = [
  "backup",
  "replicate",
  "mbps_rd",
  "mbps_wr",
  "iops_rd",
  "iops_wr",
  "discard",
  "cache",
  "ssd",
];

export function digestOf({ config, pending }: Guest): string {
  return createHash("sha1")
    .update(JSON.stringify([config, Object.entries(pending)]))
    .digest("hex");
}

/** Returns the answer of `GET …/config`, which shows pending values. */
export function shownConfig(guest: Guest, current: boolean): Record<string, unknown> {
  const { config, pending } = guest;
  const merged: Record<string, string | undefined> = current ? { ...config } : { ...config, ...pending };
  const shown = Object.entries(merged)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [key, isNumber(key) ? Number(value) : value] as const);
  const lock = guest.lock === undefined ? {} : { lock: guest.lock };
  return { ...Object.fromEntries(shown), ...lock, digest: digestOf(guest) };
}

function isNumber(key: string): boolean {
  return /^(cores|sockets|balloon|onboot|protection|cpuunits|numa|vcpus|swap|unprivileged|ciupgrade)$/.test(
    key,
  );
}

export function pendingList({ config, pending }: Guest) {
  const keys = [...new Set([...Object.keys(config), ...Object.keys(pending)])];
  return keys.map((key) => ({
    key,
    ...(config[key] === undefined ? {} : { value: config[key] }),
    ...(pending[key] === undefined ? {} : { pending: pending[key] }),
    ...(key in pending && pending[key] === undefined ? { delete: 1 } : {}),
  }));
}

/** Sets and deletes keys: at once, or as pending if a running guest cannot change them. */
export function changeConfig(
  cluster: Cluster,
  guest: Guest,
  set: Record<string, string>,
  remove: string[],
): void {
  for (const [key, given] of Object.entries(set)) refuseSecondCloudInit(guest, key, given);
  for (const key of remove) removeKey(cluster, guest, key);
  for (const [key, given] of Object.entries(set)) {
    // The parser of the configuration file skips a key without a value.
    if (given === "") continue;
    const before = guest.pending[key] ?? guest.config[key];
    const value = realize(cluster, guest, key, given);
    if (before !== undefined && isReplaced(key, before, value)) keepAsUnused(guest, before);
    put(guest, key, value);
  }
}

/** A drive that the same request removes still counts. */
function refuseSecondCloudInit({ config, pending }: Guest, key: string, given: string): void {
  if (!/:cloudinit(,|$)/.test(given)) return;
  const other = [...Object.entries(config), ...Object.entries(pending)].find(
    ([slot, text]) => slot !== key && text?.includes("cloudinit") === true,
  );
  if (other !== undefined) throw new Error(`${key} - cloud-init drive is already attached at '${other[0]}'`);
}

function put(guest: Guest, key: string, value: string): void {
  delete guest.pending[key];
  if (guest.status === "running" && !isLive(guest, key, value)) {
    if (guest.config[key] !== value) guest.pending[key] = value;
  } else guest.config[key] = value;
}

function isLive(guest: Guest, key: string, value: string): boolean {
  if (guest.kind === "lxc") return !/^(features|unprivileged|rootfs|mp\d+|arch|ostype)$/.test(key);
  if (LIVE.test(key)) return true;
  const before = guest.config[key];
  if (/media=cdrom/.test(value)) return before !== undefined && /media=cdrom/.test(before);
  if (!HOT_DISK.test(key)) return false;
  return before === undefined || sameButHotOptions(before, value);
}

function sameButHotOptions(a: string, b: string): boolean {
  const rest = (text: string) => {
    const props = parseProps(text, "file");
    for (const option of [...HOT_DISK_OPTIONS, "size"]) delete props[option];
    return printProps(props, "file");
  };
  return rest(a) === rest(b);
}

function removeKey(cluster: Cluster, guest: Guest, key: string): void {
  const before = guest.config[key] ?? guest.pending[key];
  if (before === undefined) return;
  delete guest.pending[key];
  if (/^unused\d+$/.test(key)) {
    cluster.volumes.delete(before);
    delete guest.config[key];
    return;
  }
  const isHot = guest.kind === "lxc" || LIVE.test(key) || HOT_DISK.test(key);
  if (guest.status === "running" && !isHot) {
    guest.pending[key] = undefined;
    return;
  }
  delete guest.config[key];
  if (isDisk(guest, key) && !/media=cdrom/.test(before)) keepAsUnused(guest, before);
}

/** Makes pending values active, as a power cycle does. */
export function applyPending(guest: Guest): void {
  for (const [key, value] of Object.entries(guest.pending)) {
    if (value === undefined) delete guest.config[key];
    else guest.config[key] = value;
  }
  guest.pending = {};
}

export function isDisk({ kind }: Guest, key: string): boolean {
  return (kind === "qemu" ? DRIVE : LXC_VOLUME).test(key);
}

function isReplaced(key: string, before: string, value: string): boolean {
  if (!DRIVE.test(key) || /media=cdrom/.test(before)) return false;
  return before.split(",")[0] !== value.split(",")[0];
}

function keepAsUnused(guest: Guest, text: string): void {
  let number = 0;
  while (guest.config[`unused${number}`] !== undefined) number++;
  guest.config[`unused${number}`] = text.split(",")[0]!;
}

/** Returns the value of a key as it is stored. */
function realize(cluster: Cluster, guest: Guest, key: string, given: string): string {
  if (key === "tags") return sortTags(given);
  if (key === "description") return `${given.replace(/\n$/, "")}\n`;
  if (/^net\d+$/.test(key)) return realizeNet(cluster, guest, given);
  if (key === "memory" || key === "cores") return given.replace(/^current=/, "");
  if (isDisk(guest, key)) return realizeDisk(cluster, guest, key, given);
  return given;
}

function sortTags(given: string): string {
  const tags = given.split(/[;, ]/).map((tag) => tag.toLowerCase());
  return [...new Set(tags)].toSorted().join(";");
}

/** A card without a MAC address gets a new one, even if it had one before. */
function realizeNet(cluster: Cluster, guest: Guest, given: string): string {
  if (guest.kind === "qemu") return normalizeNet(given, undefined, () => cluster.newMac());
  const props = parseProps(given, "");
  props["hwaddr"] ??= cluster.newMac();
  props["type"] ??= "veth";
  return printProps(props, "");
}

function realizeDisk(cluster: Cluster, guest: Guest, key: string, given: string): string {
  const firstKey = guest.kind === "lxc" ? "volume" : "file";
  const {
    [firstKey]: file = "",
    "import-from": importFrom,
    size: _size,
    format: _format,
    ...options
  } = parseProps(given, firstKey);
  const print = (volume: string, bytes?: number) =>
    printProps(
      { [firstKey]: volume, ...options, ...(bytes === undefined ? {} : { size: sizeText(bytes) }) },
      firstKey,
    );
  if (file === "none") return print(file);
  const [storage = "", what = ""] = file.split(/:(.*)/s);
  if (what === "cloudinit") return realizeCloudInit(cluster, guest, storage, options, firstKey);
  if (/^\d+(\.\d+)?$/.test(what)) {
    const bytes = bytesOf(cluster, key, Number(what), importFrom);
    const kind = guest.kind === "lxc" || !/media/.test(given) ? "disk" : "disk";
    const content = guest.kind === "lxc" ? "rootdir" : "images";
    return print(cluster.allocate(storage, guest.vmid, kind, content, bytes).id, bytes);
  }
  const volume = cluster.volumes.get(file);
  if (volume === undefined) throw new Error(`volume '${file}' does not exist`);
  return print(file, volume.bytes);
}

function bytesOf(cluster: Cluster, key: string, gib: number, importFrom: string | undefined): number {
  if (key.startsWith("efidisk")) return EFI_BYTES;
  if (key.startsWith("tpmstate")) return TPM_BYTES;
  if (importFrom === undefined) return gib * GIB;
  if (gib !== 0) throw new Refusal(500, "import-from: the size must be 0");
  const source = cluster.volumes.get(importFrom);
  if (source === undefined) throw new Error(`volume '${importFrom}' does not exist`);
  return source.bytes;
}

function realizeCloudInit(
  cluster: Cluster,
  guest: Guest,
  storage: string,
  options: Record<string, string>,
  firstKey: string,
): string {
  const { id } = cluster.allocate(storage, guest.vmid, "cloudinit", "images", 4 * 1024 ** 2);
  return printProps({ [firstKey]: id, ...options, media: "cdrom", size: "4M" }, firstKey);
}

/** Grows a disk. A pending change of the disk keeps the old size. */
export function growDisk(cluster: Cluster, guest: Guest, disk: string, size: string): void {
  const before = guest.config[disk]!;
  const firstKey = guest.kind === "lxc" ? "volume" : "file";
  const props = parseProps(before, firstKey);
  const volume = cluster.volumes.get(props[firstKey]!)!;
  const bytes = size.startsWith("+") ? volume.bytes + sizeBytes(size.slice(1)) : sizeBytes(size);
  if (bytes < volume.bytes) throw new Error("shrinking disks is not supported");
  volume.bytes = bytes;
  guest.config[disk] = printProps({ ...props, size: sizeText(bytes) }, firstKey);
}

export function macsOf({ config }: Guest): string[] {
  return Object.entries(config)
    .filter(([key]) => /^net\d+$/.test(key))
    .map(([, text]) => macOf(text));
}

export function bridgesOf({ config }: Guest): string[] {
  return Object.entries(config)
    .filter(([key]) => /^net\d+$/.test(key))
    .map(([, text]) => parseProps(text, "").bridge)
    .filter((bridge) => bridge !== undefined);
}
