import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { lockFile } from "@nixops4-providers/durable-log";
import type { Context } from "@nixops4-providers/provider-sdk";
import { stateFile } from "./state-file.ts";

let folder: string;
let name: string;
let logged: string[];

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "state-file-"));
  name = join(folder, "state.json");
  logged = [];
});
afterEach(async () => {
  // Closes the file if the state was read.
  await create().catch(() => {});
  await fs.rm(folder, { recursive: true });
});

const context = {
  log: { info: (text: string) => logged.push(text), warn: (text: string) => logged.push(text) },
} as unknown as Context;
const inputsOf = (inputs: object) => ({ name, lockTimeoutSeconds: 1, ...inputs });
const create = (inputs: object = {}) =>
  stateFile.create({ inputs: inputsOf(inputs), previous: undefined }, context);
const read = (inputs: object = {}) => stateFile.state!.read(inputsOf(inputs), context);
const record = (patch: unknown[], inputs: object = {}) =>
  stateFile.state!.event(inputsOf(inputs), { event: "create", nixopsVersion: "1", patch }, context);
const put = (key: string, value: unknown = 1) => record([{ op: "add", path: `/resources/${key}`, value }]);

const text = () => fs.readFile(name, "utf8");
const modeOf = async (path: string) => (await fs.stat(path)).mode & 0o7777;
const isLocked = () => spawnSync("flock", ["-n", name, "true"]).status !== 0;
const EMPTY = { _type: "nixopsState", resources: {}, deployments: {} };
const withResources = (resources: object) => ({ ...EMPTY, resources });
const event = (index: number, patch: unknown[] = [], meta: object = {}) =>
  `${JSON.stringify({ index, meta: { time: "2026-01-01", ...meta }, patch })}\n`;
const FIRST = event(0, [{ op: "add", path: "", value: EMPTY }]);
const THREE = FIRST + event(1) + event(2);

describe("create", () => {
  it.each<[string, string | undefined, object, object[] | undefined]>([
    ["makes a missing file", undefined, {}, [{ index: 0, patch: [{ op: "add", path: "", value: EMPTY }] }]],
    ["fills an empty file", "", {}, [{ index: 0, patch: [{ op: "add", path: "", value: EMPTY }] }]],
    ["leaves other files alone", THREE, {}, undefined],
    ["leaves as many events as are wanted", THREE, { compactAfterEvents: 3 }, undefined],
    [
      "compacts more events",
      THREE,
      { compactAfterEvents: 2 },
      [
        {
          index: 0,
          meta: { event: "compact", lastIndex: 2 },
          patch: [{ op: "add", path: "", value: EMPTY }],
        },
      ],
    ],
  ])("%s", async (_, before, inputs, events) => {
    if (before !== undefined) await fs.writeFile(name, before, { mode: 0o600 });
    expect(await create(inputs)).toEqual({});
    if (events === undefined) expect(await text()).toBe(before);
    else expect([JSON.parse(await text())]).toMatchObject(events);
    expect(await modeOf(name)).toBe(0o600);
    expect([await fs.readdir(folder), isLocked(), logged]).toEqual([["state.json"], false, []]);
  });

  it("makes missing folders for their owner only", async () => {
    name = join(folder, "new", "state.json");
    await create();
    expect([await modeOf(join(folder, "new")), await modeOf(name)]).toEqual([0o700, 0o600]);
  });
});

const INVALID: [string, string, string][] = [
  ["no JSON", "text", "error parsing initial state event: not JSON at byte 0"],
  ["damage after one event", `${FIRST}text\n`, `damaged at byte ${FIRST.length}, after 1 whole events`],
  ["only a part of an event", '{"index":', "no initial state event"],
  [
    "another first record",
    "{}",
    "error parsing initial state event: not an object with index, meta.time and patch",
  ],
  ["another second record", `${FIRST}{}`, "event 1: not an object with index, meta.time and patch"],
  ["a first event of another index", event(1), "Expected initial state event with index 0, got 1"],
  [
    "an event that does not apply",
    FIRST + event(1, [{ op: "remove", path: "/a" }]),
    "event 1 does not apply: operation 0 of its patch (remove /a) does not apply",
  ],
];

describe("a file that is not valid", () => {
  it.each(INVALID)("because it has %s is refused and left as it is", async (_, contents, why) => {
    await fs.writeFile(name, contents, { mode: 0o600 });
    const refusal = {
      message: `State file invalid: ${why} (in ${name})`,
      hint: "Nothing was changed. Restore the file from a backup, or repair it by hand: each event is one JSON object.",
    };
    await expect(create()).rejects.toMatchObject(refusal);
    await expect(put("a")).rejects.toMatchObject(refusal);
    await expect(read()).rejects.toMatchObject(refusal);
    expect([await text(), await fs.readdir(folder), logged]).toEqual([contents, ["state.json"], []]);
  });
});

describe("a file is named in the error", () => {
  async function expectFailure(cause: object): Promise<void> {
    const failure = { message: `Could not use the state file ${name}`, cause };
    await expect(read({ lockTimeoutSeconds: 0 })).rejects.toMatchObject(failure);
    await expect(record([], { lockTimeoutSeconds: 0 })).rejects.toMatchObject(failure);
  }

  it("when it does not exist", () => expectFailure({ code: "ENOENT" }));

  it("when it is a folder", async () => {
    await fs.mkdir(name);
    await expectFailure({ code: "EISDIR" });
  });

  it("when another process reads it", async () => {
    await fs.writeFile(name, FIRST);
    const reader = await fs.open(name);
    try {
      await lockFile(reader.fd, "shared", { timeoutSeconds: 0 });
      await expectFailure({ message: "another process has it locked" });
    } finally {
      await reader.close();
    }
  });
});

