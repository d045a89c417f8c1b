const GLOBAL_VARIABLE = Buffer.from("61dfe48bca93d211aa0d00e098032b8c", "hex");
const END_OF_PATH = Buffer.from([0x7f, 0xff, 4, 0]);
/** PNP0A03 with number 0: PciRoot(0x0). */
const PCI_ROOT = pathNode(2, 1, Buffer.from("d041030a00000000", "hex"));
const IPV4 = pathNode(3, 12, Buffer.alloc(23));
const EMPTY_URI = pathNode(3, 24, Buffer.alloc(0));

export type EfiBoot =
  { kind: "network" | "http"; mac: string; pciSlot: number } | { kind: "disk"; pciSlot: number };

/**
 * Writes the boot order into an empty variable store of OVMF, like an operator in the firmware's menu. QEMU's bootindex
 * is not enough: it puts all boot options of one card first, and IPv6 takes two minutes to fail.
 */
export function withBootOrder(emptyStore: Buffer, order: EfiBoot[]): Buffer {
  const store = Buffer.from(emptyStore);
  const variables = [
    variable("BootOrder", Buffer.from(Uint16Array.from(order.keys(), (index) => index + 1).buffer)),
    ...order.map((boot, index) => variable(`Boot000${index + 1}`, loadOption(boot))),
  ];
  // The header of the firmware volume, which contains its own length, is followed by that of the variable store.
  let offset = store.readUInt16LE(48) + 28;
  for (const bytes of variables) {
    bytes.copy(store, offset);
    offset += Math.ceil(bytes.length / 4) * 4;
  }
  return store;
}

/** An EFI_LOAD_OPTION (UEFI 2.10, section 3.1.3). */
function loadOption(boot: EfiBoot): Buffer {
  const path = Buffer.concat([
    PCI_ROOT,
    pathNode(1, 1, Buffer.from([0, boot.pciSlot])),
    ...(boot.kind === "disk" ? [] : [macNode(boot.mac), IPV4]),
    ...(boot.kind === "http" ? [EMPTY_URI] : []),
    END_OF_PATH,
  ]);
  const header = Buffer.alloc(6);
  header.writeUInt32LE(1, 0); // Active.
  header.writeUInt16LE(path.length, 4);
  return Buffer.concat([header, text(boot.kind), path]);
}

function macNode(mac: string): Buffer {
  const data = Buffer.alloc(33);
  Buffer.from(mac.replaceAll(":", ""), "hex").copy(data);
  data[32] = 1; // Ethernet.
  return pathNode(3, 11, data);
}

function pathNode(type: number, subtype: number, data: Buffer): Buffer {
  const length = data.length + 4;
  return Buffer.concat([Buffer.from([type, subtype, length & 255, length >> 8]), data]);
}

/** An AUTHENTICATED_VARIABLE_HEADER of EDK2 with its name and data. */
function variable(name: string, data: Buffer): Buffer {
  const header = Buffer.alloc(60);
  header.writeUInt16LE(0x55aa, 0);
  header[2] = 0x3f; // Added, and not deleted.
  header.writeUInt32LE(7, 4); // Kept, and readable at boot and afterwards.
  header.writeUInt32LE(text(name).length, 36);
  header.writeUInt32LE(data.length, 40);
  GLOBAL_VARIABLE.copy(header, 44);
  return Buffer.concat([header, text(name), data]);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, "utf16le");
}
