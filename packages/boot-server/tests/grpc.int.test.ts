import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { ChannelCredentials, Client, type ServiceError } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { timeSince } from "@nixops4-providers/test-servers";
import {
  bootServiceDefinition,
  connectBootService,
  type BootClient,
  type Event,
} from "@nixops4-providers/boot-api";
import { assetOf, chunks, GrpcLab, KERNEL, KERNEL_ASSET, MAC, spec } from "./grpc-lab.ts";

const run = promisify(execFile);
const SECRET = "correct horse battery staple";

let lab: GrpcLab;
let client: BootClient;

beforeEach(async () => {
  lab = await GrpcLab.start();
  client = lab.connect();
});
afterEach(async () => {
  await lab.end();
});

async function putWeb(changes: Parameters<typeof spec>[0] = {}) {
  await client.uploadAsset(KERNEL_ASSET, chunks(KERNEL));
  return client.putEntry(spec(changes));
}

describe("entries", () => {
  it("are put once, however often they are put", async () => {
    const first = await putWeb();
    expect(first.changed).toBe(true);
    expect(first.entry).toMatchObject({
      phase: "ARMED",
      spec: spec(),
      boot: null,
      scriptUrl: `http://10.0.0.1:8080/machines/${MAC}/boot.ipxe`,
    });
    const second = await client.putEntry(spec());
    expect(second.changed).toBe(false);
    expect(second.entry!.expiresAt).toBeGreaterThanOrEqual(first.entry!.expiresAt);
    expect((await client.putEntry(spec({ cmdline: "quiet" }))).changed).toBe(true);
    expect((await client.getEntry("web")).spec?.cmdline).toBe("quiet");
    expect((await client.listEntries()).entries.map((entry) => entry.spec?.id)).toEqual(["web"]);
  });

  it("are deleted once", async () => {
    await putWeb();
    expect(await client.deleteEntry("web")).toEqual({ deleted: true });
    expect(await client.deleteEntry("web")).toEqual({ deleted: false });
    await expect(client.getEntry("web")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: `cannot get the boot entry "web" at the boot service ${lab.socket}: there is no entry "web"`,
    });
  });

  it("are refused with everything that is wrong", async () => {
    const bad = spec({ id: "", macs: ["nonsense"], kernel: null, installGeneration: 0 });
    await expect(client.putEntry(bad)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: matching(
        expect.stringMatching(/id: .*\n.*macs\.0: .*\n.*kernel\.sha256: [^]*installGeneration: /),
      ),
    });
  });

  it("are refused when an asset is missing or another entry has the machine", async () => {
    await expect(client.putEntry(spec())).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: matching(expect.stringContaining(`kernel: the asset ${KERNEL_ASSET.sha256}`)),
    });
    await putWeb();
    await expect(client.putEntry(spec({ id: "other" }))).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: matching(expect.stringContaining(`${MAC} belongs to the entry web`)),
    });
  });

  it("tell how the install goes, and nothing that is secret", async () => {
    const files = [{ path: "/key", contents: Buffer.from(SECRET), mode: 0o600, secret: true }];
    await putWeb({ files });
    const before = await client.getEntry("web");
    const { token, bootId } = await lab.bootInstaller();
    await lab.core.claim("web", { token, bootId: "kernel-boot", address: "10.0.0.9" });
    await lab.core.report("web", token, {
      bootId: "kernel-boot",
      stage: "disk",
      percent: 40,
      log: ["hello"],
    });
    expect(await client.getEntry("web")).toMatchObject({
      phase: "INSTALLING",
      attempt: 1,
      boot: { mac: MAC, firmware: "efi" },
      claim: { bootId: "kernel-boot" },
      report: { stage: "disk", percent: 40, log: ["hello"] },
    });

    const raw = new RawClient(lab.socket);
    const { getEntry, listEntries, putEntry, watchEvents } = bootServiceDefinition;
    const watched = raw.firstOf(watchEvents, { entryId: "", afterCursor: before.cursor }, 3);
    const answers = [
      await raw.unary(getEntry, { id: "web" }),
      await raw.unary(listEntries, {}),
      await raw.unary(putEntry, { spec: spec({ files }) }),
      ...(await watched),
    ];
    raw.close();
    expect(answers).toHaveLength(6);
    for (const answer of answers) {
      expect(answer.includes("web")).toBe(true);
      for (const secret of [SECRET, token, bootId]) expect(answer.includes(secret)).toBe(false);
    }
  });
});