describe("a state", () => {
  beforeEach(() => fs.writeFile(name, FIRST, { mode: 0o600 }));

  it("is recorded without a lock when it was not read before", async () => {
    await put("a");
    expect(isLocked()).toBe(false);
    await put("b", 2);
    expect(await read()).toEqual(withResources({ a: 1, b: 2 }));
    expect(await text()).toContain('"index": 2');
  });

  it("is locked from the first time that it is read", async () => {
    expect(await read()).toEqual(EMPTY);
    expect(isLocked()).toBe(true);
    await put("a");
    await put("b");
    expect(await read()).toEqual(withResources({ a: 1, b: 1 }));
    expect(isLocked()).toBe(true);
    await create();
    expect(isLocked()).toBe(false);
  });

  it("is read from the file that is at the path now", async () => {
    await read();
    await fs.writeFile(
      join(folder, "other"),
      FIRST + event(1, [{ op: "add", path: "/resources/a", value: 1 }]),
    );
    await fs.rename(join(folder, "other"), name);
    expect(await read()).toEqual(withResources({ a: 1 }));
    await fs.writeFile(join(folder, "empty"), "");
    await fs.rename(join(folder, "empty"), name);
    await create();
    expect(await read()).toEqual(EMPTY);
  });

  it("is not recorded in a file that another process has changed", async () => {
    await read();
    await fs.appendFile(name, "\n");
    for (let time = 0; time < 2; time++) {
      await expect(put("a")).rejects.toMatchObject({
        message:
          `cannot record the event "create" in the state file ${name}: another process has changed the file ` +
          "since this process read it",
        hint: "The resource was changed, but the change is not recorded. Run apply again, and only one apply at a time.",
      });
    }
    expect(await text()).toBe(`${FIRST}\n`);
    expect(await read()).toEqual(EMPTY);
    await put("a");
    expect(await read()).toEqual(withResources({ a: 1 }));
  });

  it("is not changed by a patch that does not apply", async () => {
    await read();
    const patch = [
      { op: "add", path: "/resources/a", value: 1 },
      { op: "remove", path: "/resources/b" },
    ];
    for (let time = 0; time < 2; time++) {
      await expect(record(patch)).rejects.toMatchObject({
        message: `cannot record the event "create" in the state file ${name}: operation 1 of its patch (remove /resources/b) does not apply`,
        hint: "Nothing was written. If the file was edited by hand during the deployment, run apply again.",
      });
    }
    expect(await text()).toBe(FIRST);
    await put("d");
    expect(await read()).toEqual(withResources({ d: 1 }));
  });

  it("whose last event was cut off is read without it, and the event is moved to another file", async () => {
    await fs.appendFile(name, '{"index":1');
    expect(await read()).toEqual(EMPTY);
    const [sideFile] = (await fs.readdir(folder)).filter((file) => file.startsWith("state.json.torn-"));
    expect(logged).toEqual([
      `the last event in ${name} had been cut off: its 11 bytes were moved to ${join(folder, sideFile!)}`,
    ]);
  });
});

describe("a file that others can read", () => {
  beforeEach(async () => {
    await fs.writeFile(name, FIRST);
    await fs.chmod(name, 0o644);
  });

  it("is made private, with a warning", async () => {
    await create();
    await create();
    expect(await modeOf(name)).toBe(0o600);
    expect(logged).toEqual([`${name} was open to others (mode 644) and has mode 0600 now`]);
  });

  // What chmod(2) does on FAT and on some shared folders, which not every machine can mount.
  async function withChmod(chmod: () => Promise<void>, work: () => Promise<void>): Promise<void> {
    const handle = await fs.open(name);
    const spy = jest.spyOn(Object.getPrototypeOf(handle) as fs.FileHandle, "chmod");
    spy.mockImplementation(chmod);
    try {
      await work();
    } finally {
      spy.mockRestore();
      await handle.close();
    }
  }

  it("is used, with a warning, if its mode cannot be changed", async () => {
    const failure = Object.assign(new Error("EPERM: operation not permitted, fchmod"), {
      code: "EPERM",
      syscall: "fchmod",
    });
    await withChmod(
      () => Promise.reject(failure),
      async () => {
        await create();
      },
    );
    expect(logged).toEqual([
      `others may read ${name}, and its mode cannot be changed: EPERM: operation not permitted, fchmod`,
    ]);
  });

  it("is refused if the file system does not keep the mode", async () => {
    await withChmod(
      async () => {},
      async () => {
        await expect(create()).rejects.toMatchObject({
          message: `Could not use the state file ${name}`,
          cause: {
            message: "the file system does not keep permissions: the file has mode 0644 where 0600 was set",
          },
        });
      },
    );
    expect(logged).toEqual([]);
  });
});

(process.geteuid?.() === 0 ? it : it.skip)(
  "a file on a read-only file system is read and left as it is (root only)",
  async () => {
    await fs.writeFile(name, FIRST);
    await fs.chmod(name, 0o644);
    execFileSync("mount", ["--bind", folder, folder]);
    try {
      execFileSync("mount", ["-o", "remount,bind,ro", folder]);
      expect(await read()).toEqual(EMPTY);
      expect(logged).toEqual([]);
      await expect(put("a")).rejects.toMatchObject({ message: `Could not use the state file ${name}` });
    } finally {
      execFileSync("umount", ["--lazy", folder]);
    }
    expect([await text(), await modeOf(name)]).toEqual([FIRST, 0o644]);
  },
);
