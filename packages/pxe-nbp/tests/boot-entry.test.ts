// Boot entries in this process. `boot-entry.int.test.ts` runs the built executable with the real boot service.
import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import type { Inputs } from "../src/boot-entry/schema.ts";
import { syncBootEntry } from "../src/boot-entry/sync-boot-entry.ts";
import { entryOf, FakeService, MAC, recordingContext } from "./fake-service.ts";

let service: FakeService;
let kernel: string;
beforeEach(async () => {
  service = await FakeService.start();
  kernel = join(service.folder, "bzImage");
  await fs.writeFile(kernel, "a kernel");
});
afterEach(() => service.end());

const refOf = (contents: string) => ({
  sha256: createHash("sha256").update(contents).digest("hex"),
  size: contents.length,
});

async function sync(more: object = {}) {
  const { context, log } = recordingContext();
  const inputs = {
    server: { socket: service.socket, connectTimeoutSeconds: 0 },
    macs: [MAC.toUpperCase(), "52-54-00-12-34-57"],
    architecture: "x86_64",
    kernel,
    initrd: [],
    cmdline: "",
    files: {},
    installGeneration: 3,
    onInterrupted: "hold",
    biosLocalBoot: "sanboot",
    expireSeconds: 10,
    silenceSeconds: 20,
    ensure: "present",
    ...more,
  } as unknown as Inputs;
  const outputs = await syncBootEntry({ inputs, previous: undefined }, context).catch(describeError);
  return { outputs, log: log.map((line) => line.replaceAll(service.folder, "FOLDER")) };
}

const ID = "52-54-00-12-34-56";
const URL = `http://192.0.2.1/${MAC}`;

describe("an entry", () => {
  it("has the inputs", async () => {
    const { outputs } = await sync({ login: "root@web" });
    expect(outputs).toEqual({ entryId: ID, scriptUrl: URL });
    expect(service.puts).toEqual([
      {
        id: ID,
        macs: [MAC, "52:54:00:12:34:57"],
        architecture: "x86_64",
        kernel: refOf("a kernel"),
        initrds: [],
        cmdline: "",
        files: [],
        installGeneration: 3,
        onInterrupted: "hold",
        biosLocalBoot: "sanboot",
        expireSeconds: 10,
        silenceSeconds: 20,
        login: "root@web",
      },
    ]);
  });

  it.each([
    [{ name: "web" }, { id: "web" }],
    [{ architecture: "aarch64" }, { architecture: "aarch64" }],
    [{ onInterrupted: "retry" }, { onInterrupted: "retry" }],
    [{ biosLocalBoot: "exit" }, { biosLocalBoot: "exit" }],
    [{ cmdline: ["console=ttyS0", "quiet"] }, { cmdline: "console=ttyS0 quiet" }],
  ])("with %j is put with %j", async (more, spec) => {
    await sync(more);
    expect(service.puts).toMatchObject([spec]);
  });

  it.each([
    [
      "that is armed is told",
      entryOf(),
      "info: entry 52-54-00-12-34-56 is armed: the machine 52:54:00:12:34:56 installs itself (generation 1) when it boots from " +
        "the network before 2026-01-02T03:05:05Z",
    ],
    [
      "that changes too late is a warning",
      entryOf({ phase: "installing" }),
      "warn: entry 52-54-00-12-34-56 has changed, but the installer has begun: that takes effect with a higher " +
        "installGeneration than 1",
    ],
  ])("%s", async (_, entry, line) => {
    service.entry = entry;
    service.assets.set(refOf("a kernel").sha256, Buffer.from("a kernel"));
    expect((await sync()).log).toEqual([line]);
  });

  it.each([
    ["and told", entryOf(), [`info: removed the entry ${ID}`]],
    ["where it does not exist", undefined, []],
  ])("is removed, %s", async (_, entry, log) => {
    service.entry = entry;
    const absent = { ensure: "absent", kernel: undefined };
    expect(await sync(absent)).toEqual({ outputs: { entryId: ID, scriptUrl: null }, log });
    expect([service.entry, service.puts]).toEqual([undefined, []]);
  });
});

