// The wait for an install in this process. `installed.int.test.ts` runs the built executable with the real boot service.
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import { waitForInstall } from "../src/installed/wait-for-install.ts";
import type { Inputs } from "../src/installed/schema.ts";
import { entryOf, FakeService, MAC, recordingContext } from "./fake-service.ts";

let service: FakeService;
beforeEach(async () => (service = await FakeService.start()));
afterEach(() => service.end());

const ENDED = Date.UTC(2026, 0, 3);
const boot = {
  mac: MAC,
  address: "192.0.2.9",
  firmware: "efi",
  architecture: "x86_64",
  startedAt: 0,
} as never;
const reportOf = (more: object = {}) =>
  ({ stage: "copy", percent: 41.7, message: "3 of 7 paths", log: [], reportedAt: 0, ...more }) as never;
const installed = () => entryOf({ phase: "installed", endedAt: ENDED, report: reportOf({ stage: "done" }) });
const ARMED =
  "waiting for the machine 52:54:00:12:34:56 to boot from the network, since 2026-01-02T03:04:05Z";

/** Starts to wait. `result` are the outputs or the text of the error. */
function wait(more: object = {}, signal?: AbortSignal) {
  const { context, log, said } = recordingContext(signal);
  const inputs = {
    server: { socket: service.socket, connectTimeoutSeconds: 15 },
    entryId: "web",
    installGeneration: 1,
    hardwareReport: false,
    timeoutSeconds: 60,
    ...more,
  } as Inputs;
  const result = waitForInstall({ inputs, previous: undefined }, context).catch(describeError);
  return { result, log, said };
}

describe("a machine that is installed", () => {
  it.each([
    ["has a report", installed(), {}, { stage: "done", message: "3 of 7 paths", log: [] }],
    [
      "has no report, when it was installed as another entry",
      { ...installed(), report: undefined },
      {},
      null,
    ],
    [
      "may be of a higher generation",
      { ...installed(), spec: entryOf({ spec: { installGeneration: 2 } }).spec },
      {},
      expect.anything(),
    ],
  ])("%s, and is not waited for", async (_, entry, more, report) => {
    service.entry = entry;
    const { result, log } = wait(more);
    expect(await result).toEqual({ installedAt: "2026-01-03T00:00:00.000Z", report, hardwareReport: null });
    expect(log).toEqual([]);
  });

  it("has a report on its hardware", async () => {
    service.entry = installed();
    const report = '{"version":1,"system":"x86_64-linux","hardware":{}}';
    service.hardware = gzipSync(report);
    expect(await wait({ hardwareReport: true }).result).toMatchObject({ hardwareReport: report });
  });

  it("no longer needs its links", async () => {
    service.entry = installed();
    const gcRootsFolder = join(service.folder, "roots");
    await fs.mkdir(join(gcRootsFolder, "web"), { recursive: true });
    await fs.symlink("/nix/store/x", join(gcRootsFolder, "web", "x"));
    await wait().result;
    expect(await fs.readdir(gcRootsFolder)).toEqual(["web"]);
    await wait({ gcRootsFolder }).result;
    expect(await fs.readdir(gcRootsFolder)).toEqual([]);
  });
});

describe("an install that cannot succeed", () => {
  const lines = Array.from({ length: 21 }, (_, index) => `line ${index}`);
  const tail = ["\nThe end of its log:", ...lines.slice(1).map((line) => `  ${line}`)].join("\n");
  const again = (generation: number) =>
    `\nWhen the cause is found, set installGeneration to ${generation} in its boot_entry and here, apply again, and let the ` +
    "machine boot from the network. That wipes its disk.";
  const REFUSED = "\nWhen the cause is fixed, apply again, and let the machine boot from the network.";
  it.each([
    [
      "is of a lower generation",
      entryOf(),
      "installGeneration: the entry web has installGeneration 1, and 2 is waited for\n" +
        "Set the same in its boot_entry and here, and apply again.",
      { installGeneration: 2 },
    ],
    [
      "expired",
      entryOf({ phase: "expired", endedAt: ENDED }),
      "web: the entry expired on 2026-01-03T00:00:00Z: the machine had not begun to install\n" +
        `Apply its boot_entry again, and let the machine ${MAC} boot from the network.`,
    ],
    [
      "was refused",
      entryOf({ phase: "refused", endedAt: ENDED, report: reportOf({ log: ["no disk"] }) }),
      "web: the installer refused to begin on 2026-01-03T00:00:00Z, and touched no disk; in the stage copy: 3 of 7 paths\n" +
        `The end of its log:\n  no disk${REFUSED}`,
    ],
    [
      "failed",
      entryOf({ phase: "failed", endedAt: ENDED, report: reportOf({ log: lines }) }),
      `web: the install failed on 2026-01-03T00:00:00Z in the stage copy: 3 of 7 paths${tail}${again(2)}`,
    ],
    [
      "was interrupted",
      entryOf({
        phase: "interrupted",
        endedAt: ENDED,
        reason: "it was silent",
        spec: { installGeneration: 4 },
      }),
      `web: the install was interrupted on 2026-01-03T00:00:00Z: it was silent${again(5)}`,
    ],
  ])("%s", async (_, entry, message, more: object = {}) => {
    service.entry = entry;
    expect(await wait(more).result).toBe(message);
  });

  it("has no entry, or loses it", async () => {
    service.entry = undefined;
    expect(await wait().result).toContain('there is no entry "web"');
    service.entry = entryOf();
    const watched = service.watched();
    const { result } = wait();
    await watched;
    service.step("deleted", undefined);
    expect(await result).toBe("the entry web was removed from the boot service\nApply its boot_entry again.");
  });
});

