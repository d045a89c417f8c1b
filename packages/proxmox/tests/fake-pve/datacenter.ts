import { demand, permissionsOf } from "./access.ts";
import { listed } from "./guests.ts";
import { startGuest, stopGuest } from "./power.ts";
import { Refusal } from "./request.ts";
import { type Call, route, type Route } from "./routes.ts";

export const datacenterRoutes: Route[] = [
  route("GET /version", ({ cluster: { version } }) => ({
    version: `${version}.1`,
    release: version,
    repoid: "0123456789abcdef",
  })),
  route("GET /access/permissions", ({ cluster, tokenId, params }) =>
    permissionsOf(cluster, tokenId, params["path"]),
  ),
  route("GET /cluster/nextid", ({ cluster }) => String(cluster.nextId())),
  route("GET /cluster/resources", ({ cluster }) =>
    [...cluster.guests.values()].map((guest) => ({
      ...listed(guest),
      id: `${guest.kind}/${guest.vmid}`,
      type: guest.kind,
      node: guest.node,
      ...(cluster.poolOf(guest.vmid) === undefined ? {} : { pool: cluster.poolOf(guest.vmid) }),
    })),
  ),
  route("GET /nodes", ({ cluster }) =>
    [...cluster.nodes].map(([node, { isOnline }]) => ({
      node,
      status: isOnline ? "online" : "offline",
      type: "node",
    })),
  ),
  route("GET /nodes/:node/network", ({ cluster, at }) =>
    cluster.nodes.get(at["node"]!)!.bridges.map((iface) => ({ iface, type: "bridge", active: 1 })),
  ),
  route("GET /nodes/:node/tasks/:upid/status", ({ cluster, at }) =>
    cluster.tasks.status(decodeURIComponent(at["upid"]!)),
  ),
  route("GET /nodes/:node/tasks/:upid/log", ({ cluster, at, params }) =>
    cluster.tasks.log(
      decodeURIComponent(at["upid"]!),
      Number(params["start"] ?? 0),
      Number(params["limit"] ?? 50),
    ),
  ),
  ...haRoutes(),
  ...poolRoutes(),
];

function haRoutes(): Route[] {
  const find = ({ cluster, at }: Call) => {
    const sid = decodeURIComponent(at["sid"]!);
    const found = cluster.ha.get(sid);
    if (found === undefined) throw new Refusal(500, `no such resource '${sid}'`);
    return found;
  };
  return [
    route("GET /cluster/ha/resources/:sid", (call) => {
      demand(call.cluster, call.tokenId, "/", ["Sys.Audit"]);
      return find(call);
    }),
    route("POST /cluster/ha/resources", ({ cluster, tokenId, params }) => {
      demand(cluster, tokenId, "/", ["Sys.Console"]);
      const sid = params["sid"]!;
      if (cluster.ha.has(sid)) throw new Refusal(500, `resource ID '${sid}' already defined`);
      if (!cluster.guests.has(Number(sid.split(":")[1])))
        throw new Refusal(500, `unable to find '${sid}' on cluster`);
      cluster.ha.set(sid, { state: "started", ...params });
      actLater(cluster, sid);
    }),
    route("PUT /cluster/ha/resources/:sid", (call) => {
      demand(call.cluster, call.tokenId, "/", ["Sys.Console"]);
      Object.assign(find(call), call.params);
      actLater(call.cluster, decodeURIComponent(call.at["sid"]!));
    }),
    route("DELETE /cluster/ha/resources/:sid", (call) => {
      demand(call.cluster, call.tokenId, "/", ["Sys.Console"]);
      find(call);
      call.cluster.ha.delete(decodeURIComponent(call.at["sid"]!));
    }),
  ];
}

/** The HA manager acts with a delay. */
function actLater(cluster: Call["cluster"], sid: string): void {
  setTimeout(() => {
    const guest = cluster.guests.get(Number(sid.split(":")[1]));
    const state = cluster.ha.get(sid)?.["state"];
    if (guest === undefined || guest.lock !== undefined) return;
    if (state === "started" && guest.status === "stopped") startGuest(cluster, guest);
    if (state === "stopped" && guest.status === "running") stopGuest(guest);
  }, 300);
}

