import { type Context, type ConvergeRequest, ProviderError } from "@nixops4-providers/provider-sdk";
import type { HttpApi } from "../backends/http.ts";
import { asArray, asObject, asString } from "../backends/json.ts";
import { zonePath } from "../backends/powerdns.ts";
import { DnsError } from "../client/dns-error.ts";
import { type Name, parseName } from "../client/name.ts";
import type { Inputs, Outputs } from "./schema.ts";
import { openPowerDnsApi } from "../server/open-server.ts";

const ABSENT: Outputs = { serial: 0, nameServers: [], ds: [] };

export async function convergeZone(
  { inputs }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const api = await openPowerDnsApi(inputs.server.powerdns, context);
  const name = readName(inputs.name, "name");
  const nameServers = inputs.nameServers.map((one, index) => readName(one, `nameServers[${index}]`));
  const seen = await readZone(api, name);
  if (inputs.ensure === "absent") {
    if (seen !== undefined) await remove(api, name, seen, inputs.allowDelete);
    return ABSENT;
  }
  const { kind, masters, dnssec } = inputs;
  if (seen === undefined) {
    // A secondary copies its name servers, too: PowerDNS refuses others.
    const nameservers = kind === "Slave" ? [] : nameServers;
    const body = { name, kind, masters, nameservers, dnssec, soa_edit_api: "INCREASE" };
    // 409: another run has created it in the meantime.
    await api.request("POST", "/zones", { body, expect: [201, 409] });
  } else if (isOther(seen, inputs)) {
    await api.request("PUT", zonePath(name), {
      body: { kind, masters, dnssec, soa_edit_api: "INCREASE" },
      expect: [204],
    });
  }
  const zone = await readZone(api, name);
  if (zone === undefined || isOther(zone, inputs)) {
    throw new ProviderError(`PowerDNS accepted the zone ${name} and does not have it as wanted`);
  }
  return {
    serial: Number(zone["serial"]),
    nameServers: valuesOf(zone, name, "NS"),
    ds: await readDs(api, name, dnssec),
  };
}

type Zone = Record<string, unknown>;

async function readZone(api: HttpApi, name: Name): Promise<Zone | undefined> {
  const { status, body } = await api.request("GET", zonePath(name), { expect: [200, 404] });
  return status === 404 ? undefined : asObject(body);
}

function isOther(zone: Zone, { kind, masters, dnssec }: Inputs): boolean {
  const seen = [...asArray(zone["masters"] ?? [])].map(String).toSorted();
  return (
    zone["kind"] !== kind ||
    zone["dnssec"] !== dnssec ||
    JSON.stringify(seen) !== JSON.stringify(masters.toSorted())
  );
}

async function remove(api: HttpApi, name: Name, zone: Zone, allowDelete: boolean): Promise<void> {
  const others = asArray(zone["rrsets"])
    .map(asObject)
    .filter(({ type }) => type !== "SOA" && type !== "NS");
  if (others.length > 0 && !allowDelete) {
    throw new ProviderError(`the zone ${name} still has ${others.length} record sets`, {
      hint: "Nothing was changed. Remove them first, or set allowDelete = true.",
    });
  }
  await api.request("DELETE", zonePath(name), { expect: [204, 404] });
}

function valuesOf(zone: Zone, name: Name, type: string): string[] {
  const rrset = asArray(zone["rrsets"])
    .map(asObject)
    .find((one) => one["name"] === name && one["type"] === type);
  return asArray(rrset?.["records"] ?? [])
    .map((record) => asString(asObject(record)["content"]))
    .toSorted();
}

async function readDs(api: HttpApi, name: Name, dnssec: boolean): Promise<string[]> {
  if (!dnssec) return [];
  const { body } = await api.request("GET", `${zonePath(name)}/cryptokeys`);
  const keys = asArray(body)
    .map(asObject)
    .filter((key) => key["active"] === true);
  // Without SHA-1, which must no longer be used for DS records (RFC 8624).
  return keys
    .flatMap((key) => asArray(key["ds"] ?? []).map(asString))
    .filter((ds) => ds.split(" ")[2] !== "1");
}

function readName(text: string, path: string): Name {
  try {
    return parseName(text);
  } catch (error) {
    throw error instanceof DnsError ? new ProviderError(error.message, { path }) : error;
  }
}
