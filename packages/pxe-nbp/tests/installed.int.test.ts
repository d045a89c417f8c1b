import * as fs from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { timeSince } from "@nixops4-providers/e2e";
import { BootLab, ENTRY_ID, MAC, until } from "./boot-lab.ts";

let lab: BootLab;
beforeEach(async () => {
  lab = await BootLab.start();
});
afterEach(() => lab.end());

async function arm(inputs: object = {}): Promise<void> {
  const { path } = await lab.file("bzImage", "a kernel");
  await lab.apply("boot_entry", { macs: [MAC], kernel: path, ...inputs });
}

/** Starts to wait for the install. `said` resolves when a matching line was logged. */
function wait(inputs: object = {}) {
  const provider = lab.provider();
  const outputs = provider.create("installed", {
    server: { socket: lab.socket },
    entryId: ENTRY_ID,
    ...inputs,
  });
  const message = outputs
    .then(() => "", String)
    .then(async (text) => {
      await provider.close();
      return text;
    });
  const said = (text: string) => until(JSON.stringify(text), () => provider.stderr.includes(text));
  return { provider, outputs, message, said };
}

it("shows the way of a machine from the first request to its report", async () => {
  await arm();
  const { provider, outputs, said } = wait();
  await said("waiting for the machine 52:54:00:12:34:56 to boot from the network, since 2");
  const installer = await lab.boot();
  await said("52:54:00:12:34:56 has fetched its boot script from 192.0.2.50 (efi, x86_64)");
  for (const [name, sent] of [
    ["kernel", 8],
    ["initrd", 10],
    ["initrd", 60],
  ] as const) {
    lab.core.sighted({ mac: MAC, text: "", download: { name, sent, size: 100 } });
  }
  await said("the machine is loading kernel");
  await said("the machine is loading initrd");
  await lab.core.overlay(lab.core.getEntry(ENTRY_ID)!.boot!.id, "192.0.2.50").delivered();
  await said("the machine has all it needs: its installer should begin soon");
  // Later progress of a download is outdated.
  lab.core.sighted({ mac: MAC, text: "", download: { name: "initrd", sent: 70, size: 100 } });
  await said("s; the machine has all it needs: its installer should begin soon)");
  await installer.claim();
  await said("the installer has begun");
  await installer.report("partition", {
    percent: 40,
    message: "making file systems",
    log: ["mkfs.ext4 /dev/vda1"],
  });
  await said("the installer is at the stage partition");
  // The line that is logged every 5 s.
  await said("s; partition, 40 %, making file systems)");
  await installer.report("copy");
  await said("the installer is at the stage copy");
  await installer.end("installed", "done", "all is well", ["rebooting"]);
  expect(await outputs).toEqual({
    installedAt: new Date(lab.core.getEntry(ENTRY_ID)!.endedAt!).toISOString(),
    report: { stage: "done", message: "all is well", log: ["mkfs.ext4 /dev/vda1", "rebooting"] },
    hardwareReport: null,
  });
  expect(provider.stderr).not.toContain("mkfs.ext4");
  expect(provider.stderr.match(/is loading initrd/g)).toHaveLength(1);
});

describe("at once", () => {
  const install = async () => {
    const installer = await lab.boot();
    await installer.claim();
    await installer.end("installed", "done", "");
  };

  it("returns for a machine that is installed, in this generation or a higher one", async () => {
    await arm({ installGeneration: 2 });
    await install();
    for (const installGeneration of [1, 2]) {
      const outputs = await lab.apply("installed", { entryId: ENTRY_ID, installGeneration });
      expect(outputs).toMatchObject({ report: { stage: "done" } });
    }
  });

  it("returns for a machine that was installed as another entry", async () => {
    await arm();
    await install();
    await lab.apply("boot_entry", { macs: [MAC], ensure: "absent" });
    await arm({ name: "web" });
    expect(await lab.apply("installed", { entryId: "web" })).toMatchObject({ report: null });
  });

  it("fails for an entry that is not there", async () => {
    await expect(lab.apply("installed", { entryId: "nobody" })).rejects.toThrow(/nobody/);
  });

  it("fails for an entry of a lower generation", async () => {
    await arm();
    await expect(lab.apply("installed", { entryId: ENTRY_ID, installGeneration: 2 })).rejects.toThrow(
      "installGeneration: the entry 52-54-00-12-34-56 has installGeneration 1, and 2 is waited for\nSet the same",
    );
  });

  it("fails when nobody listens", async () => {
    const server = { socket: "/nowhere.sock", connectTimeoutSeconds: 0 };
    await expect(lab.apply("installed", { server, entryId: "x" })).rejects.toThrow(/nowhere\.sock/);
  });
});

