import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type DnsServer, type DnsServerOptions, zoneFile } from "./dns-server.ts";
import { freePort } from "./free-port.ts";
import { ServerProcess } from "./server-process.ts";

/** Starts Knot DNS. */
export async function startKnot(options: DnsServerOptions): Promise<DnsServer> {
  const { folder, zones } = options;
  for (const name of ["run", "db", "zones"]) await mkdir(join(folder, name), { recursive: true });
  for (const zone of zones) await writeFile(join(folder, "zones", `${zone.name}.zone`), zoneFile(zone));
  const port = await freePort();
  await writeFile(join(folder, "knot.conf"), config(options, port));
  const server = new ServerProcess("knotd", ["-c", join(folder, "knot.conf")]);
  await server.ready((log) => log.includes("server started"));
  return { address: "127.0.0.1", port, log: () => server.log(), stop: () => server.stop() };
}

function config({ folder, keys, zones }: DnsServerOptions, port: number): string {
  const ids = keys.map(({ name }) => `${name}.`).join(", ");
  return [
    "server:",
    `    rundir: "${folder}/run"`,
    `    listen: 127.0.0.1@${port}`,
    "database:",
    `    storage: "${folder}/db"`,
    "log:",
    "  - target: stderr",
    "    any: info",
    "key:",
    ...keys.flatMap(({ name, algorithm, secret }) => [
      `  - id: ${name}.`,
      `    algorithm: ${algorithm}`,
      `    secret: ${secret}`,
    ]),
    "acl:",
    "  - id: update",
    `    key: [${ids}]`,
    "    action: update",
    "  - id: transfer",
    `    key: [${ids}]`,
    "    action: transfer",
    "template:",
    "  - id: default",
    `    storage: "${folder}/zones"`,
    '    file: "%s.zone"',
    "    zonefile-sync: -1",
    "    zonefile-load: difference-no-serial",
    "    journal-content: all",
    "zone:",
    ...zones.flatMap(({ name, allowTransfer = true }) => [
      `  - domain: ${name}`,
      `    acl: [update${allowTransfer ? ", transfer" : ""}]`,
    ]),
    "",
  ].join("\n");
}
