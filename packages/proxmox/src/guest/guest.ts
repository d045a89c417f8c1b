/** VMs and containers, by their names in the paths of the API. */
export type Kind = "qemu" | "lxc";

/** A guest, and the node that it is on. */
export interface Guest {
  readonly kind: Kind;
  readonly node: string;
  readonly vmid: number;
}

export function pathOf({ kind, node, vmid }: Guest): string {
  return `/nodes/${node}/${kind}/${vmid}`;
}

export function labelOf({ kind, vmid }: { kind: Kind; vmid: number }): string {
  return `${kind === "qemu" ? "VM" : "container"} ${vmid}`;
}

export function haId({ kind, vmid }: Guest): string {
  return `${kind === "qemu" ? "vm" : "ct"}:${vmid}`;
}