describe("the report on the hardware", () => {
  const REPORT = `{"version":1, "system":"x86_64-linux",\n\t"hardware":{"cpu":[{"bogo":12345678901234567890.0}],"odd":"\u009b2J ü\ud83d\ude00"}}`;
  const install = async (...reports: (string | Buffer)[]) => {
    await arm();
    const installer = await lab.boot();
    for (const report of reports) await installer.reportHardware(gzipSync(report));
    await installer.claim();
    await installer.end("installed", "done", "");
  };

  it("is an output and a file, in ASCII, and otherwise as the installer has sent it last", async () => {
    await install("{}", REPORT);
    const hardwareReportFile = join(lab.folder, "facter.json");
    const wanted = `{"version":1, "system":"x86_64-linux",  "hardware":{"cpu":[{"bogo":12345678901234567890.0}],"odd":"\\u009b2J \\u00fc\\ud83d\\ude00"}}`;
    expect(
      await lab.apply("installed", { entryId: ENTRY_ID, hardwareReport: true, hardwareReportFile }),
    ).toMatchObject({ hardwareReport: wanted });
    expect(await fs.readFile(hardwareReportFile, "utf8")).toBe(`${wanted}\n`);
    expect(JSON.parse(wanted)).toEqual(JSON.parse(REPORT));
    expect(await lab.apply("installed", { entryId: ENTRY_ID, hardwareReportFile })).toMatchObject({
      hardwareReport: null,
    });
  });

  it("may be missing", async () => {
    await install();
    const { hardwareReport, log } = await lab.apply("installed", { entryId: ENTRY_ID, hardwareReport: true });
    expect(hardwareReport).toBeNull();
    expect(log).toContain("has not reported what hardware it found");
  });

  it("stays when the service is restarted, and goes with its entry", async () => {
    await install(REPORT);
    await lab.stopServer();
    await lab.startServer();
    const report = async () =>
      (await lab.apply("installed", { entryId: ENTRY_ID, hardwareReport: true }))["hardwareReport"];
    expect(await report()).toContain("x86_64-linux");
    await lab.apply("boot_entry", { macs: [MAC], ensure: "absent" });
    await arm();
    expect(await report()).toBeNull();
  });

  it.each([
    ["is larger than any", Buffer.alloc(5 * 2 ** 20, " "), /Cannot create a Buffer larger than|larger than/],
    ["is not JSON", "a\u001b[2Jsecret", /: it is not JSON\n/],
    ["is nothing", "null", /is not a report of nixos-facter/],
    ["is another object", '{"version":1,"system":"x","hardware":[]}', /is not a report of nixos-facter/],
  ])("is an error when it %s", async (_, report, message) => {
    await install(report);
    const applied = lab.apply("installed", { entryId: ENTRY_ID, hardwareReport: true });
    await expect(applied).rejects.toThrow(message);
    expect(lab.output).not.toContain("secret");
  });

  it("is an error when its file cannot be written", async () => {
    await install(REPORT);
    const applied = lab.apply("installed", {
      entryId: ENTRY_ID,
      hardwareReportFile: join(lab.folder, "none", "facter.json"),
    });
    await expect(applied).rejects.toThrow(
      /hardwareReportFile: cannot write the hardware report to .*ENOENT|no such file/,
    );
  });
});

