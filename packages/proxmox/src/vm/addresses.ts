import { PveError } from "../client/errors.ts";
import { parseProps } from "../client/property-string.ts";
import { type Interface, isFamily, networkKeysOf, waitForAddresses } from "../guest/addresses.ts";
import type { Observed } from "../guest/observe.ts";
import { AGENT_HINT, askAgent, expectAgent, hasAgent } from "./agent.ts";
import type { Run } from "./run.ts";
import { readNetwork } from "./settings.ts";

interface AgentInterface {
  "hardware-address"?: string;
  "ip-addresses"?: { "ip-address": string }[];
}

/** Returns the MAC addresses of the network cards in lower case, `net0` first. */
export function macAddressesOf(seen: Observed): string[] {
  return networkKeysOf(seen).map((key) => readNetwork(seen.values.get(key)!)["macaddr"]?.toLowerCase() ?? "");
}

/** Returns the addresses of the first network card, and waits for them if `waitForIp` is set. */
export async function ipAddressesOf(run: Run, seen: Observed): Promise<string[]> {
  const { waitForIp } = run.inputs;
  if (waitForIp === undefined) return staticAddresses(seen);
  const fixed = hasAgent(seen) ? [] : staticAddresses(seen);
  if (fixed.some((one) => isFamily(one, waitForIp.family))) return fixed;
  expectAgent(seen, "waitForIp");
  return waitForAddresses(run.client, seen, {
    ...waitForIp,
    mac: macAddressesOf(seen)[0],
    ask: () => ask(run, seen),
    hint: AGENT_HINT,
  });
}

function staticAddresses({ values }: Observed): string[] {
  const { ip = "", ip6 = "" } = parseProps(values.get("ipconfig0") ?? "", "ip");
  return [ip, ip6].filter((one) => one.includes("/")).map((one) => one.split("/")[0]!);
}

async function ask({ client }: Run, seen: Observed): Promise<Interface[] | PveError> {
  const answer = await askAgent<{ result: AgentInterface[] }>(client, seen, "network-get-interfaces");
  if (answer instanceof PveError) return answer;
  return answer.result.map((one) => ({
    mac: one["hardware-address"] ?? "",
    addresses: (one["ip-addresses"] ?? []).map((address) => address["ip-address"]),
  }));
}
