import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { builtProvider, ProviderProcess } from "@nixops4-providers/e2e";

const KILLS = 200;
const executable = builtProvider("local");
let folder: string;

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "crash-"));
});
afterAll(() => fs.rm(folder, { recursive: true }));

/**
 * Lets `work` run until its process is killed, at a random moment after `isOnItsWay`. Returns whether the kill cut the work
 * short.
 */
async function killInTheMiddle(
  work: (provider: ProviderProcess) => Promise<void>,
  isOnItsWay: () => boolean = () => true,
): Promise<boolean> {
  const provider = new ProviderProcess(executable, { onStderr: () => {} });
  const is = { killed: false, ended: false };
  const death = (async () => {
    // The process answers once before, because Node starts more slowly than the work to interrupt takes.
    await provider.create("memo", { initialize_with: 0 }, true);
    while (!isOnItsWay() && !is.ended) await sleep(1);
    await sleep(Math.random() * 120);
    is.killed = true;
    await provider.kill("SIGKILL");
  })();
  try {
    await work(provider);
    return false;
  } catch (error) {
    if (!is.killed) throw error;
    return true;
  } finally {
    is.ended = true;
    await death;
  }
}

describe(`kill -9 at ${KILLS} random moments`, () => {
  it("never loses an acknowledged event of a state_file, nor breaks it", async () => {
    const name = join(folder, "state.json");
    const resource = { type: "state_file", inputProperties: { name, compactAfterEvents: 50 } };
    const acknowledged = new Set<string>();
    const attempted = new Set<string>();
    let hits = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const before = acknowledged.size;
      // So that also on a slow machine some kills come after an acknowledged event.
      const isOnItsWay = () => kill % 2 === 0 || acknowledged.size > before;
      const hit = await killInTheMiddle(async (provider) => {
        await provider.create("state_file", resource.inputProperties);
        const { resources } = (await provider.stateRead(resource)) as { resources: object };
        expect([...acknowledged].filter((key) => !(key in resources))).toEqual([]);
        expect(Object.keys(resources).filter((key) => !attempted.has(key))).toEqual([]);
        for (let event = 0; ; event++) {
          const key = `k${kill}e${event}`;
          const patch = [{ op: "add", path: `/resources/${key}`, value: { padding: "x".repeat(5_000) } }];
          attempted.add(key);
          await provider.stateEvent({ resource, event: "create", nixopsVersion: "1", patch });
          acknowledged.add(key);
        }
      }, isOnItsWay);
      if (hit) hits++;
    }
    expect(hits).toBe(KILLS);
    expect(acknowledged.size).toBeGreaterThan(KILLS / 4);
    const provider = new ProviderProcess(executable, { onStderr: () => {} });
    await provider.create("state_file", resource.inputProperties);
    const { resources } = (await provider.stateRead(resource)) as { resources: object };
    await provider.close();
    expect([...acknowledged].filter((key) => !(key in resources))).toEqual([]);
  }, 300_000);

  it("leaves a file with its old or its new contents, whole, and no permission wider than asked", async () => {
    const name = join(folder, "file");
    const contents = (letter: string) => letter.repeat(300_000);
    await fs.writeFile(name, contents("a"), { mode: 0o600 });
    let hits = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      let acknowledged: string | undefined;
      let attempted: string | undefined;
      const hit = await killInTheMiddle(async (provider) => {
        for (let turn = 0; ; turn++) {
          attempted = "abcdefgh"[(kill + turn) % 8];
          await provider.create("file", { name, contents: contents(attempted!), mode: "0600" });
          acknowledged = attempted;
        }
      });
      if (hit) hits++;
      const found = await fs.readFile(name, "utf8");
      expect(found === contents(found[0]!)).toBe(true);
      if (acknowledged !== undefined) expect([acknowledged, attempted]).toContain(found[0]);
      expect((await fs.stat(name)).mode & 0o777).toBe(0o600);
    }
    expect(hits).toBe(KILLS);
  }, 300_000);
});
