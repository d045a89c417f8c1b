import { describe, expect, it } from "@jest/globals";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { bootableDisk, netbootLabAvailable, startNetbootLab } from "../src/index.ts";

const unavailable = netbootLabAvailable();
const suite = unavailable === undefined ? describe : describe.skip;

suite(`the network boot lab${unavailable === undefined ? "" : ` (skipped: ${unavailable})`}`, () => {
  it("removes what a killed process has left", async () => {
    const name = `netboot-${spawnSync("true").pid}-1`;
    const folder = join(tmpdir(), name);
    await mkdir(folder);
    await promisify(execFile)("ip", ["netns", "add", name]);
    const orphan = spawn("nsenter", [`--net=/run/netns/${name}`, "sleep", "1000"]);
    const exited = once(orphan, "exit");
    const lab = await startNetbootLab();
    await lab.stop();
    expect(await exited).toEqual([null, "SIGKILL"]);
    expect([folder, `/run/netns/${name}`].filter(existsSync)).toEqual([]);
  });

  it.each(["bios", "efi"] as const)(
    "boots a disk, and leaves nothing behind (%s)",
    async (firmware) => {
      const lab = await startNetbootLab();
      try {
        const dnsmasq = await lab.startDnsmasq({ mode: "dhcp", httpPort: 8080 });
        expect(await dnsmasq.log()).toContain("DHCP, IP range");
        const disk = join(lab.folder, "disk");
        await writeFile(disk, Buffer.concat([bootableDisk("hello"), Buffer.alloc(2 ** 20)]));
        const machine = await lab.startMachine({ firmware, mac: "52:54:00:00:00:01", disk, boot: "disk" });
        await machine.waitForConsole(/hello\r\n/, 60);
        await lab.stop();
        expect(existsSync(`/proc/${machine.pid}`)).toBe(false);
      } finally {
        if (existsSync(lab.folder)) await lab.stop();
      }
      expect(existsSync(lab.folder)).toBe(false);
    },
    1_200_000,
  );
});
