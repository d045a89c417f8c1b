import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type DnsServer, type DnsServerOptions, zoneFile } from "./dns-server.ts";
import { freePort } from "./free-port.ts";
import { findProgram, ServerProcess } from "./server-process.ts";

const run = promisify(execFile);
const SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";

/** Starts the PowerDNS authoritative server with its HTTP API. */
export async function startPowerDns(
  options: DnsServerOptions,
): Promise<DnsServer & { url: string; apiKey: string }> {
  const { folder, keys, zones } = options;
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const webPort = await freePort();
  const apiKey = "test-api-key";
  await writeFile(join(folder, "pdns.conf"), config(folder, port, webPort, apiKey));
  await writeFile(join(folder, "create.sql"), `${await readFile(SCHEMA, "utf8")}\n`);
  await run("sqlite3", [
    "-init",
    join(folder, "create.sql"),
    join(folder, "pdns.sqlite3"),
    "pragma journal_mode=wal;",
  ]);
  const pdnsutil = (...args: string[]) => run(findProgram("pdnsutil")!, [`--config-dir=${folder}`, ...args]);
  for (const { name, algorithm, secret } of keys) await pdnsutil("import-tsig-key", name, algorithm, secret);
  for (const zone of zones) {
    await writeFile(join(folder, `${zone.name}.zone`), zoneFile(zone));
    await pdnsutil("load-zone", zone.name, join(folder, `${zone.name}.zone`));
    for (const { name } of keys) {
      await pdnsutil("add-meta", zone.name, "TSIG-ALLOW-DNSUPDATE", name);
      if (zone.allowTransfer !== false) await pdnsutil("add-meta", zone.name, "TSIG-ALLOW-AXFR", name);
    }
    await pdnsutil("set-meta", zone.name, "SOA-EDIT-DNSUPDATE", "INCREASE");
    await pdnsutil("set-meta", zone.name, "SOA-EDIT-API", "INCREASE");
  }
  const server = new ServerProcess("pdns_server", [`--config-dir=${folder}`]);
  const url = `http://127.0.0.1:${webPort}`;
  await server.ready(() => isUp(`${url}/api/v1/servers/localhost`, apiKey));
  return { address: "127.0.0.1", port, url, apiKey, log: () => server.log(), stop: () => server.stop() };
}

async function isUp(url: string, apiKey: string): Promise<boolean> {
  const response = await fetch(url, { headers: { "X-API-Key": apiKey } }).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.status === 200;
}

function config(folder: string, port: number, webPort: number, apiKey: string): string {
  return [
    "launch=gsqlite3",
    `gsqlite3-database=${folder}/pdns.sqlite3`,
    "gsqlite3-dnssec=yes",
    "local-address=127.0.0.1",
    `local-port=${port}`,
    `socket-dir=${folder}`,
    "api=yes",
    `api-key=${apiKey}`,
    "webserver-address=127.0.0.1",
    `webserver-port=${webPort}`,
    "webserver-allow-from=127.0.0.1",
    "dnsupdate=yes",
    "allow-dnsupdate-from=127.0.0.0/8",
    "cache-ttl=0",
    "query-cache-ttl=0",
    "negquery-cache-ttl=0",
    "zone-cache-refresh-interval=0",
    "security-poll-suffix=",
    "guardian=no",
    "daemon=no",
    "",
  ].join("\n");
}
