import { PveError } from "../client/errors.ts";
import { parseProps } from "../client/property-string.ts";
import { type Interface, networkKeysOf, waitForAddresses } from "../guest/addresses.ts";
import { pathOf } from "../guest/guest.ts";
import type { Observed } from "../guest/observe.ts";
import type { Run } from "./run.ts";
import { readNetwork } from "./settings.ts";

interface AgentInterface {
  "hardware-address"?: string;
  "ip-addresses"?: { "ip-address": string }[];
}

const HINT =
  "Install it in the guest (NixOS: services.qemuGuest.enable = true; Debian: qemu-guest-agent), or leave waitForIp out.";

export function macAddressesOf(seen: Observed): string[] {
  return networkKeysOf(seen).map((key) => readNetwork(seen.values.get(key)!)["macaddr"]?.toLowerCase() ?? "");
}

/** The addresses of the first card, waited for where that is asked. */
export async function ipAddressesOf(run: Run, seen: Observed): Promise<string[]> {
  const { waitForIp } = run.inputs;
  if (waitForIp === undefined || !hasAgent(seen)) return staticAddresses(seen);
  return waitForAddresses(run.client, seen, {
    ...waitForIp,
    mac: macAddressesOf(seen)[0],
    ask: () => askAgent(run, seen),
    hint: HINT,
  });
}

function hasAgent({ values }: Observed): boolean {
  return parseProps(values.get("agent") ?? "0", "enabled")["enabled"] === "1";
}

function staticAddresses({ values }: Observed): string[] {
  const { ip = "", ip6 = "" } = parseProps(values.get("ipconfig0") ?? "", "ip");
  return [ip, ip6].filter((one) => one.includes("/")).map((one) => one.split("/")[0]!);
}

/** What the agent says; the error while it does not run (yet, or again after a power cycle). */
async function askAgent({ client }: Run, seen: Observed): Promise<Interface[] | PveError> {
  try {
    const path = `${pathOf(seen)}/agent/network-get-interfaces`;
    const { result } = await client.get<{ result: AgentInterface[] }>(path);
    return result.map((one) => ({
      mac: one["hardware-address"] ?? "",
      addresses: (one["ip-addresses"] ?? []).map((address) => address["ip-address"]),
    }));
  } catch (error) {
    if (
      error instanceof PveError &&
      error.status === 500 &&
      /agent|is not running|got timeout/.test(error.reason)
    )
      return error;
    throw error;
  }
}
