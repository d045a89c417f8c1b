import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type DnsServer, type DnsServerOptions, zoneFile } from "./dns-server.ts";
import { freePort } from "./free-port.ts";
import { ServerProcess } from "./server-process.ts";

export interface NamedOptions extends DnsServerOptions {
  /** The server from which zones are transferred, which makes this one a secondary. */
  primary?: { port: number };
  /** The servers that get a NOTIFY after a change. */
  notify?: readonly { port: number }[];
  port?: number;
  /** The address to listen on. Default: 127.0.0.1. */
  address?: string;
  /** Returns the command line that runs a command in the network namespace of `address`. */
  enter?: (...command: string[]) => string[];
  /** PEM files. With them, the server also listens for DNS over TLS. */
  tls?: { certificate: string; key: string };
  /** More lines for the `options` statement. */
  extraOptions?: string;
}

const LOOPBACK = "127.0.0.1";

/** Starts BIND. */
export async function startNamed(
  options: NamedOptions,
): Promise<DnsServer & { tlsPort: number | undefined }> {
  const { folder, keys, zones, primary, tls } = options;
  await mkdir(folder, { recursive: true });
  const port = options.port ?? (await freePort());
  const tlsPort = tls === undefined ? undefined : await freePort();
  if (primary === undefined) {
    for (const zone of zones) await writeFile(join(folder, `${zone.name}.zone`), zoneFile(zone));
  }
  await writeFile(join(folder, "named.conf"), config(options, port, tlsPort));
  const server = new ServerProcess("named", ["-g", "-c", join(folder, "named.conf")], {}, options.enter);
  await server.ready(
    (log) => /\brunning$/m.test(log) && (primary === undefined || hasTransferred(log, zones.length)),
  );
  if (keys.length === 0) throw new Error("a server needs a key");
  return {
    address: options.address ?? LOOPBACK,
    port,
    tlsPort,
    log: () => server.log(),
    stop: () => server.stop(),
  };
}

function hasTransferred(log: string, zones: number): boolean {
  return (log.match(/Transfer status: success/g) ?? []).length >= zones;
}

function config(options: NamedOptions, port: number, tlsPort: number | undefined): string {
  const { folder, keys, zones, primary, notify = [], tls, extraOptions = "", address = LOOPBACK } = options;
  const names = keys.map(({ name }) => `key "${name}"`);
  const lines = [
    ...keys.map(
      ({ name, algorithm, secret }) => `key "${name}" { algorithm ${algorithm}; secret "${secret}"; };`,
    ),
    ...(tls === undefined ? [] : [`tls local { cert-file "${tls.certificate}"; key-file "${tls.key}"; };`]),
    `options { directory "${folder}"; pid-file none; session-keyfile none; lock-file none;`,
    `  listen-on port ${port} { ${address}; };`,
    ...(tlsPort === undefined ? [] : [`  listen-on port ${tlsPort} tls local { 127.0.0.1; };`]),
    "  listen-on-v6 { none; }; recursion no; dnssec-validation no; empty-zones-enable no; tcp-clients 1000;",
    "  allow-transfer { none; }; notify no;",
    extraOptions,
    "};",
    "controls { };",
  ];
  const also = notify.map(({ port: other }) => `127.0.0.1 port ${other};`).join(" ");
  for (const { name, allowTransfer = true } of zones) {
    const transfer = allowTransfer ? `allow-transfer { ${names.join("; ")}; };` : "";
    const source =
      primary === undefined
        ? `type primary; update-policy { ${keys.map((key) => `grant "${key.name}" zonesub ANY;`).join(" ")} };`
        : `type secondary; primaries { 127.0.0.1 port ${primary.port} ${names[0]}; }; allow-notify { 127.0.0.1; };`;
    const tell = also === "" ? "" : `notify explicit; also-notify { ${also} };`;
    lines.push(`zone "${name}" { ${source} file "${name}.zone"; ${transfer} ${tell} };`);
  }
  return `${lines.join("\n")}\n`;
}
