import { demand } from "./access.ts";
import { type Guest, GIB, sizeText } from "./cluster.ts";
import { guestAt, interfacesOf, start } from "./guests.ts";
import { normalizeNet, parseProps, printProps } from "./property-string.ts";
import { Refusal } from "./request.ts";
import { type Call, route, type Route } from "./routes.ts";

/** The routes that only VMs have. */
export const qemuRoutes: Route[] = [
  route("POST /nodes/:node/qemu/:vmid/clone", clone),
  route("GET /nodes/:node/qemu/:vmid/agent/network-get-interfaces", agentInterfaces),
  route("GET /nodes/:node/qemu/:vmid/agent/file-read", agentFileRead),
  route("PUT /nodes/:node/qemu/:vmid/cloudinit", (call) => void guestAt(call, "qemu", "VM.Config.Cloudinit")),
];

/** The routes that only containers have. */
export const lxcRoutes: Route[] = [
  route("GET /nodes/:node/lxc/:vmid/interfaces", (call) => {
    const guest = guestAt(call, "lxc", "VM.Audit");
    if (guest.status !== "running") return [];
    return interfacesOf(guest).map(({ name, mac, addresses }) => ({
      name,
      hwaddr: mac,
      "ip-addresses": addresses.map(address),
    }));
  }),
];

function address(text: string) {
  const isIpv6 = text.includes(":");
  return { "ip-address-type": isIpv6 ? "ipv6" : "ipv4", "ip-address": text, prefix: isIpv6 ? 64 : 24 };
}

/** Returns the guest. Throws if its agent does not answer or the token may not use it. */
function withAgent(call: Call, use: "Audit" | "FileRead"): Guest {
  const { cluster } = call;
  const privileges =
    cluster.version === "8.4" ? ["VM.Monitor"] : [`VM.GuestAgent.${use}`, "VM.GuestAgent.Unrestricted"];
  const guest = guestAt(call, "qemu", ...privileges);
  const { enabled } = parseProps(guest.config["agent"] ?? "0", "enabled");
  if (enabled !== "1") throw new Refusal(500, "No QEMU guest agent configured");
  if (guest.status !== "running") throw new Refusal(500, `VM ${guest.vmid} is not running`);
  if (!guest.hasAgent || Date.now() < guest.startedAt + guest.bootMs)
    throw new Refusal(500, "QEMU guest agent is not running");
  return guest;
}

function agentInterfaces(call: Call) {
  const result = interfacesOf(withAgent(call, "Audit")).map(({ name, mac, addresses }) => ({
    name,
    "hardware-address": mac,
    "ip-addresses": addresses.map(address),
  }));
  return { result };
}

function agentFileRead(call: Call) {
  const { files } = withAgent(call, "FileRead");
  const { file = "", count = "16777216" } = call.params;
  const content = files.get(file);
  if (content === undefined) {
    throw new Refusal(500, `Agent error: failed to open file '${file}': No such file or directory`);
  }
  const read = content.slice(0, Number(count));
  return { content: read, ...(read.length < content.length && { truncated: 1 }) };
}

function clone(call: Call): string {
  const { cluster, params, tokenId } = call;
  const source = guestAt(call, "qemu", "VM.Clone");
  const newid = Number(params["newid"]);
  const { pool, storage, target = source.node } = params;
  demand(cluster, tokenId, pool === undefined ? `/vms/${newid}` : `/pool/${pool}`, ["VM.Allocate"]);
  const isFull = params["full"] === "1" || source.config["template"] !== "1";
  if (storage !== undefined && !isFull)
    throw new Refusal(400, "Parameter verification failed.", { storage: "only valid for full clones" });
  if (target !== source.node && !isShared(call, source)) {
    throw new Refusal(500, "can't clone to a different node: the disks are on local storage");
  }
  cluster.refuseLocked(source);
  const guest = cluster.reserve("qemu", target, newid, "clone");
  return start(call, guest, "qmclone", () => {
    const { template: _, smbios1: __, ...config } = source.config;
    for (const [key, text] of Object.entries(config))
      guest.config[key] = cloneKey(call, guest, key, text, storage);
    guest.config["name"] = params["name"] ?? `Copy-of-VM-${source.config["name"] ?? source.vmid}`;
    if (params["description"] === undefined) delete guest.config["description"];
    else guest.config["description"] = `${params["description"]}\n`;
    if (pool !== undefined) cluster.pools.get(pool)!.guests.add(newid);
    guest.lock = undefined;
  });
}

function isShared({ cluster }: Call, { config }: Guest): boolean {
  return Object.entries(config)
    .filter(([key]) => /^(scsi|virtio|sata|ide|efidisk|tpmstate)\d+$/.test(key))
    .every(([, text]) => cluster.storages.get(text.split(":")[0]!)?.shared !== false);
}

function cloneKey(
  { cluster }: Call,
  guest: Guest,
  key: string,
  text: string,
  storage: string | undefined,
): string {
  if (/^net\d+$/.test(key)) {
    const { [Object.keys(parseProps(text, "model"))[0]!]: _, ...rest } = parseProps(text, "model");
    return normalizeNet(`${text.split("=")[0]},${printProps(rest, "")}`.replace(/,$/, ""), undefined, () =>
      cluster.newMac(),
    );
  }
  if (!/^(scsi|virtio|sata|ide|efidisk|tpmstate)\d+$/.test(key) || /media=cdrom/.test(text)) return text;
  const props = parseProps(text, "file");
  const bytes = cluster.volumes.get(props["file"]!)?.bytes ?? GIB;
  const { id } = cluster.allocate(
    storage ?? props["file"]!.split(":")[0]!,
    guest.vmid,
    "disk",
    "images",
    bytes,
  );
  return printProps({ ...props, file: id, size: sizeText(bytes) }, "file");
}
