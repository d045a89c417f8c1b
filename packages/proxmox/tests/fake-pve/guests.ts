import { demand, privilegeForKey, refuseRootOnly } from "./access.ts";
import { type Cluster, type Guest, sizeBytes } from "./cluster.ts";
import {
  changeConfig,
  digestOf,
  growDisk,
  isDisk,
  macsOf,
  pendingList,
  shownConfig,
} from "./guest-config.ts";
import {
  destroyGuest,
  haId,
  label,
  rebootGuest,
  requestState,
  shutDownGuest,
  startGuest,
  stopGuest,
} from "./power.ts";
import { parseProps } from "./property-string.ts";
import { type Parameters, Refusal } from "./request.ts";
import { type Call, route, type Route } from "./routes.ts";

/** Returns the routes that VMs and containers share. */
export function guestRoutes(kind: Guest["kind"]): Route[] {
  const base = `/nodes/:node/${kind}`;
  const one = `${base}/:vmid`;
  const task = kind === "qemu" ? "qm" : "vz";
  return [
    route(`GET ${base}`, ({ cluster, at }) =>
      [...cluster.guests.values()]
        .filter((guest) => guest.kind === kind && guest.node === at["node"])
        .map(listed),
    ),
    route(`POST ${base}`, (call) => create(call, kind)),
    route(`GET ${one}/config`, (call) =>
      shownConfig(guestAt(call, kind, "VM.Audit"), call.params["current"] === "1"),
    ),
    route(`GET ${one}/pending`, (call) => pendingList(guestAt(call, kind, "VM.Audit"))),
    route(`GET ${one}/status/current`, (call) => {
      const guest = guestAt(call, kind, "VM.Audit");
      const ha = call.cluster.ha.get(haId(guest));
      return { ...listed(guest), ha: ha === undefined ? { managed: 0 } : { managed: 1, state: ha["state"] } };
    }),
    route(`PUT ${one}/config`, (call) => writeConfig(call, kind)()),
    ...(kind === "qemu"
      ? [
          route(`POST ${one}/config`, (call) => {
            const write = writeConfig(call, kind);
            return start(call, guestAt(call, kind), "qmconfig", write);
          }),
        ]
      : []),
    route(`PUT ${one}/resize`, (call) => resize(call, kind)),
    route(`POST ${one}/status/start`, (call) =>
      power(call, kind, `${task}start`, (guest) => {
        requestState(call.cluster, guest, "started");
        startGuest(call.cluster, guest);
      }),
    ),
    route(`POST ${one}/status/stop`, (call) =>
      power(call, kind, `${task}stop`, (guest) => {
        requestState(call.cluster, guest, "stopped");
        stopGuest(guest);
      }),
    ),
    route(`POST ${one}/status/shutdown`, (call) =>
      power(call, kind, `${task}shutdown`, (guest) => {
        requestState(call.cluster, guest, "stopped");
        return shutDownGuest(guest, Number(call.params["timeout"] ?? 60));
      }),
    ),
    route(`POST ${one}/status/reboot`, (call) =>
      power(call, kind, `${task}reboot`, (guest) =>
        rebootGuest(call.cluster, guest, Number(call.params["timeout"] ?? 60)),
      ),
    ),
    route(`POST ${one}/snapshot`, (call) => {
      const guest = guestAt(call, kind, "VM.Snapshot");
      call.cluster.refuseLocked(guest);
      return start(call, guest, `${task}snapshot`, () => void guest.snapshots.push(call.params["snapname"]!));
    }),
    route(`DELETE ${one}`, (call) => destroy(call, kind, `${task}destroy`)),
  ];
}

export function listed(guest: Guest) {
  const { kind, vmid, config, status, lock } = guest;
  // As PVE::QemuServer::vmstatus and PVE::LXC::vmstatus do.
  const name = config["name"] ?? config["hostname"] ?? (kind === "qemu" ? `VM ${vmid}` : `CT${vmid}`);
  return {
    vmid,
    status,
    name,
    ...(config["tags"] === undefined ? {} : { tags: config["tags"] }),
    ...(lock === undefined ? {} : { lock }),
    ...(config["template"] === "1" ? { template: 1 } : {}),
  };
}

