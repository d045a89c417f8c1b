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
  ask: () => Promise<Interface[] | PveError>;
  /** What to do when it never answers. */
  hint: string;
}

export interface Question<Answer, Found> {
  /** What is waited for, as a progress line. */
  what: string;
  timeoutSeconds: number;
  /** Asks the guest once; returns the error while it does not answer yet. */
  ask: () => Promise<Answer | PveError>;
  find: (answer: Answer) => Found | undefined;
  /** The error for the last answer, when the time is up. */
  explain: (answer: Answer | PveError) => ProviderError;
}

const FIRST_POLL_SECONDS = 0.1;
const LONGEST_POLL_SECONDS = 2;

/** The keys of the cards, in their order. */
export function networkKeysOf({ values }: Observed): string[] {
  return [...values.keys()]
    .filter((key) => /^net\d+$/.test(key))
    .toSorted((a, b) => Number(a.slice(3)) - Number(b.slice(3)));
}

/** Asks a guest with growing pauses until its answer has what is waited for. */
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
      progress.update(answer instanceof PveError ? answer.reason : "the guest answers, and does not have it");
      await sleep(pause, client.context.signal);
    }
  } finally {
    progress.done();
  }
}

/** The addresses of a card, found by its MAC address, as soon as one of the family is there. */
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