describe("assets", () => {
  const bytes = Buffer.alloc(3 * 1024 * 1024 + 1, "x");
  const asset = assetOf(bytes);
  const missing = async () => (await client.findMissingAssets([{ asset, storePath: "" }])).missing;

  async function leftovers(): Promise<string[]> {
    return fs.readdir(join(lab.folder, "store", "assets"));
  }

  it("are uploaded, and no longer missing then", async () => {
    expect(await missing()).toEqual([asset]);
    const progress: number[] = [];
    await client.uploadAsset(asset, chunks(bytes.subarray(0, 70_000), bytes.subarray(70_000)), (sent) =>
      progress.push(sent),
    );
    expect(await missing()).toEqual([]);
    expect(progress).toHaveLength(13);
    expect(progress.at(-1)).toBe(bytes.length);
  });

  it("with other bytes than announced are refused, and leave nothing behind", async () => {
    const other = Buffer.from(bytes);
    other[1_000_000] = 1;
    const refusals: [Buffer, RegExp][] = [
      [other, /do not have the announced SHA-256/],
      [Buffer.concat([bytes, bytes]), /instead of/],
      [bytes.subarray(1), /3145728 bytes instead of 3145729/],
    ];
    for (const [data, message] of refusals) {
      await expect(client.uploadAsset(asset, chunks(data))).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: matching(expect.stringMatching(message)),
      });
    }
    expect(await missing()).toEqual([asset]);
    expect(await leftovers()).toEqual([]);
  });

  it("cut off by the client leave nothing behind", async () => {
    async function* broken(): AsyncIterable<Uint8Array> {
      yield bytes.subarray(0, 1_000_000);
      throw new Error("the disk is gone");
    }
    await expect(client.uploadAsset(asset, broken())).rejects.toThrow("the disk is gone");

    const abort = new AbortController();
    async function* endless(): AsyncIterable<Uint8Array> {
      yield bytes.subarray(0, 1_000_000);
      abort.abort(new Error("interrupted"));
      await new Promise(() => {});
    }
    const options = { signal: abort.signal };
    await expect(client.uploadAsset(asset, endless(), undefined, options)).rejects.toThrow("interrupted");
    while ((await leftovers()).length > 0) await sleep(10);
    expect(await missing()).toEqual([asset]);
    expect(lab.log).toEqual([]);
  });

  it("are not read further once they have been refused", async () => {
    let read = 0;
    async function* huge(): AsyncIterable<Uint8Array> {
      for (; read < 1_000; read++) yield bytes;
    }
    await expect(client.uploadAsset({ ...asset, size: 10 }, huge())).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect(read).toBeLessThan(30);
  });

  it("are uploaded no faster than they are stored", async () => {
    let store = () => {};
    const stalled = new Promise<void>((resolve) => (store = resolve));
    const { core } = lab;
    const addAsset = core.addAsset.bind(core);
    core.addAsset = async (asset, data) => {
      await stalled;
      return addAsset(asset, data);
    };
    const progress = { sent: 0 };
    const parts = Array.from({ length: 64 }, () => Buffer.alloc(1024 * 1024, "y"));
    const large = assetOf(Buffer.concat(parts));
    const uploaded = client.uploadAsset(large, chunks(...parts), (bytes) => (progress.sent = bytes));
    while (progress.sent === 0) await sleep(20);
    await sleep(500);
    expect(progress.sent).toBeLessThan(24 * 1024 * 1024);
    store();
    await uploaded;
    expect(progress.sent).toBe(large.size);
  });

  it("must be named before their bytes", async () => {
    const { path, requestSerialize } = bootServiceDefinition.uploadAsset;
    const raw = new Client(`unix:${lab.socket}`, ChannelCredentials.createInsecure());
    const error = await new Promise<ServiceError | null>((resolve) => {
      const call = raw.makeClientStreamRequest(path, requestSerialize, (bytes) => bytes, resolve);
      call.end({ data: bytes.subarray(0, 10) });
    });
    raw.close();
    expect(error?.details).toBe("asset, in the first message: must be set");
  });
});

