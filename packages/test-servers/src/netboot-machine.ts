import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withBootOrder } from "./netboot-efi-variables.ts";
import type { NetworkNamespace } from "./netboot-namespace.ts";
import { NETWORK_ID, QemuProcess, type VirtualMachine } from "./qemu.ts";

export interface NetbootMachineOptions {
  firmware: "bios" | "efi";
  mac: string;
  /** A raw disk, which the machine changes. Default: none. */
  disk?: string;
  diskSerial?: string;
  /** The first boot option of the firmware, before the disk. `http` is UEFI HTTP boot. Default: `network`. */
  boot?: "network" | "http" | "disk";
  /** The memory in MiB. Default: 1024. EFI cannot load a ramdisk with less than 512. */
  memoryMiB?: number;
  /** Default: 1. */
  processors?: number;
}

const OVMF = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"] as const;
/** The iPXE of Debian's package ipxe, where this path is a link to /boot. */
const IPXE = "/usr/lib/ipxe/ipxe.lkrn";
const [NETWORK_SLOT, DISK_SLOT] = [2, 3] as const;

/**
 * The script of the iPXE that a BIOS machine boots first, which behaves like the plain PXE firmware of a network card.
 * The iPXE of QEMU's card cannot be used, since DHCP servers cannot tell it from the iPXE that it should load. Only
 * IPv4 is configured, since iPXE waits 15 s for an IPv6 router. Without a file name, a DHCP proxy may offer a menu,
 * which autoboot follows.
 */
const PLAIN_PXE = `#!ipxe
set user-class none
ifconf --configurator dhcp || exit
isset \${filename} || autoboot || exit
clear user-class
chain tftp://\${next-server}/\${filename} || exit
`;

/** Returns the firmware files that are not installed. */
export function missingFirmware(): string[] {
  return [...OVMF, IPXE].filter((file) => !existsSync(file));
}

/** Powers on a machine. Its files are put into `folder`, which no other machine may use. */
export async function startNetbootMachine(
  namespace: NetworkNamespace,
  folder: string,
  tap: string,
  options: NetbootMachineOptions,
): Promise<VirtualMachine> {
  const { firmware, mac, disk, diskSerial = "", memoryMiB = 1024, processors = 1 } = options;
  const args = [
    ["-smp", String(processors)],
    ["-m", String(memoryMiB)],
    ["-netdev", `tap,id=${NETWORK_ID},ifname=${tap},script=no,downscript=no`],
    ["-device", `virtio-net-pci,netdev=${NETWORK_ID},mac=${mac},addr=${NETWORK_SLOT},romfile=`],
    ["-device", "virtio-rng-pci,addr=4"],
    ...(disk === undefined
      ? []
      : [
          ["-drive", `if=none,id=disk,file=${disk},format=raw,cache=unsafe`],
          ["-device", `virtio-blk-pci,drive=disk,addr=${DISK_SLOT},serial=${diskSerial}`],
        ]),
    ...(firmware === "bios" ? await biosArguments(folder, options) : await efiArguments(folder, options)),
  ];
  const command = namespace.enter("qemu-system-x86_64", ...args.flat());
  const machine = new QemuProcess(command, join(folder, "console.log"));
  await machine.begin();
  return machine;
}

async function biosArguments(
  folder: string,
  { boot = "network" }: NetbootMachineOptions,
): Promise<string[][]> {
  if (boot === "http") throw new Error("a BIOS cannot boot by HTTP");
  const serialConsole = ["-machine", "pc,graphics=off"];
  if (boot === "disk") return [serialConsole];
  const script = join(folder, "plain-pxe.ipxe");
  await writeFile(script, PLAIN_PXE);
  return [serialConsole, ["-kernel", IPXE, "-initrd", script]];
}

async function efiArguments(
  folder: string,
  { mac, boot = "network" }: NetbootMachineOptions,
): Promise<string[][]> {
  const [code, emptyVariables] = OVMF;
  const variables = join(folder, "efi-variables.fd");
  const first = boot === "disk" ? [] : [{ kind: boot, mac, pciSlot: NETWORK_SLOT }];
  const order = [...first, { kind: "disk" as const, pciSlot: DISK_SLOT }];
  await writeFile(variables, withBootOrder(await readFile(emptyVariables), order));
  return [
    ["-drive", `if=pflash,format=raw,readonly=on,file=${code}`],
    ["-drive", `if=pflash,format=raw,file=${variables}`],
  ];
}
