import { describe, expect, it } from "@jest/globals";
import { declared, undeclared } from "../../../tests/machine-status.ts";
import { reportOf } from "../../../tests/entries.ts";
import type { EntryStatus, MachineStatus } from "../../core/api.ts";
import { activity } from "./activity.ts";
import { downloads } from "./downloads.ts";
import type { Html } from "./html.ts";
import { machineCard } from "./machine-card.ts";
import { machineDetails } from "./machine-details.ts";
import { shownMachines, type ShownMachine } from "./shown-machine.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const MAC = "52:54:00:12:34:56";

function shown(...cards: MachineStatus[]): ShownMachine {
  const [machine] = shownMachines(cards);
  return machine!;
}

/** Returns the text without the tags. */
function textOf(html: Html | undefined): string | undefined {
  return html?.text
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/[\s\u00a0]+/g, " ")
    .trim();
}

/** Returns the text of an element with an attribute, such as `class="facts"`. */
function part(card: Html, attribute: string): string | undefined {
  const [, tag, inner] = new RegExp(`<(\\w+)[^>]* ?${attribute}[^>]*>(.*?)</\\1>`, "s").exec(card.text) ?? [];
  return tag === undefined ? undefined : textOf({ text: inner! });
}

describe("the activity", () => {
  const at = (seconds: number) => NOW + seconds * 1000;

  it.each<[EntryStatus["phase"], Partial<EntryStatus>, string]>([
    ["armed", { expiresAt: at(120) }, "Waits for the machine to boot from the network. Expires in 2 min ."],
    ["booting", { bootedAt: at(-5) }, "Began to boot 5 s ago ."],
    ["booting", {}, ""],
    [
      "installing",
      { claimedAt: at(-5) },
      "The installer has begun and not reported yet. Began to install 5 s ago .",
    ],
    ["installing", { attempt: 1, report: reportOf({ stage: "copy" }) }, "copy"],
    [
      "installing",
      { attempt: 2, report: reportOf({ stage: "copy", percent: 12.9, message: "half" }) },
      "copy attempt 2 12 % half",
    ],
    ["installing", { attempt: 1, report: reportOf({ stage: "copy", percent: 0 }) }, "copy 0 %"],
    ["installed", { endedAt: at(-5) }, "Installed 5 s ago ."],
    [
      "installed",
      { endedAt: at(-5), login: "root@web", report: reportOf() },
      "Installed 5 s ago . ssh root@web Copy the command for web",
    ],
    ["failed", { endedAt: at(-5), report: reportOf({ stage: "disko" }) }, "disko Failed 5 s ago ."],
    ["failed", { endedAt: at(-5) }, "Failed 5 s ago ."],
    [
      "refused",
      { endedAt: at(-5), report: reportOf({ stage: "checks", message: "no disk" }) },
      "checks no disk Refused to install 5 s ago . No disk was touched.",
    ],
    ["interrupted", { endedAt: at(-5), reason: "power loss" }, "power loss Interrupted 5 s ago ."],
    ["interrupted", { endedAt: at(-5) }, "Interrupted 5 s ago ."],
    ["expired", { endedAt: at(-5) }, "No installer asked for this job in time. Expired 5 s ago ."],
  ])("of a machine that is %s with %j", (phase, entry, expected) => {
    expect(textOf(activity(shown(declared("web", phase, {}, entry)), NOW))).toBe(expected);
  });

  it("of an undeclared machine is the line that declares it", () => {
    const { text } = activity(shown(undeclared(MAC, { lastSeenAt: NOW })), NOW);
    expect(text).toContain(`<code>name = { mac = &#34;${MAC}&#34;; ip = &#34;ADDRESS&#34;; };</code>`);
  });

  it("has the progress as a bar", () => {
    const report = reportOf({ stage: "copy", percent: 12.9 });
    const { text } = activity(shown(declared("web", "installing", {}, { report })), NOW);
    expect(text).toContain('<progress value="12.9" max="100" aria-label="copy, web"></progress>');
  });

  it.each(["armed", "booting"] as const)("has the downloads of a machine that is %s", (phase) => {
    const machine = shown(
      declared("web", phase, { downloads: [{ name: "kernel", sent: 1, size: 2, at: NOW }] }),
    );
    expect(textOf(activity(machine, NOW))).toContain("kernel 1 B of 2 B");
    expect(textOf(machineDetails(machine, NOW))).not.toContain("kernel");
  });

  it("has no downloads after the boot: they are in the details", () => {
    const machine = shown(
      declared("web", "installing", { downloads: [{ name: "kernel", sent: 1, size: 2, at: NOW }] }),
    );
    expect(textOf(activity(machine, NOW))).not.toContain("kernel");
    expect(textOf(machineDetails(machine, NOW))).toContain("Fetched kernel 1 B of 2 B");
  });
});