describe("the way of a machine", () => {
  it("is told, each thing once", async () => {
    const watched = service.watched();
    const { result, log, said } = wait();
    await watched;
    const booting = entryOf({ phase: "booting", boot });
    service.download("kernel", 1, 3);
    service.step("booted", booting);
    service.download("kernel", 1, 3);
    service.download("kernel", 2, 3);
    service.download("empty", 0, 0);
    service.step("delivered", booting);
    service.download("initrd", 1, 3);
    // It boots again.
    service.step("booted", booting);
    service.download("kernel", 3, 3);
    service.step("delivered", booting);
    service.step("claimed", entryOf({ phase: "installing" }));
    service.step("reported", entryOf({ phase: "installing", report: reportOf() }));
    service.step("reported", entryOf({ phase: "installing", report: reportOf({ percent: 50 }) }));
    await said("50 %");
    service.step("installed", installed());
    expect(await result).toMatchObject({ report: { stage: "done" } });
    const fetched = `${MAC} has fetched its boot script from 192.0.2.9 (efi, x86_64)`;
    const hasAll = "the machine has all it needs: its installer should begin soon";
    expect(log).toEqual([
      "progress: waiting until web is installed",
      `info: ${ARMED}`,
      `update: ${ARMED}`,
      "info: the machine is loading kernel",
      "update: kernel 33 %",
      `info: ${fetched}`,
      `update: ${fetched}`,
      "info: the machine is loading kernel",
      "update: kernel 33 %",
      "update: kernel 66 %",
      "info: the machine is loading empty",
      "update: empty 100 %",
      `info: ${hasAll}`,
      `update: ${hasAll}`,
      `update: ${fetched}`,
      "info: the machine is loading kernel",
      "update: kernel 100 %",
      `info: ${hasAll}`,
      `update: ${hasAll}`,
      "info: the installer has begun",
      "update: the installer has begun",
      "info: the installer is at the stage copy",
      "update: copy, 41 %, 3 of 7 paths",
      "update: copy, 50 %, 3 of 7 paths",
    ]);
  });

  it("goes on after a failure that is tried again", async () => {
    const spec = { onInterrupted: "retry" };
    service.entry = entryOf({
      phase: "failed",
      spec,
      endedAt: ENDED,
      report: reportOf({ log: ["no disk"] }),
    });
    const watched = service.watched();
    const { result, log } = wait();
    await watched;
    service.step("booted", entryOf({ phase: "booting", spec, boot }));
    service.step("installed", installed());
    expect(await result).toMatchObject({ report: { stage: "done" } });
    expect(log.slice(0, 3)).toEqual([
      "progress: waiting until web is installed",
      "warn: the install failed on 2026-01-03T00:00:00Z in the stage copy: 3 of 7 paths; waiting for the next network boot\n" +
        "The end of its log:\n  no disk",
      "update: copy, 41 %, 3 of 7 paths",
    ]);
  });

  it("goes on after an outage of the service, which is told once", async () => {
    const watched = service.watched();
    const { result, log, said } = wait();
    await watched;
    await service.close();
    await said("the boot service does not answer");
    service.entry = installed();
    await service.listen();
    expect(await result).toMatchObject({ report: { stage: "done" } });
    expect(log.filter((line) => line.startsWith("warn: "))).toEqual([
      expect.stringMatching(/^warn: .*; trying again$/),
    ]);
  });

  it("is told again after an outage", async () => {
    let watched = service.watched();
    const { result, log, said } = wait();
    await watched;
    await service.close();
    await said("the boot service does not answer");
    watched = service.watched();
    await service.listen();
    await said("the boot service answers again");
    await watched;
    service.step("installed", installed());
    await result;
    expect(log.filter((line) => line.includes("answers again"))).toHaveLength(1);
    expect(log.filter((line) => line === `info: ${ARMED}`)).toHaveLength(1);
  });
});

describe("the end of the time", () => {
  const states = [
    {
      entry: entryOf(),
      state: ARMED,
      next:
        "Turn the machine on and let it boot from the network before 2026-01-02T03:05:05Z; then apply again. The service's " +
        "status page shows which machines it has seen.",
    },
    {
      entry: entryOf({ phase: "booting" }),
      state: "the machine is booting",
      next: "Look at the machine's console and at the service's status page; then apply again.",
    },
    {
      entry: entryOf({ phase: "installing" }),
      state: "the installer has begun",
      next: "Apply again to wait for longer.",
    },
  ];
  it("says how far the machine is, and what to do", async () => {
    const texts = states.map(async ({ entry }) => {
      const other = await FakeService.start();
      other.entry = entry;
      const server = { socket: other.socket, connectTimeoutSeconds: 15 };
      const text = await wait({ server, timeoutSeconds: 4 }).result;
      await other.end();
      return text;
    });
    expect(await Promise.all(texts)).toEqual(
      states.map(({ state, next }) => `web was not installed within 4 s: ${state}\n${next}`),
    );
  });

  it("says that the service did not answer", async () => {
    await service.close();
    const message = await wait({ timeoutSeconds: 0.3 }).result;
    expect(message).toBe("web was not installed within 0.3 s: the boot service did not answer");
    await service.listen();
  });
});

it("an interrupt ends it", async () => {
  const interruption = new AbortController();
  const watched = service.watched();
  const { result } = wait({}, interruption.signal);
  await watched;
  interruption.abort(new Error("interrupted by SIGINT"));
  expect(await result).toBe("waiting for the install of web was interrupted: interrupted by SIGINT");
});
