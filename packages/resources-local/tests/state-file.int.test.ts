import { execFile, spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Ajv } from "ajv";
import { parseJson, stringifyJson } from "@nixops4-providers/json";
import { builtProvider, ProviderProcess } from "@nixops4-providers/e2e";

const run = promisify(execFile);
const executable = builtProvider("local");
let folder: string;
let name: string;
const running: ProviderProcess[] = [];

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "state-file-"));
  name = join(folder, "state.json");
});
afterEach(async () => {
  for (const provider of running.splice(0)) await provider.kill("SIGKILL");
  await fs.rm(folder, { recursive: true });
});

interface Event {
  index: number;
  meta: { time: string; [field: string]: unknown };
  patch: unknown[];
}

function start(): ProviderProcess {
  const provider = new ProviderProcess(executable, { onStderr: () => {} });
  running.push(provider);
  return provider;
}
function resource(inputs: object = {}) {
  return { type: "state_file", inputProperties: { name, ...inputs } };
}
function create(provider: ProviderProcess, inputs: object = {}) {
  return provider.create("state_file", { name, ...inputs });
}
function put(provider: ProviderProcess, key: string, value: unknown, inputs: object = {}) {
  const patch = [{ op: "add", path: `/resources/${key}`, value }];
  return provider.stateEvent({ resource: resource(inputs), event: "create", nixopsVersion: "1.2.3", patch });
}
async function resourcesIn(provider: ProviderProcess): Promise<Record<string, unknown>> {
  return (await provider.stateRead(resource()))["resources"] as Record<string, unknown>;
}
/** Returns what a deployment that starts now reads. */
async function resourcesNow(): Promise<Record<string, unknown>> {
  const provider = new ProviderProcess(executable, { onStderr: () => {} });
  try {
    return await resourcesIn(provider);
  } finally {
    await provider.close();
  }
}
async function eventsInFile(): Promise<Event[]> {
  const text = await fs.readFile(name, "utf8");
  return JSON.parse(`[${text.trimEnd().replaceAll("}\n{", "},\n{")}]`) as Event[];
}
async function sideFiles() {
  return (await fs.readdir(folder)).filter((file) => file.includes(".torn-"));
}

