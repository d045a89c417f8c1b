import { ProviderError, sleep } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import { PveError } from "../client/errors.ts";
import { labelOf } from "./guest.ts";
import type { Observed } from "./observe.ts";

type Family = "ipv4" | "ipv6" | "any";

/** A card inside of a guest. */
export interface Interface {
  mac: string;
  addresses: string[];
}

export interface AddressWait {
  mac: string | undefined;
  family: Family;
  timeoutSeconds: number;
  /** Asks the guest once; returns the error while it does not answer yet. */
  ask(): Promise<Interface[] | PveError>;
  /** What to do when it never answers. */
  hint: string;
}

const FIRST_POLL_SECONDS = 0.1;
const LONGEST_POLL_SECONDS = 2;

/** The keys of the cards, in their order. */
export function networkKeysOf({ values }: Observed): string[] {
  return [...values.keys()]
    .filter((key) => /^net\d+$/.test(key))
    .toSorted((a, b) => Number(a.slice(3)) - Number(b.slice(3)));
}

/** The addresses of a card, found by its MAC address, as soon as one of the family is there. */
export async function waitForAddresses(
  client: PveClient,
  seen: Observed,
  wait: AddressWait,
): Promise<string[]> {
  const { mac, family, timeoutSeconds } = wait;
  const start = performance.now();
  const progress = client.context.progress(`waiting for an address of ${labelOf(seen)} (${mac})`);
  try {
    for (let pause = FIRST_POLL_SECONDS; ; pause = Math.min(pause * 1.5, LONGEST_POLL_SECONDS)) {
      const answer = await wait.ask();
      const addresses = answer instanceof PveError ? [] : addressesOf(answer, mac);
      if (addresses.some((one) => isFamily(one, family))) return addresses;
      if (performance.now() - start > timeoutSeconds * 1000) throw noAddress(seen, wait, answer);
      progress.update(
        answer instanceof PveError ? answer.reason : "the guest answers, without such an address",
      );
      await sleep(pause, client.context.signal);
    }
  } finally {
    progress.done();
  }
}

/** Those of the card that are not link-local. */
function addressesOf(interfaces: Interface[], mac: string | undefined): string[] {
  const card = interfaces.find((one) => one.mac.toLowerCase() === mac);
  return (card?.addresses ?? []).filter((one) => !/^(fe[89ab][0-9a-f]:|169\.254\.|127\.|::1$)/i.test(one));
}

function isFamily(address: string, family: Family): boolean {
  return family === "any" || (family === "ipv6") === address.includes(":");
}

function noAddress(
  seen: Observed,
  { family, timeoutSeconds, hint }: AddressWait,
  answer: Interface[] | PveError,
): ProviderError {
  const path = "waitForIp";
  if (answer instanceof PveError) {
    const message = `the guest agent of ${labelOf(seen)} has not answered within ${timeoutSeconds} s`;
    return new ProviderError(message, { path, cause: answer, hint });
  }
  const kind = { any: "an address", ipv4: "an IPv4 address", ipv6: "an IPv6 address" }[family];
  return new ProviderError(
    `${labelOf(seen)} has not told ${kind} of its first card within ${timeoutSeconds} s`,
    {
      path,
      hint: "The guest answers. Look for DHCP or router announcements on the bridge of networks[0].",
    },
  );
}