describe("events", () => {
  const summary = ({ cursor, step }: Event) =>
    `${cursor} ${step?.kind ?? "progress"} ${step?.entry?.phase ?? ""}`;

  async function collect(events: AsyncIterable<Event>, count: number): Promise<Event[]> {
    const collected: Event[] = [];
    for await (const event of events) if (collected.push(event) === count) break;
    return collected;
  }

  it("come once each, in order, across restarts of service and watcher", async () => {
    const { entry } = await putWeb();
    let { cursor } = entry!;
    const seen: Event[] = [];
    const watchOn = async () => {
      try {
        for await (const event of client.watchEvents({ entryId: "web", afterCursor: cursor })) {
          seen.push(event);
          ({ cursor } = event);
        }
      } catch (error) {
        return error;
      }
    };
    let watching = watchOn();
    const { token } = await lab.bootInstaller();
    while (seen.length < 1) await sleep(5);
    await lab.close();
    expect(await watching).toMatchObject({ code: "UNAVAILABLE" });

    // No client watches meanwhile.
    await lab.open();
    const request = { token, bootId: "kernel-boot", address: "10.0.0.9" };
    await lab.core.claim("web", request);
    await lab.close();
    await lab.open();
    for (let failed: unknown = true; failed;) {
      failed = await client.getEntry("web").then(
        () => undefined,
        () => sleep(50, true),
      );
    }
    watching = watchOn();
    for (const percent of [10, 20]) {
      await lab.core.report("web", token, { ...request, stage: "copy", percent });
    }
    await lab.core.report("web", token, { ...request, stage: "done", outcome: "installed" });
    while (seen.length < 5) await sleep(5);
    await client.deleteEntry("web");
    while (seen.length < 6) await sleep(5);

    const first = entry!.cursor;
    const kinds = ["booted", "claimed", "reported", "reported", "installed", "deleted"];
    expect(seen.map((event) => event.step?.kind)).toEqual(kinds);
    expect(seen.map((event) => event.cursor)).toEqual(kinds.map((_, i) => first + 1 + i));
    expect(seen.map(summary).slice(-2)).toEqual([
      `${first + 5} installed INSTALLED`,
      `${first + 6} deleted `,
    ]);
  });

  it("of one entry, or of all, from now on; progress too", async () => {
    await putWeb();
    const { cursor } = await client.getEntry("web");
    const all = collect(client.watchEvents({ entryId: "", afterCursor: cursor }), 3);
    const one = collect(client.watchEvents({ entryId: "other", afterCursor: cursor }), 1);
    await client.putEntry(spec({ id: "other", macs: ["52:54:00:00:00:01"] }));
    await lab.bootInstaller();
    lab.core.sighted({ mac: MAC, text: "reads", download: { name: "kernel", sent: 5, size: 8 } });
    expect((await all).map(summary)).toEqual([
      `${cursor + 1} put ARMED`,
      `${cursor + 2} booted BOOTING`,
      `${cursor + 2} progress `,
    ]);
    expect((await all).at(-1)?.download).toEqual({ name: "kernel", sent: 5, size: 8 });
    expect((await one).map(summary)).toEqual([`${cursor + 1} put ARMED`]);

    const fromNow = collect(client.watchEvents({ entryId: "", afterCursor: 0 }), 1);
    await sleep(100);
    await client.deleteEntry("other");
    expect((await fromNow).map((event) => event.step?.kind)).toEqual(["deleted"]);
  });

  it("that are no longer kept are refused, not left out", async () => {
    await lab.close();
    await lab.open({ maxRecentEvents: 3 });
    const { entry } = await putWeb();
    for (let i = 0; i < 5; i++) await client.putEntry(spec());
    const tooOld = client.watchEvents({ entryId: "", afterCursor: entry!.cursor });
    await expect(collect(tooOld, 1)).rejects.toMatchObject({
      code: "OUT_OF_RANGE",
      message: matching(expect.stringContaining("the server has those after")),
    });
    const current = await client.getEntry("web");
    const rest = collect(client.watchEvents({ entryId: "", afterCursor: current.cursor }), 1);
    await client.deleteEntry("web");
    expect((await rest)[0]?.step?.kind).toBe("deleted");
  });

  it("are not kept without end for a watcher that does not read them", async () => {
    let emitted = 0;
    const ended = new AbortController();
    lab.core.watch = (_, onEvent) => {
      const emit = () => {
        const at = Date.now();
        for (let i = 0; i < 10; i++) {
          const event = { kind: "renewed", id: "web", at } as const;
          onEvent({ kind: "step", cursor: ++emitted, id: "web", at, event, entry: undefined });
        }
        if (!ended.signal.aborted) setImmediate(emit);
      };
      setImmediate(emit);
      return () => ended.abort();
    };
    const { path, requestSerialize } = bootServiceDefinition.watchEvents;
    const raw = new Client(`unix:${lab.socket}`, ChannelCredentials.createInsecure());
    const all = { entryId: "", afterCursor: 0 };
    const call = raw.makeServerStreamRequest(path, requestSerialize, asIs, all);
    while (!ended.signal.aborted) await sleep(5);
    expect(emitted).toBeLessThan(20_000);
    let received = 0;
    call.on("data", () => received++);
    const [error] = (await once(call, "error").catch((error: unknown) => [error])) as [ServiceError];
    expect(error.details).toMatch(/watch again from the last cursor/);
    expect(received).toBeGreaterThan(1_000);
    expect(received).toBeLessThan(emitted);
    raw.close();
  });

  it("stop coming when the watcher gives up", async () => {
    const { entry } = await putWeb();
    const abort = new AbortController();
    const watching = collect(
      client.watchEvents({ entryId: "", afterCursor: entry!.cursor }, { signal: abort.signal }),
      1,
    );
    await sleep(50);
    abort.abort(new Error("enough"));
    await expect(watching).rejects.toThrow("enough");
    expect(lab.log).toEqual([]);
  });
});