export function guestAt({ cluster, at, tokenId }: Call, kind: Guest["kind"], ...privileges: string[]): Guest {
  const vmid = Number(at["vmid"]);
  if (privileges.length > 0) demand(cluster, tokenId, `/vms/${vmid}`, privileges);
  return cluster.guest(kind, at["node"]!, vmid);
}

export function start(
  { cluster, tokenId }: Call,
  { node, vmid }: Guest,
  type: string,
  work: Parameters_<typeof cluster.tasks.start>,
): string {
  return cluster.tasks.start({ node, type, id: String(vmid), user: tokenId }, work);
}
type Parameters_<F extends (...args: never[]) => unknown> = F extends (a: never, work: infer W) => unknown
  ? W
  : never;

const NOT_CONFIG =
  /^(vmid|node|pool|start|storage|ostemplate|password|ssh-public-keys|unique|force|digest|delete|revert|background_delay)$/;

function create(call: Call, kind: Guest["kind"]): string {
  const { cluster, params, at, tokenId } = call;
  const vmid = Number(params["vmid"]);
  const pool = params["pool"];
  if (pool !== undefined && !cluster.pools.has(pool)) throw new Refusal(500, `pool '${pool}' does not exist`);
  demand(cluster, tokenId, pool === undefined ? `/vms/${vmid}` : `/pool/${pool}`, ["VM.Allocate"]);
  const config = configIn(params);
  checkKeys(call, kind, vmid, config, pool);
  const guest = cluster.reserve(kind, at["node"]!, vmid, "create");
  const type = kind === "qemu" ? "qmcreate" : "vzcreate";
  return start(call, guest, type, (task) => {
    try {
      if (kind === "lxc") unpack(cluster, params, config);
      changeConfig(cluster, guest, config, []);
      if (kind === "qemu" && config["boot"] === undefined) guest.config["boot"] = defaultBoot(guest.config);
      if (kind === "qemu") guest.config["smbios1"] = `uuid=${crypto.randomUUID()}`;
      if (pool !== undefined) cluster.pools.get(pool)!.guests.add(vmid);
      guest.lock = undefined;
    } catch (error) {
      cluster.guests.delete(vmid);
      throw new Error(`unable to create ${label(guest)} - ${(error as Error).message}`, { cause: error });
    }
    if (params["start"] !== "1") return;
    // A failure to start is only in the log.
    try {
      startGuest(cluster, guest);
    } catch (error) {
      task.log((error as Error).message);
    }
  });
}

function unpack(cluster: Cluster, params: Parameters, config: Record<string, string>): void {
  const template = cluster.volumes.get(params["ostemplate"]!);
  if (template === undefined) throw new Error(`volume '${params["ostemplate"]}' does not exist`);
  config["rootfs"] ??= `${params["storage"] ?? "local"}:4`;
  config["ostype"] ??= "debian";
  config["arch"] ??= "amd64";
}

function configIn(params: Parameters): Record<string, string> {
  return Object.fromEntries(Object.entries(params).filter(([key]) => !NOT_CONFIG.test(key)));
}

function defaultBoot(config: Record<string, string>): string {
  const disks = Object.keys(config).filter(
    (key) => /^(ide|sata|scsi|virtio)\d+$/.test(key) && !/cdrom/.test(config[key]!),
  );
  const cdroms = Object.keys(config).filter(
    (key) => /media=cdrom/.test(config[key]!) && !/cloudinit/.test(config[key]!),
  );
  const nets = Object.keys(config).filter((key) => /^net\d+$/.test(key));
  return `order=${[...disks.slice(0, 1), ...cdroms.slice(0, 1), ...nets.slice(0, 1)].join(";")}`;
}

/** Checks before the task: privileges, root-only keys, storages and networks. */
function checkKeys(
  call: Call,
  kind: Guest["kind"],
  vmid: number,
  config: Record<string, string>,
  pool?: string,
): void {
  const { cluster, tokenId } = call;
  const path = pool === undefined ? `/vms/${vmid}` : `/pool/${pool}`;
  for (const [key, value] of Object.entries(config)) {
    refuseRootOnly(key, value);
    // Who may allocate a new guest may set its notes and name.
    demand(cluster, tokenId, path, [privilegeForKey(kind, key, value)]);
    const storage = /^([A-Za-z][\w.-]*):(\d+(\.\d+)?|cloudinit)(,|$)/.exec(value)?.[1];
    if (storage !== undefined && isDrive(key)) {
      cluster.storage(storage);
      demand(cluster, tokenId, `/storage/${storage}`, ["Datastore.AllocateSpace"]);
    }
    const bridge = /^net\d+$/.test(key) ? parseProps(value, "model")["bridge"] : undefined;
    if (bridge !== undefined) demand(cluster, tokenId, `/sdn/zones/localnetwork/${bridge}`, ["SDN.Use"]);
  }
}

