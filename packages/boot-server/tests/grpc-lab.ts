import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectBootService, type BootClient, type EntrySpec } from "@nixops4-providers/boot-api";
import type { BootCore } from "../src/core/api.ts";
import { openBootCore } from "../src/service/open-boot-core.ts";
import type { Limits } from "../src/core/limits.ts";
import { startGrpcServer, type GrpcServer, type GrpcServerOptions } from "../src/grpc/server.ts";

export const MAC = "52:54:00:12:34:56";
const FACTS = { address: "10.0.0.9", firmware: "efi", architecture: "x86_64" };
export const KERNEL = Buffer.from("a kernel");
export const KERNEL_ASSET = assetOf(KERNEL);

/** The real core behind the gRPC server, on a unix socket in a folder of its own. */
export class GrpcLab {
  readonly folder: string;
  readonly socket: string;
  /** The messages for the operator. */
  readonly log: string[] = [];
  core!: BootCore;
  server!: GrpcServer;
  #clients: BootClient[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.socket = join(folder, "boot.sock");
  }

  static async start(
    limits: Partial<Limits> = {},
    options: Partial<GrpcServerOptions> = {},
  ): Promise<GrpcLab> {
    const lab = new GrpcLab(await fs.mkdtemp(join(tmpdir(), "boot-grpc-")));
    await lab.open(limits, options);
    return lab;
  }

  async open(limits: Partial<Limits> = {}, options: Partial<GrpcServerOptions> = {}): Promise<void> {
    this.core = await openBootCore({ folder: join(this.folder, "store"), limits });
    this.server = await this.serve(options);
  }

  /** Starts another gRPC server over the same core. */
  serve(options: Partial<GrpcServerOptions>): Promise<GrpcServer> {
    return startGrpcServer({
      core: this.core,
      socket: { path: this.socket },
      scriptUrl: (mac) => `http://10.0.0.1:8080/machines/${mac}/boot.ipxe`,
      log: (message) => this.log.push(message),
      ...options,
    });
  }

  connect(): BootClient {
    const client = connectBootService({ socket: this.socket });
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    await this.server.stop({ graceSeconds: 1 });
    await this.core.close();
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.close();
    await fs.rm(this.folder, { recursive: true });
  }

  /** Boots the machine of an entry until its installer runs. */
  async bootInstaller(): Promise<{ token: string; bootId: string }> {
    const decision = await this.core.startBoot(MAC, FACTS);
    if (decision.kind !== "install") throw new Error(`no install: ${decision.reason}`);
    const { token } = this.core.overlay(decision.bootId, FACTS.address);
    return { token, bootId: decision.bootId };
  }
}

export function spec(changes: Partial<EntrySpec> = {}): EntrySpec {
  return {
    id: "web",
    macs: [MAC],
    architecture: "X86_64",
    kernel: KERNEL_ASSET,
    initrds: [],
    cmdline: "console=ttyS0",
    files: [],
    installGeneration: 1,
    onInterrupted: "HOLD",
    biosLocalBoot: "SANBOOT",
    expireSeconds: 3600,
    silenceSeconds: 600,
    ...changes,
  };
}

export function assetOf(bytes: Uint8Array): { sha256: string; size: number } {
  return { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
}

export async function* chunks(...parts: Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts;
}
