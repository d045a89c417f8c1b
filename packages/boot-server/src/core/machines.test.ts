import { describe, expect, it } from "@jest/globals";
import { Machines } from "./machines.ts";

const FACTS = { firmware: "efi", architecture: "x86_64" };
const macOf = (i: number) => `52:54:00:00:00:${String(i).padStart(2, "0")}`;

function machinesWith(
  limits: { maxUnknown?: number; maxUnknownPerAddress?: number },
  declared: string[] = [],
) {
  const all = { maxUnknown: 100, maxUnknownPerAddress: 100, ...limits };
  return new Machines(all, (mac) => declared.includes(mac));
}

function macs(machines: Machines): string[] {
  return machines.all().map(({ mac }) => mac);
}

describe("the machines that are remembered", () => {
  it("are the latest without an entry, and all with one", () => {
    const machines = machinesWith({ maxUnknown: 2 }, [macOf(0)]);
    for (const i of [0, 1, 2]) machines.see(macOf(i), { text: "" }, i);
    expect(macs(machines)).toEqual([0, 1, 2].map(macOf));
    machines.see(macOf(1), { text: "again" }, 3);
    machines.see(macOf(3), { text: "" }, 4);
    expect(macs(machines)).toEqual([0, 1, 3].map(macOf));
  });

  it("are at most so many of one address, whose others stay", () => {
    const machines = machinesWith({ maxUnknownPerAddress: 2 });
    machines.see(macOf(9), { address: "10.0.0.1", text: "" }, 0);
    for (const i of [0, 1, 2]) machines.see(macOf(i), { address: "10.0.0.66", text: "" }, i);
    expect(macs(machines)).toEqual([9, 1, 2].map(macOf));
  });

  it("have the address that was seen last, which belongs to one machine", async () => {
    const machines = machinesWith({});
    machines.see(macOf(0), { address: "10.0.0.1", text: "" }, 0);
    expect(await machines.macOf("10.0.0.1", 0)).toBe(macOf(0));
    machines.askedForScript(macOf(1), { address: "10.0.0.1", ...FACTS }, 1);
    expect(await machines.macOf("10.0.0.1", 1)).toBe(macOf(1));
    // The first machine must not release an address that it no longer has.
    machines.see(macOf(0), { address: "10.0.0.2", text: "" }, 2);
    expect(await machines.macOf("10.0.0.1", 2)).toBe(macOf(1));
    machines.see(macOf(1), { address: "10.0.0.3", text: "" }, 3);
    expect(await machines.macOf("10.0.0.1", 3)).toBeUndefined();
  });

  it("leave their address when they are forgotten", async () => {
    const machines = machinesWith({ maxUnknown: 1 });
    machines.see(macOf(0), { address: "10.0.0.1", text: "" }, 0);
    machines.see(macOf(1), { address: "10.0.0.2", text: "" }, 1);
    expect(macs(machines)).toEqual([macOf(1)]);
    expect(await machines.macOf("10.0.0.1", 2)).toBeUndefined();
  });
});

describe("what is remembered of a machine", () => {
  it("is a line for each thing, and one for each download", () => {
    const machines = machinesWith({});
    const see = (text: string, name?: string, sent = 0) =>
      machines.see(macOf(0), { text, ...(name && { download: { name, sent, size: 9 } }) }, 0);
    see("one");
    see("two");
    see("kernel 3", "kernel", 3);
    see("kernel 9", "kernel", 9);
    see("initrd 1", "initrd", 1);
    see("kernel again", "kernel", 4);
    const { timeline, downloads } = machines.get(macOf(0));
    expect(timeline.map(({ text }) => text)).toEqual(["one", "two", "kernel 9", "initrd 1", "kernel again"]);
    expect([...downloads].map(([name, { sent }]) => `${name} ${sent}`)).toEqual(["initrd 1", "kernel 4"]);
  });

  it("is bounded: 50 lines, 16 downloads, 8 addresses", () => {
    const machines = machinesWith({});
    for (let i = 0; i < 60; i++) {
      machines.see(macOf(0), { text: `line ${i}`, download: { name: `file ${i}`, sent: 1, size: 1 } }, i);
      machines.askedForScript(macOf(0), { address: `10.0.0.${i}`, ...FACTS }, i);
    }
    const { timeline, downloads, scriptAddresses } = machines.get(macOf(0));
    expect([timeline.length, timeline[0]!.text, timeline.at(-1)!.text]).toEqual([50, "line 10", "line 59"]);
    expect([downloads.size, [...downloads.keys()][0]]).toEqual([16, "file 44"]);
    expect([...scriptAddresses]).toEqual(Array.from({ length: 8 }, (_, i) => `10.0.0.${52 + i}`));
  });

  it("is a problem until the machine asks for its script, and what it is then", () => {
    const machines = machinesWith({});
    machines.see(macOf(0), { text: "no", problem: "size-probe" }, 1);
    machines.see(macOf(0), { text: "nothing of it" }, 2);
    expect([...machines.get(macOf(0)).problems]).toEqual([["size-probe", { at: 1, text: "no" }]]);
    machines.askedForScript(macOf(0), { address: "10.0.0.1", ...FACTS }, 3);
    expect(machines.get(macOf(0))).toMatchObject({
      facts: FACTS,
      scriptAt: 3,
      lastSeenAt: 3,
      address: "10.0.0.1",
    });
    expect(machines.get(macOf(0)).problems.size).toBe(0);
  });

  it("keeps its address when it is seen without one", () => {
    const machines = machinesWith({});
    machines.see(macOf(0), { address: "10.0.0.1", text: "" }, 0);
    machines.see(macOf(0), { text: "" }, 1);
    expect(machines.get(macOf(0))).toMatchObject({ address: "10.0.0.1", lastSeenAt: 1 });
  });
});