function isDrive(key: string): boolean {
  return /^(ide|sata|scsi|virtio|efidisk|tpmstate|mp)\d+$|^rootfs$/.test(key);
}

/** Checks the request, and returns the function that writes. */
function writeConfig(call: Call, kind: Guest["kind"]): () => void {
  const { cluster, params, tokenId } = call;
  const guest = guestAt(call, kind);
  const config = configIn(params);
  const remove = (params["delete"] ?? "").split(/[,; ]/).filter((key) => key !== "");
  checkKeys(call, kind, guest.vmid, config);
  for (const key of remove) {
    demand(cluster, tokenId, `/vms/${guest.vmid}`, [privilegeForKey(kind, key, guest.config[key] ?? "")]);
  }
  cluster.refuseLocked(guest);
  const { digest } = params;
  if (digest !== undefined && digest !== digestOf(guest)) {
    throw new Refusal(500, "checksum mismatch (file change by other user?)");
  }
  return () => {
    try {
      changeConfig(cluster, guest, config, remove);
    } catch (error) {
      throw error instanceof Refusal ? error : new Refusal(500, (error as Error).message);
    }
  };
}

function resize(call: Call, kind: Guest["kind"]): string {
  const { cluster, params } = call;
  const guest = guestAt(call, kind, "VM.Config.Disk");
  const disk = params["disk"]!;
  if (guest.config[disk] === undefined || !isDisk(guest, disk))
    throw new Refusal(500, `disk '${disk}' does not exist`);
  cluster.refuseLocked(guest);
  sizeBytes(params["size"]!.replace("+", ""));
  return start(call, guest, "resize", () => growDisk(cluster, guest, disk, params["size"]!));
}

function power(
  call: Call,
  kind: Guest["kind"],
  type: string,
  work: (guest: Guest) => void | Promise<void>,
): string {
  const guest = guestAt(call, kind, "VM.PowerMgmt");
  const { status } = guest;
  // Only a container is checked before the task, except for a reboot.
  if (kind === "lxc" && type === "vzstart" && status === "running")
    throw new Refusal(500, `${label(guest)} already running`);
  if (status === "stopped" && (type.endsWith("reboot") || (kind === "lxc" && type !== "vzstart")))
    throw new Refusal(500, `${label(guest)} not running`);
  return start(call, guest, type, () => work(guest));
}

function destroy(call: Call, kind: Guest["kind"], type: string): string {
  const { cluster, params } = call;
  const guest = guestAt(call, kind, "VM.Allocate");
  if (guest.config["protection"] === "1")
    throw new Refusal(500, `can't remove ${label(guest)} - protection mode enabled`);
  if (guest.status === "running") throw new Refusal(500, `${label(guest)} is running - destroy failed`);
  if (cluster.ha.has(haId(guest)) && params["purge"] !== "1") {
    throw new Refusal(
      500,
      `unable to remove ${label(guest)} - used in HA resources and purge parameter not set.`,
    );
  }
  return start(call, guest, type, (task) =>
    destroyGuest(cluster, guest, params["purge"] === "1", params["destroy-unreferenced-disks"] === "1", task),
  );
}

/** Returns the interfaces of a running guest: loopback, a bridge, and the first card with addresses of each kind. */
export function interfacesOf(guest: Guest) {
  const mac = macsOf(guest)[0]?.toLowerCase() ?? "00:00:00:00:00:00";
  const host = guest.vmid % 250;
  return [
    { name: "lo", mac: "00:00:00:00:00:00", addresses: ["127.0.0.1", "::1"] },
    { name: "docker0", mac: "02:42:00:00:00:01", addresses: ["172.17.0.1"] },
    { name: "eth0", mac, addresses: [`192.0.2.${host}`, "fe80::1", `2001:db8::${host}`] },
  ];
}
