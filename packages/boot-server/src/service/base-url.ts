import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { httpUrl } from "../http/url.ts";
import type { Config } from "./config-schema.ts";

/** Under what machines reach the HTTP edge. */
export interface BaseUrls {
  /** For the machine at an address. */
  towards(address: string): Promise<string>;
  /** Where no machine is known yet: the best guess, without a `publicUrl`. */
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

/** The address of ours that the route to another one starts from. Nothing is sent. */
async function localAddressTowards(address: string): Promise<string> {
  const peer = address.replace(/^::ffff:(?=\d+\.)/i, "");
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