describe("downloads", () => {
  it("are in the order of a boot", () => {
    const names = ["overlay", "initrd 1", "ipxe.efi", "initrd 0", "kernel", "boot.ipxe"];
    const machine = declared("web", "booting", {
      downloads: names.map((name) => ({ name, sent: 1, size: 1, at: NOW })),
    });
    expect(textOf(downloads(shown(machine)))).toBe(
      "ipxe.efi 1 B boot.ipxe 1 B kernel 1 B initrd 0 1 B initrd 1 1 B overlay 1 B",
    );
  });

  it.each([
    [1023, 2048, "1023 B of 2.0 KiB"],
    [2048, 2048, "2.0 KiB"],
    [4096, 2048, "2.0 KiB"],
  ])("of %i of %i bytes", (sent, size, expected) => {
    const machine = declared("web", "booting", { downloads: [{ name: "kernel", sent, size, at: NOW }] });
    expect(textOf(downloads(shown(machine)))).toBe(`kernel ${expected}`);
    const { text } = downloads(shown(machine))!;
    expect(text).toContain(`<progress value="${Math.min(sent, size)}" max="${size}" `);
  });

  it("of an empty file is a bar, too", () => {
    const machine = declared("web", "booting", {
      downloads: [{ name: "kernel", sent: 0, size: 0, at: NOW }],
    });
    expect(downloads(shown(machine))!.text).toContain('<progress value="0" max="1" ');
  });

  it("are left out when there are none", () => {
    expect(downloads(shown(declared("web", "booting")))).toBeUndefined();
  });
});

describe("the card", () => {
  const facts = { firmware: "efi", architecture: "x86_64" };

  it("of a declared machine has its name, network card, address and model", () => {
    const card = machineCard(
      shown(
        declared("web", "installed", {
          mac: MAC,
          address: "10.0.0.9",
          facts: { ...facts, manufacturer: "Dell Inc.", product: "R640" },
          lastSeenAt: NOW - 60_000,
        }),
      ),
      NOW,
    );
    expect(part(card, 'class=""')).toBe("web");
    expect(part(card, 'class="facts"')).toBe(`${MAC} 10.0.0.9 Dell Inc. R640`);
    expect(card.text).toContain('<span class="mono">10.0.0.9</span>');
    expect(part(card, 'class="badge"')).toBe("Installed");
    expect(part(card, 'class="seen"')).toBe("seen 1 min ago");
    expect(card.text).toMatch(/^<li\s+class="machine"\s/);
  });

  it("of an undeclared machine has its network card as the name", () => {
    const card = machineCard(shown(undeclared(MAC, { lastSeenAt: NOW, facts })), NOW);
    expect(part(card, 'class="mono"')).toBe(MAC);
    expect(part(card, 'class="facts"')).toBe("");
    expect(part(card, 'class="badge"')).toBe("Unknown");
  });

  it.each([
    [2, "b + 1 more"],
    [3, "c + 2 more"],
  ])("of a machine with %i network cards has the latest, and the number of others", (count, expected) => {
    const cards = ["a", "b", "c"].slice(0, count);
    const machine = shown(...cards.map((mac, i) => declared("web", "armed", { mac, lastSeenAt: i + 1 })));
    expect(part(machineCard(machine, NOW), 'class="facts"')).toBe(expected);
  });

  it("of a machine that was never seen says so", () => {
    expect(part(machineCard(shown(declared("web", "armed")), NOW), 'class="seen"')).toBe("never seen");
  });

  it("has the advice, and asks for attention", () => {
    const card = machineCard(shown(declared("web", "armed", { advice: ["Do this.", "Do that."] })), NOW);
    expect(part(card, 'class="advice"')).toBe("Do this. Do that.");
    expect(card.text).toMatch(/^<li\s+class="machine attention"\s/);
    const other = machineCard(shown(declared("web", "armed")), NOW);
    expect(part(other, 'class="advice"')).toBeUndefined();
  });

  it.each([
    ["installing", true],
    ["failed", true],
    ["refused", true],
    ["interrupted", true],
    ["installed", false],
    ["booting", false],
  ] as const)("of a machine that is %s has its log, open: %p", (phase, isOpen) => {
    const report = reportOf({ log: ["\u001b[1mone\u001b[0m", "two"] });
    const card = machineCard(shown(declared("web", phase, {}, { report })), NOW);
    expect(part(card, 'class="log"')).toBe("Log of web 2 lines one two");
    expect(/<details class="log" data-part="log" open>/.test(card.text)).toBe(isOpen);
  });

  it.each([
    ["an empty log", { report: reportOf() }],
    ["no report", {}],
  ])("with %s has none", (_what, entry) => {
    const card = machineCard(shown(declared("web", "failed", {}, entry)), NOW);
    expect(part(card, 'class="log"')).toBeUndefined();
  });
});

