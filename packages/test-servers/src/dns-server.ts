/** A DNS server, on loopback if not told otherwise. */
export interface DnsServer {
  address: string;
  port: number;
  log(): string;
  stop(): Promise<void>;
}

/** A TSIG key: `secret` is base64. */
export interface DnsKey {
  name: string;
  algorithm: string;
  secret: string;
}

/** What a zone has at the start, in zone file format after its SOA and NS records. */
export interface DnsZone {
  name: string;
  /** Default: `ns1` with the address 127.0.0.1. */
  records?: string;
  /** Whether the keys may transfer it (AXFR); default: yes. */
  allowTransfer?: boolean;
}

export interface DnsServerOptions {
  /** For all of its files; the caller makes and removes it. */
  folder: string;
  /** Which may update and transfer all zones. */
  keys: DnsKey[];
  zones: DnsZone[];
}

/** A zone's first contents. */
export function zoneFile({ name, records = "@ NS ns1\nns1 A 127.0.0.1\n" }: DnsZone): string {
  const soa = "@ SOA ns1 hostmaster 1 3600 600 604800 60";
  return `$ORIGIN ${name}.\n$TTL 300\n${soa}\n${records}`;
}
