import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { type DnsServer, startNamed } from "@nixops4-providers/test-servers";

export interface NameServer {
  /** The zone of the hosts. */
  zone: string;
  /** The input `server` for its records. */
  server: { rfc2136: { address: string; tsig: { name: string; secret: { file: string } } } };
  dns: DnsServer;
}

const KEY = "deploy";

/** Starts BIND with a zone for hosts, and the reverse zone of 10.99.0.0/24. */
export async function startNameServer(options: {
  folder: string;
  address: string;
  enter: (...command: string[]) => string[];
}): Promise<NameServer> {
  const { folder, address, enter } = options;
  const secret = randomBytes(32).toString("base64");
  const secretFile = join(folder, "tsig-secret");
  await fs.mkdir(folder, { mode: 0o700 });
  await fs.writeFile(secretFile, secret, { mode: 0o600 });
  const zone = "lab.test";
  const dns = await startNamed({
    folder: join(folder, "bind"),
    keys: [{ name: KEY, algorithm: "hmac-sha256", secret }],
    zones: [
      { name: zone, records: `@ NS ns1\nns1 A ${address}\n` },
      { name: "0.99.10.in-addr.arpa", records: `@ NS ns1.${zone}.\n` },
    ],
    port: 53,
    address,
    enter,
  });
  return { zone, server: { rfc2136: { address, tsig: { name: KEY, secret: { file: secretFile } } } }, dns };
}
