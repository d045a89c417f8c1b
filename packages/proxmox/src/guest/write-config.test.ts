import { describe, expect, it } from "@jest/globals";
import { tableClient } from "../../tests/table-client.ts";
import type { Observed } from "./observe.ts";
import { writeConfig } from "./write-config.ts";

const PATH = "/nodes/pve/qemu/100/config";
const READ = [`GET ${PATH}`, {}];
const CHANGED = "GET /nodes/pve/qemu/100/config: 500 checksum mismatch (file change by other user?)";

/** Writes keys of a guest that was observed with some values, and has others now. */
async function write(
  set: Record<string, string>,
  remove: string[],
  observed: object,
  now: object,
  isLong = false,
) {
  const { client, asked, log } = tableClient({
    [`GET ${PATH}`]: { ...now, digest: "d1" },
    [`PUT ${PATH}`]: null,
    [`POST ${PATH}`]: null,
  });
  const seen = { kind: "qemu", node: "pve", vmid: 100, values: new Map(Object.entries(observed)) };
  const change = { set: new Map(Object.entries(set)), remove, isLong, timeoutSeconds: 10 };
  const [error] = await writeConfig(client, seen as unknown as Observed, change).then(
    () => [],
    (reason: unknown) => [(reason as Error).message],
  );
  return { error, asked, log };
}

describe("keys", () => {
  it.each([
    ["that are new", {}, {}],
    ["that are as observed", { cores: "1", tags: "a" }, { cores: 1, tags: "a" }],
    ["beside others that changed meanwhile", { name: "web", memory: "1" }, { name: "db", memory: 2 }],
  ])("%s are written", async (_, observed, now) => {
    expect(await write({ cores: "2" }, ["tags"], observed, now)).toEqual({
      error: undefined,
      asked: [READ, [`PUT ${PATH}`, { cores: "2", delete: "tags", digest: "d1" }]],
      log: ["info: changing cores, tags of VM 100"],
    });
  });

  it.each([
    ["was changed", { cores: "1" }, { cores: 3 }],
    ["was added", {}, { cores: 1 }],
    ["was removed", { cores: "1" }, {}],
    ["to remove was changed", { tags: "a" }, { tags: "b" }],
  ])("of which one %s meanwhile are not written", async (_, observed, now) => {
    expect(await write({ cores: "2" }, ["tags"], observed, now)).toEqual({
      error: CHANGED,
      asked: [READ],
      log: [],
    });
  });

  it("are not removed when there are none to remove", async () => {
    const { asked } = await write({ cores: "2" }, [], {}, {});
    expect(asked.at(-1)).toEqual([`PUT ${PATH}`, { cores: "2", digest: "d1" }]);
  });

  it("are written by a task when volumes are created", async () => {
    const { asked } = await write({ scsi1: "lvm:8" }, [], {}, {}, true);
    expect(asked.at(-1)).toEqual([`POST ${PATH}`, { scsi1: "lvm:8", digest: "d1" }]);
  });
});