describe("an install that ends badly", () => {
  const LOG = Array.from({ length: 30 }, (_, i) => `line ${i}`);
  const fail = async () => {
    const installer = await lab.boot();
    await installer.claim();
    await installer.end("failed", "partition", "/dev/vda is too small", LOG);
  };

  it("is an error with the stage, the last lines and what to do next", async () => {
    await arm();
    const { message, said, provider } = wait();
    await said("waiting for the machine");
    await fail();
    const text = await message;
    expect(text).toMatch(
      /52-54-00-12-34-56: the install failed on \S+ in the stage partition: \/dev\/vda is too small\nThe end of its log:\n {2}line 10\n/,
    );
    expect(text).toContain(
      "  line 29\nWhen the cause is found, set installGeneration to 2 in its boot_entry and here, apply again, and let the " +
        "machine boot from the network. That wipes its disk.",
    );
    expect(provider.stderr).not.toContain("line 29");
    expect(await wait().message).toBe(text);
  });

  it("is an error that takes no other generation where the installer touched nothing", async () => {
    await arm();
    const { message, said } = wait();
    await said("waiting for the machine");
    await (await lab.boot()).end("failed", "check-disk", "there is no disk", LOG);
    expect(await message).toMatch(
      /: the installer refused to begin on \S+, and touched no disk; in the stage check-disk: there is no disk\nThe end/,
    );
    expect(await message).toContain("\nWhen the cause is fixed, apply again, and let the machine boot");
    await arm();
    const { outputs, said: saidAgain } = wait();
    await saidAgain("its last boot refused to begin in the stage check-disk: there is no disk");
    const installer = await lab.boot();
    await installer.claim();
    await installer.end("installed", "done", "");
    expect(await outputs).toMatchObject({ report: { stage: "done" } });
  });

  it("says why it was interrupted", async () => {
    await arm();
    const installer = await lab.boot();
    await installer.claim();
    await installer.report("partition");
    const { message, said } = wait();
    await said("at the stage partition");
    await expect(lab.boot()).rejects.toThrow("interrupted");
    expect(await message).toMatch(
      /the install was interrupted on \S+ after the stage partition: it booted from the network again/,
    );
  });

  it("is a warning where the entry says retry", async () => {
    await arm({ onInterrupted: "retry" });
    const { outputs, said } = wait();
    await said("waiting for the machine");
    await fail();
    await said("warning: the install failed");
    await said("; waiting for the next network boot\n");
    const installer = await lab.boot();
    await installer.claim();
    await installer.end("installed", "done", "");
    expect(await outputs).toMatchObject({ report: { stage: "done" } });
  });

  it("is an error when the entry is removed meanwhile", async () => {
    await arm();
    const { message, said } = wait();
    await said("waiting for the machine");
    await lab.core.deleteEntry(ENTRY_ID);
    expect(await message).toContain("the entry 52-54-00-12-34-56 was removed from the boot service\nApply");
  });
});

it("waits for a server that is starting", async () => {
  await arm();
  await lab.stopServer();
  const { outputs, said } = wait();
  await said("trying again for 15 s");
  await lab.startServer();
  await said("waiting for the machine");
  const installer = await lab.boot();
  await installer.claim();
  await installer.end("installed", "done", "");
  expect(await outputs).toMatchObject({ report: { stage: "done" } });
});

it("goes on when the server is restarted meanwhile", async () => {
  await arm();
  const { outputs, said } = wait();
  await said("waiting for the machine");
  await lab.stopServer();
  await said("trying again");
  await lab.startServer();
  const installer = await lab.boot();
  await installer.claim();
  await said("the boot service answers again");
  await said("the installer has begun");
  await installer.end("installed", "done", "");
  expect(await outputs).toMatchObject({ report: { stage: "done" } });
});

it("takes over what happened while the server was away", async () => {
  await arm();
  const { outputs, said } = wait();
  await said("waiting for the machine");
  const installer = await lab.boot();
  await lab.server.stop({ graceSeconds: 1 });
  await installer.claim();
  await installer.end("installed", "done", "");
  await lab.core.close();
  await lab.startServer();
  expect(await outputs).toMatchObject({ report: { stage: "done" } });
});

it("says where it stands when the time is up", async () => {
  await arm();
  expect(await wait({ timeoutSeconds: 0.5 }).message).toMatch(
    /52-54-00-12-34-56 was not installed within 0\.5 s: waiting for the machine 52:54:00:12:34:56 to boot from the network, since \S+\nTurn the machine on/,
  );
  await (await lab.boot()).claim();
  expect(await wait({ timeoutSeconds: 0.5 }).message).toContain(
    "was not installed within 0.5 s: the installer has begun\nApply again to wait for longer.",
  );
});

it.each(["SIGINT", "SIGTERM"] as const)("ends within 2 s after %s", async (signal) => {
  await arm();
  const { message, said, provider } = wait();
  await said("waiting for the machine");
  const start = Date.now();
  await provider.kill(signal);
  expect(await timeSince(start)).toBeLessThan(2_000);
  expect(await message).toContain(
    `waiting for the install of 52-54-00-12-34-56 was interrupted: interrupted by ${signal}`,
  );
});
