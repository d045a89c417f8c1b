/** A DNS server, by default on loopback. */
export interface DnsServer {
  address: string;
  port: number;
  log(): string;
  stop(): Promise<void>;
}

/** A TSIG key. `secret` is base64. */
export interface DnsKey {
  name: string;
  algorithm: string;
  secret: string;
}

/** The initial contents of a zone, in zone file format, after its SOA and NS records. */
export interface DnsZone {
  name: string;
  /** Default: `ns1` with the address 127.0.0.1. */
  records?: string;
  /** Whether the keys can transfer the zone (AXFR). Default: true. */
  allowTransfer?: boolean;
}

export interface DnsServerOptions {
  /** The folder for all files of the server. The caller creates and removes it. */
  folder: string;
  /** The TSIG keys that can update and transfer all zones. */
  keys: DnsKey[];
  zones: DnsZone[];
}

/** Returns the initial zone file. */
export function zoneFile({ name, records = "@ NS ns1\nns1 A 127.0.0.1\n" }: DnsZone): string {
  const soa = "@ SOA ns1 hostmaster 1 3600 600 604800 60";
  return `$ORIGIN ${name}.\n$TTL 300\n${soa}\n${records}`;
}
