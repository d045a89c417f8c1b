import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, ServerCredentials, status, type UntypedHandleCall } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type BootClient, connectBootService } from "./client.ts";
import { BootServiceError } from "./errors.ts";
import { bootServiceDefinition } from "./generated/service.ts";

type Handlers = Partial<Record<keyof typeof bootServiceDefinition, unknown>>;

describe("the client of the boot service", () => {
  let folder: string;
  let socket: string;
  let server: Server;
  let client: BootClient;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "boot-api-"));
    socket = join(folder, "socket");
  });
  afterEach(async () => {
    client.close();
    server.forceShutdown();
    await rm(folder, { recursive: true });
  });

  async function serve(handlers: Handlers): Promise<void> {
    server = new Server();
    server.addService(bootServiceDefinition, handlers as Record<string, UntypedHandleCall>);
    await new Promise<void>((resolve, reject) =>
      server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      ),
    );
    client = connectBootService({ socket });
  }

  const failureOf = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (error: unknown) => error as Error,
    );
  async function* bytes(count: number, size = 1024) {
    for (let index = 0; index < count; index++) yield Buffer.alloc(size, index);
  }
  const ALL = { entryId: "", afterCursor: 0 };
  const asset = { sha256: "a".repeat(64), size: 1 };

  it("returns the answer of a call", async () => {
    await serve({
      getEntry: (call: { request: { id: string } }, answer: (error: null, entry: object) => void) =>
        answer(null, { spec: { id: call.request.id } }),
    });
    expect((await client.getEntry("web")).spec?.id).toBe("web");
  });

  it("converts the error of a call", async () => {
    await serve({
      deleteEntry: (_: unknown, answer: (error: object) => void) =>
        answer({ code: status.NOT_FOUND, details: "there is no such entry" }),
    });
    const error = await failureOf(client.deleteEntry("web"));
    expect(error).toBeInstanceOf(BootServiceError);
    expect(error).toMatchObject({
      code: "NOT_FOUND",
      message: `cannot delete the boot entry "web" at the boot service ${socket}: there is no such entry`,
    });
  });

  it("ends a call that has no answer in time", async () => {
    await serve({ listEntries: () => {} });
    const error = await failureOf(client.listEntries({ timeoutSeconds: 0.1 }));
    expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(error?.message).toContain("no answer within 0.1 s");
  });

  it("ends a call with the reason of the signal, before and after its time limit", async () => {
    await serve({ listEntries: () => {} });
    const reason = new Error("interrupted by SIGINT");
    const controller = new AbortController();
    const running = failureOf(client.listEntries({ signal: controller.signal, timeoutSeconds: 60 }));
    controller.abort(reason);
    expect(await running).toBe(reason);
    expect(await failureOf(client.listEntries({ signal: controller.signal }))).toBe(reason);
  });

  it("uploads an asset in pieces, and reports how much was sent", async () => {
    const received: number[] = [];
    await serve({
      uploadAsset: (
        call: NodeJS.ReadableStream & {
          on: (event: "data", listener: (message: { data: Buffer }) => void) => void;
        },
        answer: (error: null, value: object) => void,
      ) => {
        call.on("data", ({ data }: { data?: Buffer }) => void received.push(data?.length ?? 0));
        call.on("end", () => answer(null, {}));
      },
    });
    const sent: number[] = [];
    await client.uploadAsset(asset, bytes(300), (count) => sent.push(count));
    expect(received).toEqual([0, 262_144, 45_056]);
    expect(sent).toEqual([262_144, 307_200]);
  });

  it("ends an upload that is refused before everything is sent", async () => {
    await serve({
      uploadAsset: (_: unknown, answer: (error: object) => void) =>
        answer({ code: status.RESOURCE_EXHAUSTED, details: "no room" }),
    });
    let onClosed = () => {};
    const closed = new Promise<void>((resolve) => (onClosed = resolve));
    async function* endless() {
      try {
        for (;;) yield Buffer.alloc(64 * 1024);
      } finally {
        onClosed();
      }
    }
    expect(await failureOf(client.uploadAsset(asset, endless()))).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
    });
    await closed;
  });

  it("does not begin an upload after an interruption", async () => {
    await serve({});
    const reason = new Error("interrupted by SIGINT");
    const options = { signal: AbortSignal.abort(reason) };
    expect(await failureOf(client.uploadAsset(asset, bytes(1), undefined, options))).toBe(reason);
    const events = client.watchEvents(ALL, options)[Symbol.asyncIterator]();
    expect(await failureOf(events.next())).toBe(reason);
  });

  it("passes on the error of the data of an upload", async () => {
    await serve({ uploadAsset: () => {} });
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.of(1);
      throw new Error("the file has changed");
    }
    expect((await failureOf(client.uploadAsset(asset, broken())))?.message).toBe("the file has changed");
  });

  it("yields events until the caller stops, and then cancels the call", async () => {
    let onCancelled = () => {};
    const cancelled = new Promise<void>((resolve) => (onCancelled = resolve));
    await serve({
      watchEvents: (call: {
        write: (event: object) => void;
        on: (event: string, listener: () => void) => void;
      }) => {
        call.write({ entryId: "web" });
        call.write({ entryId: "db" });
        call.on("cancelled", onCancelled);
      },
    });
    const ids: string[] = [];
    for await (const event of client.watchEvents(ALL)) {
      ids.push(event.entryId ?? "");
      if (ids.length === 2) break;
    }
    expect(ids).toEqual(["web", "db"]);
    await cancelled;
  });

  it("ends the events with the error of the service", async () => {
    await serve({
      watchEvents: (call: { emit: (event: string, error: object) => void }) =>
        call.emit("error", { code: status.OUT_OF_RANGE, details: "the cursor is too old" }),
    });
    const next = client.watchEvents(ALL)[Symbol.asyncIterator]().next();
    expect(await failureOf(next)).toMatchObject({ code: "OUT_OF_RANGE" });
  });

  it("reports a service that is not there", async () => {
    await serve({});
    client.close();
    client = connectBootService({ socket: `${socket}-2` });
    expect(await failureOf(client.listEntries())).toMatchObject({ code: "UNAVAILABLE", isPassing: true });
  });
});
