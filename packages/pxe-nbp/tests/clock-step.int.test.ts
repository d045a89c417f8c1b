import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { builtProvider, ProviderProcess } from "@nixops4-providers/e2e";
import { until } from "./boot-lab.ts";

const LIBRARY = ["x86_64", "aarch64"]
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find(existsSync);
const suite = LIBRARY === undefined ? describe.skip : describe;
const WAIT_SECONDS = 4;

suite(
  `a clock that is set while the boot service is waited for${LIBRARY === undefined ? " (no libfaketime)" : ""}`,
  () => {
    it.each(["+2d", "-2h", "+20000d"])("by %s changes nothing in how long", async (step) => {
      const folder = await mkdtemp(join(tmpdir(), "clock-step-"));
      const offset = join(folder, "offset");
      await writeFile(offset, "+0\n");
      const provider = new ProviderProcess(builtProvider("pxe-nbp"), {
        env: {
          LD_PRELOAD: LIBRARY!,
          FAKETIME_TIMESTAMP_FILE: offset,
          FAKETIME_NO_CACHE: "1",
          FAKETIME_DONT_FAKE_MONOTONIC: "1",
        },
      });
      try {
        const server = { socket: join(folder, "no.sock"), connectTimeoutSeconds: WAIT_SECONDS };
        const failed = provider.create("installed", { server, entryId: "web" }).then(() => "", String);
        await until("the first try", () => provider.stderr.includes("trying again"));
        const startedAt = performance.now();
        await writeFile(offset, `${step}\n`);
        expect(await failed).toContain("no.sock");
        const seconds = (performance.now() - startedAt) / 1000;
        expect(seconds).toBeGreaterThan(WAIT_SECONDS / 2);
        expect(seconds).toBeLessThan(3 * WAIT_SECONDS);
      } finally {
        await provider.kill("SIGKILL");
        await rm(folder, { recursive: true });
      }
    });
  },
);
