import { describe, expect, it, jest } from "@jest/globals";
import { PveError } from "../client/errors.ts";
import type { Observed } from "../guest/observe.ts";
import { ipAddressesOf, macAddressesOf } from "./addresses.ts";
import type { Run } from "./run.ts";

const MAC = "bc:24:11:00:00:01";

function observed(config: Record<string, string>): Observed {
  const net0 = `virtio=${MAC.toUpperCase()},bridge=vmbr0`;
  return {
    kind: "qemu",
    node: "pve",
    vmid: 100,
    isRunning: true,
    values: new Map(Object.entries({ net0, ...config })),
  } as never;
}

/** A run whose guest agent gives these answers, one after another; the last one stays. */
function runWith(waitForIp: object | undefined, answers: unknown[]) {
  const seen = { requests: 0 };
  const client = {
    context: {
      signal: new AbortController().signal,
      progress: () => ({ update: () => {}, done: () => {} }),
    },
    get: async () => {
      seen.requests++;
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { run: { client, inputs: { waitForIp } } as unknown as Run, seen };
}

const card = (mac: string | undefined, ...addresses: string[]) => ({
  ...(mac && { "hardware-address": mac }),
  "ip-addresses": addresses.map((address) => ({ "ip-address": address })),
});
const WAIT = { family: "any", timeoutSeconds: 10 };
const CONFIG = { agent: "1", ipconfig0: "ip=192.0.2.9/24,gw=192.0.2.254,ip6=auto" };

it("gives the MAC addresses of all cards in their order, in lower case", () => {
  const cards = { net10: "e1000=BC:24:11:00:00:0A", net2: "virtio=BC:24:11:00:00:02", net3: "virtio" };
  expect(macAddressesOf(observed(cards))).toEqual([MAC, "bc:24:11:00:00:02", "", "bc:24:11:00:00:0a"]);
});

describe("the addresses are the static ones", () => {
  it.each([
    ["without a wait", undefined, CONFIG],
    ["without the agent", WAIT, { ...CONFIG, agent: "0" }],
    ["where the agent is not configured", WAIT, { ipconfig0: CONFIG.ipconfig0 }],
  ])("%s", async (_, wait, config) => {
    const { run, seen } = runWith(wait, []);
    expect(await ipAddressesOf(run, observed(config))).toEqual(["192.0.2.9"]);
    expect(seen.requests).toBe(0);
  });

  it("or none", async () => {
    expect(await ipAddressesOf(runWith(undefined, []).run, observed({}))).toEqual([]);
  });
});

describe("the addresses are those that the agent reports", () => {
  const others = card("02:42:00:00:00:01", "172.17.0.1");
  const local = ["fe80::1", "FE90::1", "169.254.1.1", "127.0.0.1", "::1"];

  it.each([
    ["as soon as it runs", WAIT, [new PveError("GET /x", 500, "QEMU guest agent is not running")], 2],
    ["as soon as there is one", WAIT, [{ result: [others, card(MAC)] }], 2],
    ["that are not link-local", WAIT, [{ result: [card(MAC, ...local)] }], 2],
    ["of cards with a MAC address", WAIT, [{ result: [card(undefined, "192.0.2.3"), {}] }], 2],
    ["of any family", WAIT, [], 1],
    ["with one of IPv4", { ...WAIT, family: "ipv4" }, [{ result: [card(MAC, "2001:db8::1")] }], 2],
    ["with one of IPv6", { ...WAIT, family: "ipv6" }, [{ result: [card(MAC, "192.0.2.1")] }], 2],
  ])("%s", async (_, wait, before, requests) => {
    const all = ["192.0.2.1", "2001:db8::1"];
    const answers = [...before, { result: [others, card(MAC.toUpperCase(), ...all, ...local)] }];
    const { run, seen } = runWith(wait, answers);
    expect(await ipAddressesOf(run, observed(CONFIG))).toEqual(all);
    expect(seen.requests).toBe(requests);
  });

  it("and not those of another error", async () => {
    const { run } = runWith(WAIT, [new PveError("GET /x", 403, "no")]);
    await expect(ipAddressesOf(run, observed(CONFIG))).rejects.toThrow("403 no");
  });
});

describe("the addresses that never come are an error", () => {
  const answers = { result: [card(MAC, "fe80::1")] };
  const silent = new PveError("GET /x", 500, "QEMU guest agent is not running");
  const DHCP = "The guest answers. Check DHCP or router advertisements on the bridge of networks[0].";
  const none = (kind: string) => `VM 100 has reported no ${kind} of its first network card within 0.1 s`;

  it.each([
    ["of any family", "any", answers, { message: none("address"), hint: DHCP, cause: undefined }],
    ["of IPv4", "ipv4", answers, { message: none("IPv4 address"), hint: DHCP, cause: undefined }],
    ["of IPv6", "ipv6", answers, { message: none("IPv6 address"), hint: DHCP, cause: undefined }],
    [
      "without an agent",
      "any",
      silent,
      {
        message: "the guest agent of VM 100 has not answered within 0.1 s",
        hint: expect.stringContaining("services.qemuGuest.enable = true"),
        cause: silent,
      },
    ],
  ])("%s", async (_, family, answer, error) => {
    jest.useFakeTimers();
    try {
      const { run, seen } = runWith({ family, timeoutSeconds: 0.1 }, [answer]);
      const end = ipAddressesOf(run, observed(CONFIG)).catch((reason: unknown) => reason);
      await jest.advanceTimersByTimeAsync(10_000);
      expect(await end).toMatchObject({ path: "waitForIp", ...error });
      // At once, when the time is just up, and after it.
      expect(seen.requests).toBe(3);
    } finally {
      jest.useRealTimers();
    }
  });
});
