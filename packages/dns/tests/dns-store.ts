import { isWithin } from "../src/client/name.ts";
import type { DnsAsked, DnsSaid } from "./dns-primary.ts";

/** `www.example. 300 A 192.0.2.1` in parts. */
function parse(line: string) {
  const [name, ttl, type, ...value] = line.split(" ");
  return { line, name: name!, ttl: Number(ttl), type: type!, value: value.join(" ") };
}

const [YXRRSET, NXRRSET, REFUSED] = [7, 8, 5];

/** A primary server of some zones that keeps what it is sent; each zone begins with its SOA record. */
export class DnsStore {
  readonly zones: Map<string, string[]>;
  updates = 0;

  constructor(zones: Record<string, readonly string[]>) {
    this.zones = new Map(
      Object.entries(zones).map(([zone, lines]) => [
        zone,
        [
          `${zone} 3600 SOA ns1.example.test. hostmaster.${zone} 1 7200 600 86400 300`,
          `${zone} 3600 NS ns1.example.test.`,
          ...lines,
        ],
      ]),
    );
  }

  /** The records of a zone, besides SOA, NS and markers. */
  recordsOf(zone: string): string[] {
    return this.zones
      .get(zone)!
      .slice(2)
      .filter((line) => !line.includes("_owner"))
      .toSorted();
  }

  respond = (asked: DnsAsked): DnsSaid => {
    if (asked.type === "UPDATE") return this.#update(asked);
    const zone = [...this.zones.keys()]
      .filter((one) => isWithin(asked.name, one))
      .toSorted((a, b) => b.length - a.length)[0];
    if (zone === undefined) return { rcode: REFUSED, isAuthoritative: false };
    const lines = this.zones.get(zone)!;
    const answer = lines.filter((line) => {
      const { name, type } = parse(line);
      return name === asked.name && (type === asked.type || type === "CNAME");
    });
    return { answer, authority: answer.length === 0 ? [lines[0]!] : [] };
  };

  #update({ name: zone, prerequisites, updates }: DnsAsked): DnsSaid {
    this.updates += 1;
    let lines = this.zones.get(zone)!.map(parse);
    const split = (text: string) => {
      const [inClass, ...rest] = text.split(" ");
      return { inClass, ...parse(rest.join(" ")) };
    };
    for (const { inClass, name, type, value } of prerequisites.map(split)) {
      const found = lines.filter((one) => one.name === name && (type === "ANY" || one.type === type));
      if (inClass === "NONE" && found.length > 0) return { rcode: YXRRSET };
      if (inClass === "ANY" && found.length === 0) return { rcode: NXRRSET };
      if (inClass === "IN" && !found.some((one) => one.value === value)) return { rcode: NXRRSET };
    }
    for (const update of updates.map(split)) {
      const { inClass, name, type, value } = update;
      lines = lines.filter(
        (one) => one.name !== name || one.type !== type || (inClass !== "ANY" && one.value !== value),
      );
      if (inClass === "IN") lines.push(parse(update.line));
    }
    const [soa, ...others] = lines.map(({ line }) => line);
    const next = soa!.replace(/ (\d+) 7200 /, (_, serial) => ` ${Number(serial) + 1} 7200 `);
    this.zones.set(zone, [next, ...others]);
    return {};
  }
}