describe("the socket", () => {
  const modeOf = async (path: string) => ((await fs.stat(path)).mode & 0o777).toString(8);

  it("has the mode that was asked for, whatever the umask", async () => {
    expect(await modeOf(lab.socket)).toBe("660");
    const path = join(lab.folder, "private.sock");
    const umask = process.umask(0);
    const server = await lab.serve({ socket: { path, mode: 0o600 } });
    expect(process.umask(umask)).toBe(0);
    expect(await modeOf(path)).toBe("600");
    await server.stop({ graceSeconds: 1 });
  });

  const curl = spawnSync("curl", ["--version"]).status === 0;
  const root = curl && process.getuid?.() === 0 && spawnSync("setpriv", ["--version"]).status === 0;
  (root ? it : it.skip)("is not open to other users (needs root, setpriv and curl)", async () => {
    await fs.chmod(lab.folder, 0o755);
    const connect = [
      "curl",
      "--silent",
      "--unix-socket",
      lab.socket,
      "--http2-prior-knowledge",
      "http://boot/",
    ];
    const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", ...connect];
    const denied = spawnSync("setpriv", asNobody);
    // Couldn't connect.
    expect(denied.status).toBe(7);
    await fs.chmod(lab.socket, 0o666);
    const allowed = spawn("setpriv", asNobody);
    expect((await once(allowed, "exit"))[0]).not.toBe(7);
  });

  it("of a process that died is replaced, that of one that lives is not", async () => {
    const path = join(lab.folder, "other.sock");
    const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
    const died = spawn(process.execPath, ["-e", script]);
    await once(died, "exit");
    expect((await fs.stat(path)).isSocket()).toBe(true);

    const server = await lab.serve({ socket: { path } });
    await expect(lab.serve({ socket: { path } })).rejects.toThrow(
      `${path}: another process is listening on it`,
    );
    const other = connectBootService({ socket: path });
    expect((await other.listEntries()).entries).toEqual([]);
    other.close();
    await server.stop({ graceSeconds: 1 });
    await expect(fs.stat(path)).rejects.toThrow("ENOENT");
  });

  it("is not made where something else is", async () => {
    const path = join(lab.folder, "notes");
    await fs.writeFile(path, "mine");
    await expect(lab.serve({ socket: { path } })).rejects.toThrow(
      `${path}: a file that is not a socket exists there`,
    );
    expect(await fs.readFile(path, "utf8")).toBe("mine");
  });

  it("may be set by the parent process of the service", async () => {
    const path = join(lab.folder, "inherited.sock");
    const listener = createServer().listen(`${path}.new`);
    await once(listener, "listening");
    const program = join(import.meta.dirname, "fixture", "grpc-on-descriptor.ts");
    const service = spawn(process.execPath, ["--import", "tsx", program, join(lab.folder, "store2")], {
      stdio: ["ignore", "pipe", "inherit", descriptorOf(listener)],
    });
    try {
      // This server must not accept connections. Closing it would remove the socket's file.
      await fs.rename(`${path}.new`, path);
      listener.close();
      await once(service.stdout!, "data");
      const other = connectBootService({ socket: path });
      expect(await other.listEntries()).toEqual({ entries: [], cursor: 0 });
      other.close();
      service.kill();
      expect((await once(service, "exit"))[0]).toBe(0);
    } finally {
      service.kill("SIGKILL");
    }
  });

  it("where nothing listens is an error that says what to look at", async () => {
    await lab.server.stop({ graceSeconds: 1 });
    await expect(client.getEntry("web")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: matching(expect.stringMatching(/at the boot service .*boot\.sock: .*ENOENT/)),
      hint: matching(expect.stringContaining("the service is running")),
    });
  });

  (curl ? it : it.skip)("is understood by curl's HTTP/2 (needs curl)", async () => {
    await putWeb();
    const request = join(lab.folder, "request");
    await fs.writeFile(request, Buffer.from([0, 0, 0, 0, 5, 0x0a, 3, ...Buffer.from("web")]));
    const url = "http://boot/nixops4.boot.v1.BootService/GetEntry";
    const { stdout } = await run(
      "curl",
      ["--silent", "--show-error", "--dump-header", "-", "--http2-prior-knowledge"]
        .concat(["--unix-socket", lab.socket, "--data-binary", `@${request}`])
        .concat(["-H", "content-type: application/grpc", "-H", "te: trailers", url]),
      { encoding: "latin1" },
    );
    expect(stdout).toMatch(/^HTTP\/2 200/);
    expect(stdout).toContain("grpc-status: 0");
    expect(stdout).toContain(KERNEL_ASSET.sha256);
  });
});

