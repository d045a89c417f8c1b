import * as fs from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { builtProvider, ProviderProcess } from "@nixops4-providers/e2e";
import { FailingFs, FAULTS, inMemoryFolder } from "@nixops4-providers/test-servers";

// Each call of each step of an apply fails once. Every acknowledged event must be in the file.

const failing = await FailingFs.create();
jest.unstable_mockModule("node:fs/promises", () => failing.module);
jest.unstable_mockModule("node:fs", () => failing.syncModule);
jest.unstable_mockModule("node:child_process", () => failing.processModule);
const { answer } = await import("@nixops4-providers/provider-sdk");
const { provider } = await import("../src/provider.ts");
const { parseRecords } = await import("@nixops4-providers/durable-log");
const { resolveState } = await import("../src/state/document.ts");

const TIMEOUT_MS = 300_000;
const ATTEMPTS = ["one", "two", "three"];

let folder: string;
let names = 0;
beforeAll(async () => {
  folder = await fs.mkdtemp(join(inMemoryFolder, "state-file-faults-"));
});
afterAll(() => fs.rm(folder, { recursive: true }));

describe.each(FAULTS)("%s", (code) => {
  it.each([false, true])(
    "at each call of an apply (and at all after it: %s) loses no event that was acknowledged",
    async (persistent) => {
      let hasFailed = true;
      let failures = 0;
      for (let call = 0; hasFailed; call++) {
        const file = new StateFile(join(folder, `${names++}.json`));
        await file.create();
        await file.put("first");
        failing.arm(code, call, { persistent });
        // The start of an apply compacts the file.
        const errors = [await attempt(() => file.create()), await attempt(() => file.read())];
        for (const key of ATTEMPTS) errors.push(await attempt(() => file.put(key)));
        hasFailed = failing.disarm();
        for (const error of errors.filter((each) => each !== undefined)) {
          failures++;
          expect({ call, error }).toEqual({
            call,
            error: expect.stringMatching(new RegExp(`${code}|are unknown after a failed write`)),
          });
        }

        // As after a kill: the next process knows only what is on the disk.
        expect({ call, lost: await file.lost() }).toEqual({ call, lost: [] });
        // The next two applies.
        await file.create();
        expect({ call, missing: file.missingIn(await file.read()) }).toEqual({ call, missing: [] });
        await file.put("after");
        await file.create();
        expect({ call, missing: file.missingIn(await file.read()) }).toEqual({ call, missing: [] });
        // Closes the file.
        await file.create();
        expect({ call, open: await openFiles() }).toEqual({ call, open: [] });
        expect(call).toBeLessThan(300);
      }
      expect(failures).toBeGreaterThan(10);
    },
    TIMEOUT_MS,
  );
});

(process.geteuid?.() === 0 ? it : it.skip)(
  "on a disk that fills up, and is emptied (root only)",
  async () => {
    const { execFileSync } = await import("node:child_process");
    const mount = join(folder, "small");
    await fs.mkdir(mount);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", mount]);
    try {
      const name = join(mount, "state.json");
      const process = new ProviderProcess(builtProvider("local"), { onStderr: () => {} });
      const resource = { type: "state_file", inputProperties: { name } };
      await process.create("state_file", { name });
      await process.stateRead(resource);
      const acknowledged: string[] = [];
      const put = async (key: string, value: string) => {
        const patch = [{ op: "add", path: `/resources/${key}`, value }];
        const event = { resource, event: "create", nixopsVersion: "0", patch };
        const isStored = await process.stateEvent(event).then(
          () => true,
          () => false,
        );
        if (isStored) acknowledged.push(key);
        return isStored;
      };
      let refused = 0;
      for (let n = 0; refused < 3; n++) {
        if (!(await put(`r${n}`, "x".repeat(n % 2 === 0 ? 9_000 : 300)))) refused++;
      }
      await fs.writeFile(join(mount, "filler"), Buffer.alloc(200_000)).catch(() => {});
      for (let n = 0; n < 3; n++) await put(`full${n}`, "x".repeat(3_000));
      await fs.rm(join(mount, "filler"));
      await put("after", "x");
      expect(acknowledged).toContain("after");
      const resources = (await process.stateRead(resource))["resources"] as object;
      expect(Object.keys(resources).toSorted()).toEqual(acknowledged.toSorted());
      await process.close();
      const next = new ProviderProcess(builtProvider("local"), { onStderr: () => {} });
      expect((await next.stateRead(resource))["resources"]).toEqual(resources);
      await next.close();
    } finally {
      execFileSync("umount", ["-l", mount]);
    }
  },
);

class StateFile {
  readonly #name: string;
  readonly #acknowledged: string[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  async create(): Promise<void> {
    const inputProperties = { name: this.#name, compactAfterEvents: 2, lockTimeoutSeconds: 1 };
    const request = { type: "state_file", inputProperties, isStateful: false };
    await this.#send({ createResourceRequest: request });
  }

  async read(): Promise<string[]> {
    const answer = await this.#send({ stateResourceReadRequest: { resource: this.#resource } });
    const { state } = answer["stateResourceReadResponse"] as { state: { resources: object } };
    return Object.keys(state.resources);
  }

  async put(key: string): Promise<void> {
    const patch = [{ op: "add", path: `/resources/${key}`, value: 1 }];
    const event = { resource: this.#resource, event: "create", nixopsVersion: "0", patch };
    await this.#send({ stateResourceEvent: event });
    this.#acknowledged.push(key);
  }

  missingIn(keys: string[]): string[] {
    return this.#acknowledged.filter((key) => !keys.includes(key));
  }

  /** Returns the acknowledged events that are not on the disk. */
  async lost(): Promise<string[]> {
    const { records } = parseRecords(await fs.readFile(this.#name));
    const result = resolveState(records as Parameters<typeof resolveState>[0]);
    if ("failure" in result) return [result.failure];
    return this.missingIn(Object.keys(result.document["resources"] as object));
  }

  get #resource() {
    return { type: "state_file", inputProperties: { name: this.#name } };
  }

  async #send(request: object): Promise<Record<string, unknown>> {
    const line = JSON.stringify(request);
    const response = (await answer(provider, line, new AbortController().signal)) as unknown as Record<
      string,
      unknown
    >;
    const error = response["errorResponse"] as { message: string } | undefined;
    if (error !== undefined) throw new Error(error.message);
    return response;
  }
}

async function attempt(work: () => Promise<unknown>): Promise<string | undefined> {
  return work().then(
    () => undefined,
    (error: Error) => error.message,
  );
}

/** Returns the files in the folder that this process has open. */
async function openFiles(): Promise<string[]> {
  const numbers = await fs.readdir("/proc/self/fd");
  const files = numbers.map((number) => fs.readlink(`/proc/self/fd/${number}`).catch(() => ""));
  return (await Promise.all(files)).filter((file) => file.startsWith(folder));
}
