import { describe, expect, it } from "@jest/globals";
import { entryAfter, entryIn, MAC, reportOf, START, STEPS } from "../../tests/entries.ts";
import { adviceFor } from "./advice.ts";
import { Machines } from "./machines.ts";
import type { Entry, Phase } from "./model.ts";

const MINUTE = 60_000;
const facts = { address: "10.0.0.9", firmware: "efi", architecture: "x86_64" };

function advice({
  entry = entryAfter([]),
  see = () => {},
  now = START,
  missingAssets = false,
}: {
  entry?: Entry | undefined;
  see?: (machines: Machines) => void;
  now?: number;
  missingAssets?: boolean;
}): string[] {
  const machines = new Machines({ maxUnknown: 10, maxUnknownPerAddress: 10 }, () => true);
  see(machines);
  return adviceFor(machines.get(MAC), entry, { missingAssets, now });
}

function load(name: string, sent: number, size: number, at = START) {
  return (machines: Machines) => machines.see(MAC, { text: name, download: { name, sent, size } }, at);
}

describe("advice", () => {
  it("is not given while all goes well", () => {
    expect(advice({})).toEqual([]);
    expect(advice({ entry: entryIn("booting"), see: load("snponly.efi", 9, 9) })).toEqual([]);
  });

  it("names both architectures", () => {
    const text = "It asked as arm64, and the entry is for x86_64";
    const see = (machines: Machines) => machines.see(MAC, { text, problem: "wrong-architecture" }, START);
    expect(advice({ see })).toEqual([expect.stringContaining(`${text}. Set the entry's architecture`)]);
  });

  it("tells of a boot program whose size was asked and which was never read", () => {
    const probe = (machines: Machines) =>
      machines.see(MAC, { text: "snponly.efi", problem: "size-probe" }, START);
    expect(advice({ see: probe, now: START + MINUTE })).toEqual([]);
    expect(advice({ see: probe, now: START + 2 * MINUTE })).toEqual([
      expect.stringContaining("never read it"),
    ]);
    const see = (machines: Machines) => {
      probe(machines);
      load("snponly.efi", 5, 9, START + 1)(machines);
    };
    expect(advice({ see, now: START + 2 * MINUTE })).toEqual([]);
  });

  it("tells of a boot program that was loaded and did not go on", () => {
    const now = START + 3 * MINUTE;
    expect(advice({ see: load("ipxe.efi", 9, 9), now })).toEqual([
      expect.stringContaining("loaded ipxe.efi, but never asked for its script"),
    ]);
    expect(advice({ see: load("kernel", 9, 9), now })).toEqual([]);
    const see = (machines: Machines) => {
      load("ipxe.efi", 9, 9)(machines);
      machines.askedForScript(MAC, facts, START + 1);
    };
    expect(advice({ see, now })).toEqual([]);
  });

  it("tells of a second address that asks as this machine", () => {
    const see = (machines: Machines) => {
      machines.askedForScript(MAC, facts, START);
      machines.askedForScript(MAC, { ...facts, address: "10.0.0.66" }, START);
    };
    expect(advice({ see })).toEqual([expect.stringContaining("10.0.0.9, 10.0.0.66")]);
  });

  it("counts boots that lead to no claim", () => {
    const boots = (count: number) => Array.from({ length: count }, () => STEPS.booting).flat();
    expect(advice({ entry: entryAfter(boots(3)) })).toEqual([]);
    for (const count of [4, 5]) {
      expect(advice({ entry: entryAfter(boots(count)) })).toEqual([
        expect.stringContaining(`booted ${count} times`),
      ]);
    }
    expect(advice({ entry: entryAfter([...boots(4), { kind: "refused", report: reportOf() }]) })).toEqual([
      expect.stringContaining("before it wrote to a disk"),
    ]);
  });

  it("tells of an installer that was loaded and does not claim", () => {
    const entry = entryAfter([...STEPS.booting, { kind: "delivered", boot: "boot" }]);
    expect(advice({ entry, now: START + 10 * MINUTE })).toEqual([]);
    expect(advice({ entry, now: START + 11 * MINUTE })).toEqual([expect.stringContaining("has not claimed")]);
  });

  it.each<[Phase, hold: string, retry: string]>([
    [
      "failed",
      'failed at "disko": fix the cause, raise installGeneration to 4',
      "the next network boot starts it again",
    ],
    ["interrupted", "half written: raise installGeneration to 4", "the next network boot starts it again"],
    ["refused", 'stopped at "disko", before it wrote to a disk', "before it wrote to a disk"],
    ["expired", "apply the deployment again, then turn", "apply the deployment again, then turn"],
  ])("says what to do when the install is %s", (phase, hold, retry) => {
    expect(advice({ entry: entryIn(phase) })).toEqual([expect.stringContaining(hold)]);
    expect(advice({ entry: entryIn(phase, { onInterrupted: "retry" }) })).toEqual([
      expect.stringContaining(retry),
    ]);
  });

  it.each<Phase>(["installing", "installed"])(
    "is not given for a machine that is %s, whatever is missing",
    (phase) => {
      expect(advice({ entry: entryIn(phase), missingAssets: true, now: START + 100 * MINUTE })).toEqual([]);
    },
  );

  it("tells of missing files, while they are needed", () => {
    for (const phase of ["armed", "booting"] as const) {
      const entry = entryIn(phase);
      expect(advice({ entry, missingAssets: true })).toEqual([expect.stringContaining("is missing")]);
    }
  });

  it("does not take a download without bytes, or one before it, as the reading of a boot program", () => {
    for (const [sent, at] of [
      [0, START + 1],
      [5, START],
    ] as const) {
      const see = (machines: Machines) => {
        machines.see(MAC, { text: "snponly.efi", problem: "size-probe" }, START);
        load("snponly.efi", sent, 9, at)(machines);
      };
      expect(advice({ see, now: START + 2 * MINUTE })).toEqual([expect.stringContaining("never read it")]);
    }
  });

  it("names the boot program that was loaded last, and another one", () => {
    const see = (machines: Machines) => {
      load("ipxe.efi", 9, 9)(machines);
      load("snponly.efi", 9, 9, START + MINUTE)(machines);
      load("other.efi", 4, 9, START + MINUTE)(machines);
    };
    expect(advice({ see, now: START + 3 * MINUTE })).toEqual([]);
    expect(advice({ see, now: START + 3 * MINUTE + 1 })).toEqual([
      expect.stringMatching(/^It loaded snponly.efi, but never asked .*\(try ipxe.efi\)/),
    ]);
    const asked = (machines: Machines) => {
      load("ipxe.efi", 9, 9)(machines);
      machines.askedForScript(MAC, facts, START);
    };
    expect(advice({ see: asked, now: START + 3 * MINUTE })).toEqual([]);
  });
});
