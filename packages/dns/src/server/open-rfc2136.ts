import { bareHost, type Context, ProviderError, timerMs } from "@nixops4-providers/provider-sdk";
import type { Backend } from "../backends/backend.ts";
import { Rfc2136Backend } from "../backends/rfc2136.ts";
import { DnsClient } from "../client/client.ts";
import type { Name } from "../client/name.ts";
import { parseTsigKey } from "../client/tsig.ts";
import type { Server } from "./server.ts";

type Rfc2136 = NonNullable<Server["rfc2136"]>;

/** Opens a zone on a server that takes dynamic updates. */
export async function openRfc2136(
  { address, port, transport, tls, tsig, transfer, timeoutSeconds }: Rfc2136,
  zone: Name,
  context: Context,
  maySplit: boolean,
): Promise<Backend> {
  const client = new DnsClient({
    address: bareHost(address),
    port: port ?? (transport === "tls" ? 853 : 53),
    transport,
    timeoutMs: timerMs(timeoutSeconds),
    signal: context.signal,
    tls: { serverName: tls.serverName, pin: tls.pin, ca: await readCa(tls.caCertificateFile) },
    tsig: tsig === undefined ? undefined : await readKey(tsig, context),
  });
  return new Rfc2136Backend(client, zone, { mayTransfer: transfer, maySplit });
}

async function readKey({ name, algorithm, secret }: NonNullable<Rfc2136["tsig"]>, context: Context) {
  return parseTsigKey(name, algorithm, await context.key(secret, `the secret of the TSIG key ${name}`));
}

async function readCa(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const { readFile } = await import("node:fs/promises");
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new ProviderError(`cannot read the file ${file}`, {
      path: "server.rfc2136.tls.caCertificateFile",
      cause,
    });
  }
}