describe("stopping", () => {
  it("lets calls end that have begun, ends watchers, and takes no new ones", async () => {
    const parts = Array.from({ length: 20 }, () => Buffer.alloc(256 * 1024, "z"));
    const asset = assetOf(Buffer.concat(parts));
    async function* slowly(): AsyncIterable<Uint8Array> {
      for (const part of parts) {
        await sleep(20);
        yield part;
      }
    }
    const uploading = client.uploadAsset(asset, slowly());
    const watching = client.watchEvents({ entryId: "", afterCursor: 0 })[Symbol.asyncIterator]().next();
    await sleep(100);
    const stopped = lab.server.stop({ graceSeconds: 10 });
    await expect(watching).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(lab.connect().listEntries()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await uploading;
    await stopped;
    expect(await lab.core.findMissingAssets([{ asset, storePath: "" }])).toEqual([]);
  });

  it("cuts off what takes longer than the grace period", async () => {
    async function* never(): AsyncIterable<Uint8Array> {
      yield KERNEL.subarray(0, 2);
      await new Promise(() => {});
    }
    const uploading = client.uploadAsset(KERNEL_ASSET, never()).catch((error: unknown) => error);
    await sleep(100);
    const before = Date.now();
    await lab.server.stop({ graceSeconds: 0.3 });
    expect(await timeSince(before)).toBeLessThan(2_000);
    expect(await uploading).toMatchObject({ code: "UNAVAILABLE" });
  });
});

describe("a call", () => {
  it("ends in time, and when it is interrupted", async () => {
    lab.core.deleteEntry = () => new Promise(() => {});
    await expect(client.deleteEntry("web", { timeoutSeconds: 0.2 })).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
    const signal = AbortSignal.timeout(50);
    await expect(client.deleteEntry("web", { signal })).rejects.toThrow(/timeout/);
    await expect(client.deleteEntry("web", { signal })).rejects.toThrow(/timeout/);
  });

  it("that fails by a fault of the service says nothing of it", async () => {
    lab.core.deleteEntry = async () => {
      throw new Error(`EIO ${SECRET}`);
    };
    const error = await client.deleteEntry("web").catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "INTERNAL", hint: matching(expect.stringContaining("journalctl")) });
    expect((error as Error).message).not.toContain(SECRET);
    expect(lab.log.join()).toContain(`EIO ${SECRET}`);
  });

  it("that is too large is refused", async () => {
    const contents = Buffer.alloc(17 * 1024 * 1024);
    const files = [{ path: "/large", contents, mode: 0o600, secret: false }];
    await expect(client.putEntry(spec({ files }))).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  });
});

function descriptorOf(listener: Server): number {
  const { _handle: handle } = listener as unknown as { _handle: { fd: number } };
  return handle.fd;
}

/** Casts an asymmetric matcher of `expect` to the expected type. */
function matching(matcher: unknown): string {
  return matcher as string;
}

/** Returns the answers in their wire format. */
class RawClient {
  readonly #client: Client;

  constructor(socket: string) {
    this.#client = new Client(`unix:${socket}`, ChannelCredentials.createInsecure());
  }

  unary<Request>(method: Method<Request>, request: Request): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(method.path, method.requestSerialize, asIs, request, (error, answer) =>
        error === null ? resolve(answer!) : reject(error),
      );
    });
  }

  async firstOf<Request>(method: Method<Request>, request: Request, count: number): Promise<Buffer[]> {
    const call = this.#client.makeServerStreamRequest(method.path, method.requestSerialize, asIs, request);
    call.on("error", () => {});
    const answers: Buffer[] = [];
    for await (const answer of call) if (answers.push(answer as Buffer) === count) break;
    call.cancel();
    return answers;
  }

  close(): void {
    this.#client.close();
  }
}

interface Method<Request> {
  path: string;
  requestSerialize: (request: Request) => Buffer;
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
