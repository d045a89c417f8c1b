/** VMs and containers, as the paths of the API call them. */
export type Kind = "qemu" | "lxc";

/** Where a guest is now. */
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