function poolRoutes(): Route[] {
  return [
    route("GET /pools", ({ cluster, params }) =>
      [...cluster.pools]
        .filter(([poolid]) => params["poolid"] === undefined || params["poolid"] === poolid)
        .map(([poolid, { comment, storages, guests }]) => ({
          poolid,
          comment,
          ...(params["poolid"] === undefined
            ? {}
            : {
                members: [
                  ...[...guests].map((vmid) => ({
                    type: cluster.guests.get(vmid)?.kind,
                    vmid,
                    id: `qemu/${vmid}`,
                  })),
                  ...[...storages].map((storage) => ({
                    type: "storage",
                    storage,
                    id: `storage/pve/${storage}`,
                  })),
                ],
              }),
        })),
    ),
    route("POST /pools", ({ cluster, tokenId, params }) => {
      const poolid = params["poolid"]!;
      demand(cluster, tokenId, `/pool/${poolid}`, ["Pool.Allocate"]);
      if (cluster.pools.has(poolid))
        throw new Refusal(500, `create pool failed: pool '${poolid}' already exists`);
      const parent = poolid.split("/").slice(0, -1).join("/");
      if (parent !== "" && !cluster.pools.has(parent)) {
        throw new Refusal(500, `create pool failed: parent '${parent}' of pool '${poolid}' does not exist`);
      }
      cluster.pools.set(poolid, { comment: params["comment"] ?? "", storages: new Set(), guests: new Set() });
    }),
    route("PUT /pools", (call) => changePool(call)),
    route("DELETE /pools", ({ cluster, tokenId, params }) => {
      const poolid = params["poolid"]!;
      demand(cluster, tokenId, `/pool/${poolid}`, ["Pool.Allocate"]);
      const pool = cluster.pools.get(poolid);
      if (pool === undefined) throw new Refusal(500, `delete pool failed: pool '${poolid}' does not exist`);
      const children = [...cluster.pools.keys()].some((other) => other.startsWith(`${poolid}/`));
      if (children || pool.guests.size + pool.storages.size > 0) {
        throw new Refusal(500, `delete pool failed: pool '${poolid}' is not empty`);
      }
      cluster.pools.delete(poolid);
    }),
  ];
}

function changePool({ cluster, tokenId, params }: Call): void {
  const poolid = params["poolid"]!;
  demand(cluster, tokenId, `/pool/${poolid}`, ["Pool.Allocate"]);
  const pool = cluster.pools.get(poolid);
  if (pool === undefined) throw new Refusal(500, `update pool failed: pool '${poolid}' does not exist`);
  if (params["comment"] !== undefined) pool.comment = params["comment"];
  const isRemoval = params["delete"] === "1";
  for (const storage of list(params["storage"])) {
    if (isRemoval) pool.storages.delete(storage);
    else pool.storages.add(cluster.storage(storage).name);
  }
  for (const vmid of list(params["vms"]).map(Number)) {
    if (isRemoval) pool.guests.delete(vmid);
    else addToPool(cluster, pool.guests, vmid, params["allow-move"] === "1");
  }
}

/** A guest that does not exist is ignored without an error. */
function addToPool(cluster: Call["cluster"], guests: Set<number>, vmid: number, mayMove: boolean): void {
  if (!cluster.guests.has(vmid)) return;
  const other = cluster.poolOf(vmid);
  if (other !== undefined && !guests.has(vmid)) {
    if (!mayMove) throw new Refusal(500, `update pool failed: VM ${vmid} belongs to pool '${other}' already`);
    cluster.pools.get(other)!.guests.delete(vmid);
  }
  guests.add(vmid);
}

function list(text: string | undefined): string[] {
  return (text ?? "").split(/[,; ]/).filter((one) => one !== "");
}