describe("the details", () => {
  const terms = (machine: ShownMachine) =>
    [...machineDetails(machine, NOW).text.matchAll(/<dt>(.*?)<\/dt>\s*<dd dir="auto">(.*?)<\/dd>/gs)].map(
      ([, term, value]) => `${term}: ${textOf({ text: value! })}`,
    );

  it("have everything that is known", () => {
    const at = (seconds: number) => NOW - seconds * 1000;
    const machine = declared(
      "web",
      "failed",
      {
        mac: MAC,
        address: "10.0.0.9",
        facts: {
          firmware: "efi",
          architecture: "x86_64",
          manufacturer: "Dell Inc.",
          product: "R640",
          serial: "7XKJ",
        },
      },
      {
        generation: 2,
        attempt: 1,
        armedAt: at(50),
        bootedAt: at(40),
        claimedAt: at(30),
        report: reportOf({ reportedAt: at(20) }),
        endedAt: at(10),
      },
    );
    expect(terms(shown(machine))).toEqual([
      `MAC address: ${MAC}`,
      "Address at its last network boot: 10.0.0.9",
      "Firmware: UEFI",
      "Architecture: x86_64",
      "Installs: x86_64",
      "Manufacturer: Dell Inc.",
      "Product: R640",
      "Serial number: 7XKJ",
      "Generation: 2",
      "Attempt: 1",
      "Armed: 50 s ago",
      "Booted: 40 s ago",
      "Install began: 30 s ago",
      "Last report: 20 s ago",
      "Ended: 10 s ago",
    ]);
  });

  it("leave out what is not known", () => {
    expect(terms(shown(undeclared(MAC, { lastSeenAt: NOW })))).toEqual([`MAC address: ${MAC}`]);
    const facts = { firmware: "other", architecture: "i386" };
    expect(terms(shown(declared("web", "armed", { mac: MAC, facts }, { armedAt: NOW })))).toEqual([
      `MAC address: ${MAC}`,
      "Firmware: other",
      "Architecture: i386",
      "Installs: x86_64",
      "Generation: 1",
      "Armed: now",
    ]);
  });

  it("have the timeline, or say that it is empty", () => {
    expect(textOf(machineDetails(shown(declared("web", "armed")), NOW))).toMatch(
      /Timeline Nothing has happened yet\.$/,
    );
    const timeline = [{ at: NOW, text: "Entry put" }];
    expect(textOf(machineDetails(shown(declared("web", "armed", { timeline })), NOW))).toMatch(
      /Timeline 03:04:05 Entry put$/,
    );
  });
});
