import { ProviderError, sleep } from "@nixops4-providers/provider-sdk";
import { PveError } from "../client/errors.ts";
import { parseProps } from "../client/property-string.ts";
import { labelOf, pathOf } from "../guest/guest.ts";
import type { Observed } from "../guest/observe.ts";
import type { Inputs } from "../resources/vm.ts";
import type { Run } from "./run.ts";
import { readNetwork } from "./settings.ts";

interface Interface {
  "hardware-address"?: string;
  "ip-addresses"?: { "ip-address": string }[];
}

const FIRST_POLL_SECONDS = 0.1;
const LONGEST_POLL_SECONDS = 2;

/** The MAC addresses of the cards, in their order. */
export function macAddressesOf({ values }: Observed): string[] {
  return [...values.keys()]
    .filter((key) => /^net\d+$/.test(key))
    .toSorted((a, b) => Number(a.slice(3)) - Number(b.slice(3)))
    .map((key) => readNetwork(values.get(key)!)["macaddr"]?.toLowerCase() ?? "");
}

/** The addresses of the first card, waited for where that is asked. */
export async function ipAddressesOf(run: Run, seen: Observed): Promise<string[]> {
  const { waitForIp } = run.inputs;
  const fixed = staticAddresses(seen);
  if (waitForIp === undefined || !hasAgent(seen)) return fixed;
  return waitForAddresses(run, seen, waitForIp);
}

function hasAgent({ values }: Observed): boolean {
  return parseProps(values.get("agent") ?? "0", "enabled")["enabled"] === "1";
}

function staticAddresses({ values }: Observed): string[] {
  const { ip = "", ip6 = "" } = parseProps(values.get("ipconfig0") ?? "", "ip");
  return [ip, ip6].filter((one) => one.includes("/")).map((one) => one.split("/")[0]!);
}

async function waitForAddresses(
  { client }: Run,
  seen: Observed,
  { family, timeoutSeconds }: NonNullable<Inputs["waitForIp"]>,
): Promise<string[]> {
  const mac = macAddressesOf(seen)[0];
  const start = performance.now();
  const progress = client.context.progress(`waiting for an address of ${labelOf(seen)} (${mac})`);
  let lastError: PveError | undefined;
  try {
    for (let pause = FIRST_POLL_SECONDS; ; pause = Math.min(pause * 1.5, LONGEST_POLL_SECONDS)) {
      const answer = await askAgent(client, seen);
      if (answer instanceof PveError) lastError = answer;
      else {
        lastError = undefined;
        const addresses = addressesOf(answer, mac);
        if (addresses.some((one) => isFamily(one, family))) return addresses;
      }
      if (performance.now() - start > timeoutSeconds * 1000)
        throw noAddress(seen, family, timeoutSeconds, lastError);
      progress.update(lastError?.reason ?? "the agent answers, without such an address");
      await sleep(pause, client.context.signal);
    }
  } finally {
    progress.done();
  }
}

/** What the agent says; the error while it does not run (yet, or again after a power cycle). */
async function askAgent(client: Run["client"], seen: Observed): Promise<Interface[] | PveError> {
  try {
    const { result } = await client.get<{ result: Interface[] }>(
      `${pathOf(seen)}/agent/network-get-interfaces`,
    );
    return result;
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

function addressesOf(interfaces: Interface[], mac: string | undefined): string[] {
  const card = interfaces.find((one) => one["hardware-address"]?.toLowerCase() === mac);
  return (card?.["ip-addresses"] ?? [])
    .map((one) => one["ip-address"])
    .filter((one) => !/^(fe[89ab][0-9a-f]:|169\.254\.|127\.|::1$)/i.test(one));
}

function isFamily(address: string, family: "ipv4" | "ipv6" | "any"): boolean {
  return family === "any" || (family === "ipv6") === address.includes(":");
}

function noAddress(
  seen: Observed,
  family: string,
  timeoutSeconds: number,
  error: PveError | undefined,
): ProviderError {
  const kind = family === "any" ? "an address" : `an ${family === "ipv4" ? "IPv4" : "IPv6"} address`;
  if (error === undefined) {
    return new ProviderError(
      `${labelOf(seen)} has not told ${kind} of its first card within ${timeoutSeconds} s`,
      {
        path: "waitForIp",
        hint: "The guest agent answers. Look for DHCP or router announcements on the bridge of networks[0].",
      },
    );
  }
  return new ProviderError(
    `the guest agent of ${labelOf(seen)} has not answered within ${timeoutSeconds} s`,
    {
      path: "waitForIp",
      cause: error,
      hint: "Install it in the guest (NixOS: services.qemuGuest.enable = true; Debian: qemu-guest-agent), or leave waitForIp out.",
    },
  );
}
