import { ProviderError, sleep } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import { PveError } from "../client/errors.ts";
import { labelOf } from "./guest.ts";
import type { Observed } from "./observe.ts";

type Family = "ipv4" | "ipv6" | "any";

/** A network interface inside a guest. */
export interface Interface {
  mac: string;
  addresses: string[];
}

export interface AddressWait {
  mac: string | undefined;
  family: Family;
  timeoutSeconds: number;
  /** Asks the guest once. Returns the error if it does not answer yet. */
  ask: () => Promise<Interface[] | PveError>;
  /** What to do if it never answers. */
  hint: string;
}

export interface Question<Answer, Found> {
  /** The text for the progress, such as "waiting for an address". */
  what: string;
  timeoutSeconds: number;
  /** Asks the guest once. Returns the error if it does not answer yet. */
  ask: () => Promise<Answer | PveError>;
  find: (answer: Answer) => Found | undefined;
  /** Returns the error for the last answer after the timeout. */
  explain: (answer: Answer | PveError) => ProviderError;
}

const FIRST_POLL_SECONDS = 0.1;
const LONGEST_POLL_SECONDS = 2;

/** Returns the keys of the network cards in numerical order. */
export function networkKeysOf({ values }: Observed): string[] {
  return [...values.keys()]
    .filter((key) => /^net\d+$/.test(key))
    .toSorted((a, b) => Number(a.slice(3)) - Number(b.slice(3)));
}

/** Asks a guest with growing pauses until `find` returns something. */
export async function askUntil<Answer, Found>(
  client: PveClient,
  { what, timeoutSeconds, ask, find, explain }: Question<Answer, Found>,
): Promise<Found> {
  const start = performance.now();
  const progress = client.context.progress(what);
  try {
    for (let pause = FIRST_POLL_SECONDS; ; pause = Math.min(pause * 1.5, LONGEST_POLL_SECONDS)) {
      const answer = await ask();
      const found = answer instanceof PveError ? undefined : find(answer);
      if (found !== undefined) return found;
      if (performance.now() - start > timeoutSeconds * 1000) throw explain(answer);
      progress.update(answer instanceof PveError ? answer.reason : "the guest answers, but without it");
      await sleep(pause, client.context.signal);
    }
  } finally {
    progress.done();
  }
}

/** Waits until the card with a MAC address has an address of the family. Returns all its addresses. */
export function waitForAddresses(client: PveClient, seen: Observed, wait: AddressWait): Promise<string[]> {
  const { mac, family, timeoutSeconds, ask } = wait;
  return askUntil(client, {
    what: `waiting for an address of ${labelOf(seen)} (${mac})`,
    timeoutSeconds,
    ask,
    find: (interfaces) => {
      const addresses = addressesOf(interfaces, mac);
      return addresses.some((one) => isFamily(one, family)) ? addresses : undefined;
    },
    explain: (answer) => noAddress(seen, wait, answer),
  });
}

/** Returns the addresses of a card that are not link-local. */
function addressesOf(interfaces: Interface[], mac: string | undefined): string[] {
  const card = interfaces.find((one) => one.mac.toLowerCase() === mac);
  return (card?.addresses ?? []).filter((one) => !/^(fe[89ab][0-9a-f]:|169\.254\.|127\.|::1$)/i.test(one));
}

export function isFamily(address: string, family: Family): boolean {
  return family === "any" || (family === "ipv6") === address.includes(":");
}

function noAddress(
  seen: Observed,
  { family, timeoutSeconds, hint }: AddressWait,
  answer: Interface[] | PveError,
): ProviderError {
  const path = "waitForIp";
  if (answer instanceof PveError) {
    const asked = seen.kind === "qemu" ? `the guest agent of ${labelOf(seen)}` : labelOf(seen);
    const message = `${asked} has not answered within ${timeoutSeconds} s`;
    return new ProviderError(message, { path, cause: answer, hint });
  }
  const kind = { any: "address", ipv4: "IPv4 address", ipv6: "IPv6 address" }[family];
  return new ProviderError(
    `${labelOf(seen)} has reported no ${kind} of its first network card within ${timeoutSeconds} s`,
    {
      path,
      hint: "The guest answers. Check DHCP or router advertisements on the bridge of networks[0].",
    },
  );
}