describe("state_file", () => {
  it("makes a file of mode 0600 with the empty state, and leaves an existing one alone", async () => {
    const provider = start();
    expect(await create(provider)).toEqual({});
    expect((await fs.stat(name)).mode & 0o777).toBe(0o600);
    expect(await provider.stateRead(resource())).toEqual({
      _type: "nixopsState",
      resources: {},
      deployments: {},
    });
    const before = await fs.stat(name, { bigint: true });
    await create(provider);
    const after = await fs.stat(name, { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  });

  it("numbers its events and says what made them", async () => {
    const provider = start();
    await create(provider);
    await put(provider, "a", 1);
    await put(provider, "b", 2);
    const events = await eventsInFile();
    expect(events.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(events[2]).toMatchObject({ meta: { event: "create", nixopsVersion: "1.2.3" } });
    expect(new Date(events[2]!.meta.time).getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(await resourcesIn(provider)).toEqual({ a: 1, b: 2 });
  });

  it("records changes and removals", async () => {
    const provider = start();
    await create(provider);
    await put(provider, "a", { inputs: { text: "old" }, outputs: { inode: 123 } });
    await put(provider, "b", 1);
    const change = [{ op: "replace", path: "/resources/a/inputs/text", value: "new" }];
    const event = { resource: resource(), nixopsVersion: "1" };
    await provider.stateEvent({ ...event, event: "update", patch: change });
    await provider.stateEvent({
      ...event,
      event: "destroy",
      patch: [{ op: "remove", path: "/resources/b" }],
    });
    const expected = { a: { inputs: { text: "new" }, outputs: { inode: 123 } } };
    expect(await resourcesIn(provider)).toEqual(expected);
    await provider.close();
    expect(await resourcesNow()).toEqual(expected);
  });

  it("goes on in a process that has not read the state", async () => {
    await create(start());
    await put(start(), "a", 1);
    await put(start(), "b", 2);
    expect(await resourcesNow()).toEqual({ a: 1, b: 2 });
  });

  it.each([
    [
      [{ op: "replace", path: "/resources/missing", value: "s3cret" }],
      "operation 0 of its patch (replace /resources/missing) does not apply",
    ],
    [[{ op: "test", path: "/_type", value: "s3cret" }], "does not apply"],
    [
      [
        { op: "add", path: "/resources/x", value: 1 },
        { op: "remove", path: "/nothing" },
      ],
      "operation 1",
    ],
    [[{ op: "add", path: "", value: { s3cret: 1 } }], "the result is not a nixopsState"],
    [[{ op: "frobnicate", path: "/resources" }], "is not valid"],
    [[{ op: "add", path: "/resources/__proto__/x", value: 1 }], "does not apply"],
    [["s3cret"], "is not valid"],
    [[{ op: "add", path: "/resources/x" }], "does not apply"],
  ])("refuses the patch %j and writes nothing", async (patch, expected) => {
    const provider = start();
    await create(provider);
    await put(provider, "kept", 1);
    await provider.stateRead(resource());
    const before = await fs.readFile(name);
    const event = { resource: resource(), event: "update", nixopsVersion: "1", patch };
    await expect(provider.stateEvent(event)).rejects.toThrow(expected);
    await expect(provider.stateEvent(event)).rejects.not.toThrow("s3cret");
    expect(await fs.readFile(name)).toEqual(before);
    await put(provider, "next", 2);
    expect(await resourcesIn(provider)).toEqual({ kept: 1, next: 2 });
  });

  it("keeps others out from the moment that the state is read until the process ends", async () => {
    const first = start();
    await create(first);
    await first.stateRead(resource());
    const second = start();
    const oneSecond = { lockTimeoutSeconds: 1 };
    const refusal = new RegExp(
      `${name}: another process has held the lock for 1 s\nWait for the other deployment`,
    );
    await expect(create(second, oneSecond)).rejects.toThrow(refusal);
    await expect(second.stateRead(resource(oneSecond))).rejects.toThrow(refusal);
    await expect(put(second, "foreign", 1, oneSecond)).rejects.toThrow(refusal);
    expect(second.stderr).toContain(`waiting for another deployment that is using the state file ${name}`);
    await put(first, "a", 1);
    const waiting = resourcesIn(second);
    await put(first, "b", 2);
    await first.kill("SIGKILL");
    expect(await waiting).toEqual({ a: 1, b: 2 });
  });

  it.each([
    ["written to", () => fs.appendFile(name, "\n")],
    ["replaced", () => fs.copyFile(name, `${name}.new`).then(() => fs.rename(`${name}.new`, name))],
  ])("refuses to go on with a file that was %s by a program without locks", async (_, change) => {
    const provider = start();
    await create(provider);
    await provider.stateRead(resource());
    await change();
    await expect(put(provider, "mine", 2)).rejects.toThrow(/another process has changed the file/);
    await expect(put(provider, "mine", 2)).rejects.toThrow(/another process has changed the file/);
    expect(await resourcesIn(provider)).toEqual({});
    await put(provider, "mine", 2);
    await provider.close();
    expect(await resourcesNow()).toEqual({ mine: 2 });
  });

  it("takes every name for a member and a key", async () => {
    const provider = start();
    await create(provider);
    const names = ["prototype", "constructor", "__proto__", "toString", "hasOwnProperty", ""];
    const value = parseJson('{"__proto__":{"constructor":[{"prototype":1.0}]},"toString":null}');
    for (const member of names) await put(provider, member, value);
    const expected = stringifyJson(Object.fromEntries(names.map((member) => [member, value])));
    expect(stringifyJson(await resourcesIn(provider))).toBe(expected);
    const path = "/resources/__proto__/__proto__/constructor/0/prototype";
    const patch = [{ op: "replace", path, value: parseJson("2.0") }];
    await provider.stateEvent({ resource: resource(), event: "update", nixopsVersion: "1", patch });
    await provider.close();
    const now = (await resourcesNow())["__proto__"];
    expect(stringifyJson(now)).toBe('{"__proto__":{"constructor":[{"prototype":2.0}]},"toString":null}');
  });

  it("makes a file private that nixops4's own provider has made, and says so", async () => {
    await create(start());
    await fs.chmod(name, 0o644);
    const provider = start();
    await create(provider);
    expect((await fs.stat(name)).mode & 0o777).toBe(0o600);
    expect(provider.stderr).toContain(`${name} was open to others (mode 644) and has mode 0600 now`);
  });

  it("warns of a file that Nix would copy into its store", async () => {
    await fs.writeFile(join(folder, "flake.nix"), "{ outputs = _: { }; }");
    const provider = start();
    await create(provider);
    expect(provider.stderr).toContain(`Nix copies the folder of ${join(folder, "flake.nix")} into its store`);

    // A link in another folder leads to the same file.
    const other = await fs.mkdtemp(join(tmpdir(), "state-file-"));
    await fs.mkdir(join(folder, "state"));
    await fs.symlink(join(folder, "state"), join(other, "link"));
    const direct = name;
    name = join(other, "link/state.json");
    const linked = start();
    await create(linked);
    expect(linked.stderr).toContain(`Nix copies the folder of ${join(folder, "flake.nix")} into its store`);
    await fs.rm(other, { recursive: true });
    name = direct;

    await run("git", ["init", "-q", folder]);
    await fs.writeFile(join(folder, ".gitignore"), "state.json\n");
    const ignored = start();
    await create(ignored);
    expect(ignored.stderr).toBe("");
  });

  it("refuses a path that begins with a tilde", async () => {
    name = "~/state.json";
    await expect(create(start())).rejects.toThrow("name: must not begin with `~`");
  });

  it("loses no event of many writers at once", async () => {
    await create(start());
    const writers = Array.from({ length: 5 }, async (_, writer) => {
      for (let event = 0; event < 4; event++) {
        const provider = start();
        await put(provider, `w${writer}e${event}`, true);
        await provider.close();
      }
    });
    await Promise.all(writers);
    expect(Object.keys(await resourcesNow())).toHaveLength(20);
    expect((await eventsInFile()).map(({ index }) => index)).toEqual(Array.from({ length: 21 }, (_, i) => i));
  });

  it("waits for the process that holds the flock(2), says so, and gives up after lockTimeoutSeconds", async () => {
    await create(start());
    const holder = spawn("flock", ["-x", name, "sleep", "60"], { stdio: "ignore", detached: true });
    try {
      while (spawnSync("flock", ["-n", name, "true"]).status === 0) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const provider = start();
      await expect(put(provider, "a", 1, { lockTimeoutSeconds: 2 })).rejects.toThrow(
        "another process has held the lock for 2 s",
      );
      expect(provider.stderr).toContain("waiting for another deployment");
    } finally {
      process.kill(-holder.pid!, "SIGKILL");
    }
    const provider = start();
    await put(provider, "a", 1);
    expect(await resourcesIn(provider)).toEqual({ a: 1 });
  });

  it("moves a cut-off event to a side file and goes on", async () => {
    const provider = start();
    await create(provider);
    await put(provider, "kept", 1);
    await put(provider, "cut", 2);
    const whole = await fs.readFile(name);
    const lastEvent = whole.lastIndexOf("\n{") + 1;
    for (const length of [lastEvent + 1, lastEvent + 20, whole.length - 2]) {
      await fs.writeFile(name, whole.subarray(0, length));
      const next = start();
      await create(next);
      expect(await resourcesIn(next)).toEqual({ kept: 1 });
      expect(next.stderr).toContain("had been cut off");
      expect(await fs.readFile(name)).toEqual(whole.subarray(0, lastEvent - 1));
      const [sideFile, ...others] = await sideFiles();
      expect(others).toEqual([]);
      expect((await fs.readFile(join(folder, sideFile!), "utf8")).trim()).toBe(
        whole.subarray(lastEvent, length).toString().trim(),
      );
      expect((await fs.stat(join(folder, sideFile!))).mode & 0o777).toBe(0o600);
      await fs.rm(join(folder, sideFile!));
      await next.close();
    }
  });

  it("repairs also when the tail is cut off after the state was read", async () => {
    await create(start());
    await put(start(), "kept", 1);
    await fs.appendFile(name, '{\n  "index": 2,\n  "me');
    const provider = start();
    expect(await resourcesIn(provider)).toEqual({ kept: 1 });
    await put(provider, "next", 2);
    await provider.close();
    expect(await resourcesNow()).toEqual({ kept: 1, next: 2 });
    expect(await sideFiles()).toHaveLength(1);
  });

  it("adopts the empty file that a crashed upstream provider leaves", async () => {
    await fs.writeFile(name, "");
    const provider = start();
    await create(provider);
    expect(await resourcesIn(provider)).toEqual({});
  });

  it.each([
    ["a damaged first event", "invalid json", "State file invalid: error parsing initial state event"],
    ["a cut-off first event", '{ "index": 0, "pat', "State file invalid: no initial state event"],
    [
      "another first index",
      '{"index":1,"meta":{"time":"t"},"patch":[]}',
      "Expected initial state event with index 0, got 1",
    ],
    ["no patch", '{"index":0,"meta":{"time":"t"}}', "State file invalid: error parsing initial state event"],
    [
      "another kind of state",
      '{"index":0,"meta":{"time":"t"},"patch":[{"op":"add","path":"","value":{"_type":"x"}}]}',
      "event 0 does not apply",
    ],
  ])("refuses %s and changes nothing", async (_, contents, expected) => {
    await fs.writeFile(name, contents);
    const provider = start();
    await expect(create(provider)).rejects.toThrow(expected);
    await expect(provider.stateRead(resource())).rejects.toThrow(expected);
    await expect(put(provider, "a", 1)).rejects.toThrow(expected);
    expect(await fs.readFile(name, "utf8")).toBe(contents);
  });

  it("refuses what is not a regular file, without waiting for its other end, and leaves its mode", async () => {
    await promisify(execFile)("mkfifo", ["-m", "644", name]);
    await expect(create(start())).rejects.toThrow("is not a regular file");
    expect((await fs.stat(name)).mode & 0o777).toBe(0o644);
    await fs.rm(name);
    await fs.mkdir(name, { mode: 0o755 });
    await expect(create(start())).rejects.toThrow(/is not a regular file|EISDIR/);
    expect((await fs.stat(name)).mode & 0o777).toBe(0o755);
    await fs.rmdir(name);
  });

  it("refuses a file damaged in the middle, says where, and changes nothing", async () => {
    const provider = start();
    await create(provider);
    for (const key of ["a", "b", "c"]) await put(provider, key, "s3cret");
    const bytes = await fs.readFile(name);
    const at = bytes.indexOf('"/resources/b"');
    bytes[at] = 0x23;
    await fs.writeFile(name, bytes);
    const next = start();
    const error = await create(next).catch((reason: Error) => reason.message);
    expect(error).toContain(`damaged at byte ${at}, after 2 whole events`);
    expect(error).not.toContain("s3cret");
    await expect(put(next, "d", 1)).rejects.toThrow("State file invalid");
    expect(await fs.readFile(name)).toEqual(bytes);
    expect(await sideFiles()).toEqual([]);
  });

  it("compacts on request: old values are gone, numbering goes on", async () => {
    const provider = start();
    await create(provider);
    await put(provider, "a", "old-s3cret");
    await put(provider, "a", "new-value");
    await fs.appendFile(name, '{"index":3,"meta":{"time":"old-s3cret');
    await create(start(), { compactAfterEvents: 3 });
    expect(await eventsInFile()).toHaveLength(3);
    expect(await sideFiles()).toHaveLength(1);
    const next = start();
    await create(next, { compactAfterEvents: 2 });
    expect(await eventsInFile()).toHaveLength(1);
    const all = await Promise.all(
      (await fs.readdir(folder)).map((file) => fs.readFile(join(folder, file), "utf8")),
    );
    expect(all.join()).not.toContain("old-s3cret");
    expect(await resourcesIn(next)).toEqual({ a: "new-value" });
    await put(next, "b", 1);
    expect((await eventsInFile()).map(({ index }) => index)).toEqual([0, 3]);
    expect((await fs.stat(name)).mode & 0o777).toBe(0o600);
  });

  it("creates missing folders, for their owner only", async () => {
    name = join(folder, "missing", "too", "state.json");
    await create(start());
    for (const path of ["missing", "missing/too"]) {
      expect((await fs.stat(join(folder, path))).mode & 0o777).toBe(0o700);
    }
    expect((await fs.stat(name)).mode & 0o777).toBe(0o600);
  });

  it("names the file that is in the place of a folder", async () => {
    await fs.writeFile(join(folder, "file"), "");
    name = join(folder, "file", "state.json");
    await expect(create(start())).rejects.toThrow(/Could not use the state file .*ENOTDIR/);
  });
});

const mayMount = process.getuid?.() === 0 ? describe : describe.skip;

mayMount("a full disk (skipped unless root, who may mount one)", () => {
  beforeEach(() => run("mount", ["-t", "tmpfs", "-o", "size=32k", "none", folder]));
  afterEach(() => run("umount", ["--lazy", folder]));

  it("refuses the event that does not fit, keeps the others, and records the next", async () => {
    const provider = start();
    await create(provider);
    await provider.stateRead(resource());
    await put(provider, "small", 1);
    const before = await fs.readFile(name);
    for (let time = 0; time < 2; time++) {
      await expect(put(provider, "big", "x".repeat(60_000))).rejects.toThrow("ENOSPC");
      expect(await fs.readFile(name)).toEqual(before);
    }
    await put(provider, "after", 2);
    expect(await resourcesIn(provider)).toEqual({ small: 1, after: 2 });
    await provider.close();
    expect(await resourcesNow()).toEqual({ small: 1, after: 2 });
  });
});

const schemas =
  process.env["NIXOPS4_SCHEMAS"] ?? join(import.meta.dirname, "../../../../shared/data/nixops4");
const schemaFile = join(schemas, "state-schema-v0.json");
const withSchema = existsSync(schemaFile) ? describe : describe.skip;

withSchema("the file (skipped without NIXOPS4_SCHEMAS, the folder of nixops4's schemas)", () => {
  it("holds events as nixops4's schema says, compacted or not", async () => {
    const schema = JSON.parse(
      (await fs.readFile(schemaFile, "utf8")).replace("draft-04", "draft-07"),
    ) as object;
    const ajv = new Ajv({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: "https://json.schemastore.org/json-patch.json", type: "array" });
    const validate = ajv.compile(schema);
    const provider = start();
    await create(provider);
    await put(provider, "a", 1);
    const events = await eventsInFile();
    await create(start(), { compactAfterEvents: 1 });
    for (const event of [...events, ...(await eventsInFile())]) {
      expect({ event, valid: validate(event) }).toEqual({ event, valid: true });
    }
  });
});

const upstream = process.env["NIXOPS4_UPSTREAM_BIN"] ?? "";
const withUpstream = existsSync(join(upstream, "nixops4-resources-local")) ? describe : describe.skip;

withUpstream("exchange with nixops4's own provider (skipped without NIXOPS4_UPSTREAM_BIN)", () => {
  const theirs = () => {
    const provider = new ProviderProcess(join(upstream, "nixops4-resources-local"), { onStderr: () => {} });
    running.push(provider);
    return provider;
  };

  it("each reads and extends what the other wrote", async () => {
    await create(theirs());
    await put(theirs(), "theirs", { text: "grüße", list: [1, 2.5, null, true] });
    await create(start());
    await put(start(), "ours", { nested: { key: "värde" } });
    await put(theirs(), "theirsAgain", 3);
    const expected = {
      theirs: { text: "grüße", list: [1, 2.5, null, true] },
      ours: { nested: { key: "värde" } },
      theirsAgain: 3,
    };
    expect(await resourcesIn(theirs())).toEqual(expected);
    expect(await resourcesNow()).toEqual(expected);
    await create(start(), { compactAfterEvents: 1 });
    expect(await resourcesIn(theirs())).toEqual(expected);
    await put(theirs(), "afterCompaction", 4);
    expect(await resourcesNow()).toEqual({ ...expected, afterCompaction: 4 });
  });

  it("writers of both kinds at once lose no event", async () => {
    await create(start());
    await Promise.all(
      Array.from({ length: 10 }, async (_, writer) => {
        const provider = writer % 2 === 0 ? start() : theirs();
        for (let event = 0; event < 3; event++) {
          const patch = [{ op: "add", path: `/resources/w${writer}e${event}`, value: 1 }];
          const one = writer % 2 === 0 ? start() : provider;
          await one.stateEvent({ resource: resource(), event: "create", nixopsVersion: "1", patch });
        }
      }),
    );
    expect(Object.keys(await resourcesIn(theirs()))).toHaveLength(30);
    expect(Object.keys(await resourcesNow())).toHaveLength(30);
  });
});

const source = process.env["NIXOPS4_SOURCE"] ?? "";
const withSource = existsSync(join(source, "test", "nixops4-resources-local.nix")) ? describe : describe.skip;

withSource("nixops4's own test of its local provider (skipped without NIXOPS4_SOURCE, a checkout)", () => {
  it("passes", async () => {
    const nix = await fs.readFile(join(source, "test", "nixops4-resources-local.nix"), "utf8");
    const script = /\n {2}''\n(.*)\n {2}''\n$/s
      .exec(nix)![1]!
      .replaceAll(/\$\{\.\.\/([^}]+)\}/g, `${source}/$1`)
      // This provider declares one more output, and declared outputs are never missing.
      .replaceAll(/\{ ("stdout": "[^"]*") \}/g, '{ $1, "json": null }');
    const bin = join(folder, "bin");
    await fs.mkdir(bin);
    const tools: Record<string, string> = {
      hello: '[ "$1" = --greeting ] && printf "%s\\n" "$2"',
      die: 'echo "$1" >&2; exit 1',
      "nixops4-resource-runner": `exec node ${join(import.meta.dirname, "../../../scripts/run.mjs")} provider "$@"`,
    };
    for (const [tool, body] of Object.entries(tools)) {
      await fs.writeFile(join(bin, tool), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    }
    await fs.symlink(executable, join(bin, "nixops4-resources-local"));
    // `npm run provider` takes relative paths from the folder in which npm was called.
    const paths = { INIT_CWD: folder, PATH: `${bin}:${process.env["PATH"]}`, out: join(folder, "out") };
    const env = { ...process.env, ...paths };
    const { stdout } = await run("bash", ["--norc", "-euo", "pipefail", "-c", script], { cwd: folder, env });
    expect(stdout).toContain("All state persistence tests passed!");
    expect(stdout).toContain("Documentation examples state resolution test passed!");
    expect(existsSync(join(folder, "out"))).toBe(true);
  }, 180_000);
});
