import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BootCore, type GrpcServer, startGrpcServer } from "@nixops4-providers/boot-server";
import type { Context } from "@nixops4-providers/provider-sdk";

type Entry = NonNullable<ReturnType<BootCore["getEntry"]>>;
type CoreEvent = Parameters<Parameters<BootCore["watch"]>[1]>[0];

export const MAC = "52:54:00:12:34:56";
const AT = Date.UTC(2026, 0, 2, 3, 4, 5);

/** Returns an entry of the service, which waits for its machine. */
export function entryOf({ spec, ...more }: Partial<Omit<Entry, "spec">> & { spec?: object } = {}): Entry {
  return {
    spec: {
      id: "web",
      macs: [MAC],
      architecture: "x86_64",
      kernel: { sha256: "0".repeat(64), size: 1 },
      initrds: [],
      cmdline: "",
      files: [],
      installGeneration: 1,
      onInterrupted: "hold",
      biosLocalBoot: "sanboot",
      expireSeconds: 60,
      silenceSeconds: 60,
      overlay: null,
      ...spec,
    },
    digest: "",
    phase: "armed",
    boots: 0,
    attempt: 0,
    armedAt: AT,
    expiresAt: AT + 60_000,
    boot: undefined,
    claim: undefined,
    report: undefined,
    endedAt: undefined,
    reason: undefined,
    ...more,
  };
}

/** The gRPC server of the boot service on a unix socket, whose entries and events a test sets. */
export class FakeService {
  readonly folder: string;
  readonly socket: string;
  #server!: GrpcServer;
  readonly #watchers = new Set<(event: CoreEvent) => void>();
  #onWatch = () => {};
  /** The entry, unless it does not exist. */
  entry: Entry | undefined = entryOf();
  hardware: Buffer | undefined;
  changed = true;
  /** The assets that the service has. */
  readonly assets = new Map<string, Buffer>();
  /** What was asked of it, but for entries. */
  readonly puts: Parameters<BootCore["putEntry"]>[0][] = [];
  readonly sources: Parameters<BootCore["findMissingAssets"]>[0][] = [];
  /** The error of uploads. */
  refusal: Error | undefined;

  private constructor(folder: string) {
    this.folder = folder;
    this.socket = join(folder, "api.sock");
  }

  static async start(): Promise<FakeService> {
    const service = new FakeService(await fs.mkdtemp(join(tmpdir(), "fake-service-")));
    await service.listen();
    return service;
  }

  async listen(): Promise<void> {
    this.#server = await startGrpcServer({
      core: this.#core as BootCore,
      socket: { path: this.socket },
      scriptUrl: (mac) => `http://192.0.2.1/${mac}`,
      log: () => {},
    });
  }

  async close(): Promise<void> {
    await this.#server.stop({ graceSeconds: 0 });
  }

  async end(): Promise<void> {
    await this.close();
    await fs.rm(this.folder, { recursive: true });
  }

  /** Resolves when the next client begins to watch. */
  watched(): Promise<void> {
    return new Promise((resolve) => (this.#onWatch = resolve));
  }

  /** Changes the entry, and sends the event to the watchers. */
  step(kind: string, entry: Entry | undefined): void {
    this.entry = entry;
    this.#send({ kind: "step", event: { kind }, entry });
  }

  download(name: string, sent: number, size: number): void {
    this.#send({ kind: "download", name, sent, size });
  }

  #send(event: object): void {
    for (const watcher of this.#watchers) watcher({ cursor: 1, id: "web", at: AT, ...event } as CoreEvent);
  }

  readonly #core: Partial<BootCore> = {
    cursor: 1,
    getEntry: () => this.entry,
    hardwareReport: async () => this.hardware,
    putEntry: async (spec) => {
      this.puts.push(spec);
      this.entry = { ...this.entry!, spec: { ...this.entry!.spec, id: spec.id } };
      return { entry: this.entry, changed: this.changed };
    },
    deleteEntry: async () => {
      const isDeleted = this.entry !== undefined;
      this.entry = undefined;
      return isDeleted;
    },
    findMissingAssets: async (sources) => {
      this.sources.push(sources);
      return sources.map(({ asset }) => asset).filter(({ sha256 }) => !this.assets.has(sha256));
    },
    addAsset: async ({ sha256 }, data) => {
      if (this.refusal !== undefined) throw this.refusal;
      const chunks: Uint8Array[] = [];
      for await (const chunk of data) chunks.push(chunk);
      this.assets.set(sha256, Buffer.concat(chunks));
    },
    watch: (_, onEvent) => {
      this.#watchers.add(onEvent);
      this.#onWatch();
      return () => this.#watchers.delete(onEvent);
    },
  };
}

/** A context that records lines, each with its kind. */
export function recordingContext(signal = new AbortController().signal) {
  const log: string[] = [];
  let notify = () => {};
  const note = (kind: string) => (text: string) => {
    log.push(`${kind}: ${text}`);
    notify();
  };
  const context = {
    signal,
    log: { info: note("info"), warn: note("warn"), debug: () => {} },
    progress: (what: string) => {
      note("progress")(what);
      return { update: note("update"), done: () => {} };
    },
    secret: async ({ value }: { value: string }) => value,
  } as unknown as Context;
  /** Resolves when a line with this text is recorded. */
  const said = async (text: string) => {
    while (!log.some((line) => line.includes(text))) await new Promise<void>((resolve) => (notify = resolve));
  };
  return { context, log, said };
}