describe("a file of the overlay", () => {
  it.each([
    ["has 0644", { contents: "x" }, { contents: "x", mode: 0o644, secret: false }],
    ["has its mode", { contents: "x", mode: "4755" }, { contents: "x", mode: 0o4755, secret: false }],
    ["may be empty", { contents: "" }, { contents: "", mode: 0o644, secret: false }],
    ["that is secret has 0600", { secret: { value: "x" } }, { contents: "x", mode: 0o600, secret: true }],
    [
      "that is secret has its mode",
      { secret: { value: "x" }, mode: "0640" },
      { contents: "x", mode: 0o640, secret: true },
    ],
    [
      "gets its final line feed back",
      { secret: { value: "a\nb" } },
      { contents: "a\nb\n", mode: 0o600, secret: true },
    ],
    [
      "keeps its final line feed",
      { secret: { value: "a\nb\n" } },
      { contents: "a\nb\n", mode: 0o600, secret: true },
    ],
  ])("%s", async (_, file, { contents, ...rest }) => {
    await sync({ files: { "/a": file } });
    const sent = Buffer.from(contents).toString("base64");
    expect(service.puts[0]?.files).toEqual([{ path: "/a", contents: sent, ...rest }]);
  });
});

describe("the files to boot", () => {
  const initrd = async (name: string, contents: string) => {
    const path = join(service.folder, name);
    await fs.writeFile(path, contents);
    return path;
  };

  it("are uploaded where they are missing, each once", async () => {
    const [one, two, same] = [
      await initrd("one", "first"),
      await initrd("two", "second"),
      await initrd("same", "first"),
    ];
    service.assets.set(refOf("a kernel").sha256, Buffer.from("a kernel"));
    const { log } = await sync({ initrd: [one, two, same] });
    expect(log.slice(0, -1)).toEqual([
      "progress: uploading FOLDER/one, 0.0 MiB",
      "update: 100 %",
      "progress: uploading FOLDER/two, 0.0 MiB",
      "update: 100 %",
    ]);
    expect([...service.assets.values()].map(String)).toEqual(["a kernel", "first", "second"]);
    expect(service.puts[0]?.initrds).toEqual([refOf("first"), refOf("second"), refOf("first")]);
    expect(service.sources[0]?.map(({ storePath }) => storePath)).toEqual(["", "", "", ""]);
  });

  it.each([
    ["kernel", { kernel: "/none" }],
    ["initrd", { initrd: "/none" }],
    ["initrd[1]", async () => ({ initrd: [await initrd("one", "first"), "/none"] })],
  ])("are named by the input %s when they cannot be read", async (path, more) => {
    const inputs = typeof more === "function" ? await more() : more;
    expect((await sync(inputs)).outputs).toMatch(`${path}: cannot use the file /none: `);
    expect(service.sources).toEqual([]);
  });

  it("may be refused", async () => {
    service.refusal = new Error("no room");
    const { outputs } = await sync();
    expect(outputs).toMatch(`cannot upload the file ${kernel}: `);
    expect(service.puts).toEqual([]);
  });
});

describe("the links for Nix", () => {
  const STORE = `/nix/store/${"0".repeat(32)}-none`;
  const links = async (): Promise<string[]> => {
    const folder = join(service.folder, "roots", ID);
    return fs.readdir(folder).catch(() => ["none"]);
  };
  const old = async () => {
    await fs.mkdir(join(service.folder, "roots", ID), { recursive: true });
    await fs.symlink("/old", join(service.folder, "roots", ID, "old"));
    await fs.writeFile(join(service.folder, "roots", ID, "notes"), "");
  };
  const gcRootsFolder = () => join(service.folder, "roots");

  it("are none without a folder", async () => {
    await old();
    await sync({ cmdline: `init=${STORE}/init` });
    await sync({ ensure: "absent" });
    expect(await links()).toEqual(["notes", "old"]);
  });

  it("that are old are removed, and paths that do not exist get none", async () => {
    await old();
    const files = { "/a": { contents: STORE }, "/b": { secret: { value: "x" } } };
    const { outputs } = await sync({ gcRootsFolder: gcRootsFolder(), cmdline: `init=${STORE}/init`, files });
    expect(outputs).toEqual({ entryId: ID, scriptUrl: URL });
    expect(await links()).toEqual(["notes"]);
  });

  it.each([
    ["is installed", { phase: "installed" } as const, {}],
    ["is removed", {}, { ensure: "absent" }],
  ])("are removed when the machine %s", async (_, entry, more) => {
    await old();
    await fs.unlink(join(gcRootsFolder(), ID, "notes"));
    service.entry = entryOf(entry);
    await sync({ gcRootsFolder: gcRootsFolder(), ...more });
    expect(await links()).toEqual(["none"]);
  });

  it("are removed also if there are other files or no folder", async () => {
    await old();
    await sync({ gcRootsFolder: gcRootsFolder(), ensure: "absent" });
    expect(await links()).toEqual(["notes"]);
    const { outputs } = await sync({ gcRootsFolder: join(service.folder, "none"), ensure: "absent" });
    expect(outputs).toEqual({ entryId: ID, scriptUrl: null });
  });
});
