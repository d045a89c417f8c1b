import { readFile } from "node:fs/promises";

/** The table is read again after this time. */
const AGE_MS = 1_000;

/** The kernel's table of IPv4 neighbours, from /proc/net/arp (see proc_pid_net(5), arp(7)). */
export class ArpTable {
  readonly #read: () => Promise<string>;
  #cached: { at: number; macs: Promise<Map<string, string>> } | undefined;

  /** @param read returns the text of the table; for tests */
  constructor(read = async () => readFile("/proc/net/arp", "utf8")) {
    this.#read = read;
  }

  /** Returns the MAC address of an IPv4 address, `undefined` if the kernel does not know it. */
  async macOf(address: string, now: number): Promise<string | undefined> {
    if (this.#cached === undefined || now - this.#cached.at >= AGE_MS) {
      const macs = this.#read().then(macsOf, () => new Map<string, string>());
      this.#cached = { at: now, macs };
    }
    return (await this.#cached.macs).get(address);
  }
}

/** Rows are: IP address, HW type, Flags, HW address, Mask, Device. The flags of an incomplete row are 0x0. */
function macsOf(text: string): Map<string, string> {
  const rows = text.split("\n").slice(1);
  return new Map(
    rows.flatMap((row) => {
      const [address = "", , flags = "0x0", mac = ""] = row.split(/\s+/);
      return flags === "0x0" ? [] : [[address, mac] as const];
    }),
  );
}
