import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { withoutMapping } from "../core/ip-address.ts";
import { httpUrl } from "../http/url.ts";
import type { Config } from "./config-schema.ts";

/** The URLs at which machines reach the HTTP server, without a slash at the end. */
export interface BaseUrls {
  /** Returns the URL for the machine at an IP address. */
  towards(address: string): Promise<string>;
  /** The URL when the machine is not known. Without `publicUrl` and a fixed address, that of the first network card. */
  readonly general: string;
}

const ANY_PORT = 9;

export function baseUrls({ publicUrl, http }: Config, port: number): BaseUrls {
  const url = (host: string) => httpUrl(host, port);
  const fixed = publicUrl?.replace(/\/+$/, "") ?? (isWildcard(http.address) ? undefined : url(http.address));
  return {
    towards: async (address) => fixed ?? url(await localAddressTowards(address)),
    general: fixed ?? url(firstAddress()),
  };
}

/** Returns the local address from which packets to another address are sent. Sends nothing. */
async function localAddressTowards(address: string): Promise<string> {
  const peer = withoutMapping(address);
  const socket = createSocket(isIPv6(peer) ? "udp6" : "udp4");
  try {
    socket.connect(ANY_PORT, peer);
    await once(socket, "connect");
    return socket.address().address;
  } finally {
    socket.close();
  }
}

function firstAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const outward = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  return outward?.address ?? "127.0.0.1";
}

function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}
