import type { Cluster, Guest } from "./cluster.ts";
import { applyPending, bridgesOf } from "./guest-config.ts";
import type { TaskHandle } from "./tasks.ts";

/** Sets the state that the HA manager maintains, as starting and stopping a guest do. */
export function requestState(cluster: Cluster, guest: Guest, state: "started" | "stopped"): void {
  const resource = cluster.ha.get(haId(guest));
  if (resource !== undefined) resource["state"] = state;
}

/** Starts a guest. Its failures are visible in the task only. */
export function startGuest(cluster: Cluster, guest: Guest): void {
  refuseLockedTask(guest);
  if (guest.status === "running") throw new Error(`${label(guest)} already running`);
  const { bridges } = cluster.nodes.get(guest.node)!;
  const missing = bridgesOf(guest).find((bridge) => !bridges.includes(bridge));
  if (missing !== undefined) throw new Error(`bridge '${missing}' does not exist`);
  applyPending(guest);
  guest.status = "running";
  guest.startedAt = Date.now();
  guest.starts++;
}

export function stopGuest(guest: Guest): void {
  refuseLockedTask(guest);
  guest.status = "stopped";
  applyPending(guest);
}

export async function shutDownGuest(guest: Guest, timeoutSeconds: number): Promise<void> {
  refuseLockedTask(guest);
  if (guest.status === "stopped") return;
  if (!guest.heedsShutdown) {
    await new Promise((resolve) => setTimeout(resolve, timeoutSeconds * 1000));
    throw new Error(
      guest.kind === "qemu" ? "VM quit/powerdown failed - got timeout" : "command 'lxc-stop' failed: timeout",
    );
  }
  stopGuest(guest);
}

export async function rebootGuest(cluster: Cluster, guest: Guest, timeoutSeconds: number): Promise<void> {
  await shutDownGuest(guest, timeoutSeconds);
  // The task of a VM ends when it has shut down: qmeventd starts it again.
  if (guest.kind === "qemu" && guest.restartMs > 0)
    setTimeout(() => guest.status === "stopped" && startGuest(cluster, guest), guest.restartMs);
  else startGuest(cluster, guest);
}

export function destroyGuest(
  cluster: Cluster,
  guest: Guest,
  purge: boolean,
  unreferenced: boolean,
  task: TaskHandle,
): void {
  refuseLockedTask(guest);
  cluster.guest(guest.kind, guest.node, guest.vmid);
  for (const id of cluster.volumes.keys()) {
    const isOwn = new RegExp(`:(vm|subvol|base)-${guest.vmid}-`).test(id);
    const isReferenced = Object.values(guest.config).some((text) => text.startsWith(id));
    if (isOwn && (isReferenced || unreferenced)) cluster.volumes.delete(id);
  }
  if (purge) cluster.ha.delete(haId(guest));
  for (const { guests } of cluster.pools.values()) guests.delete(guest.vmid);
  cluster.guests.delete(guest.vmid);
  task.log(`purging ${label(guest)} from related configurations..`);
}

export function haId({ kind, vmid }: Guest): string {
  return `${kind === "qemu" ? "vm" : "ct"}:${vmid}`;
}

export function label({ kind, vmid }: Guest): string {
  return `${kind === "qemu" ? "VM" : "CT"} ${vmid}`;
}

function refuseLockedTask(guest: Guest): void {
  if (guest.lock !== undefined)
    throw new Error(`${guest.kind === "qemu" ? "VM" : "CT"} is locked (${guest.lock})`);
}
