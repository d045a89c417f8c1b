import { execFile } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { builtProvider, ProviderProcess } from "../harness/index.ts";
import type { BootService } from "../lab/boot-service.ts";

const run = promisify(execFile);

/** The status of a machine in the boot service. */
export interface EntryStatus {
  phase: string;
  attempt: number;
  report?: { stage: string; percent?: number; message: string; log: string[] };
}

/** Declares machines in a boot service, like a deployment. */
export class Deployment {
  readonly #service: BootService;
  readonly #kernel: string;
  readonly #provider = new ProviderProcess(builtProvider("pxe-nbp"), { onStderr: () => {} });

  static async start(folder: string, service: BootService): Promise<Deployment> {
    const kernel = join(folder, "kernel");
    await fs.writeFile(kernel, "a kernel");
    return new Deployment(service, kernel);
  }

  private constructor(service: BootService, kernel: string) {
    this.#service = service;
    this.#kernel = kernel;
  }

  async end(): Promise<void> {
    await this.#provider.close();
  }

  async declare(mac: string, files: object, installGeneration = 1): Promise<void> {
    const server = { socket: this.#service.socket };
    const inputs = { server, macs: [mac], kernel: this.#kernel, files, installGeneration };
    await this.#provider.create("boot_entry", inputs);
  }

  async hardwareReport(mac: string): Promise<unknown> {
    const server = { socket: this.#service.socket };
    const inputs = { server, entryId: mac.replaceAll(":", "-"), hardwareReport: true };
    return (await this.#provider.create("installed", inputs))["hardwareReport"];
  }

  async status(mac: string): Promise<EntryStatus> {
    const status = (await (await fetch(`${this.#service.url}/status.json`)).json()) as {
      machines: { mac: string; entry: EntryStatus }[];
    };
    return status.machines.find((machine) => machine.mac === mac)!.entry;
  }
}

/**
 * A binary cache on HTTP. `/good` works. `/unsigned` has no signatures. In `/tampered`, the contents of archives do not
 * match their hashes. `/held` sends archives after a call of `release`. `/incomplete` lacks a dependency of the first
 * path.
 */
export class BinaryCache {
  readonly publicKey: string;
  readonly #server: Server;
  /** The name of the file that is missing in `/incomplete`. */
  readonly #missing: string;
  #released = Promise.resolve();
  release: () => void = () => {};
  /** The number of requested archives. */
  archives = 0;

  private constructor(server: Server, publicKey: string, missing: string) {
    this.#server = server;
    this.#missing = missing;
    this.publicKey = publicKey;
  }

  /** Serves the closures of store paths. Tampering replaces `original` in them by `changed`. */
  static async start(
    folder: string,
    paths: string[],
    tamper: { original: string; changed: string },
  ): Promise<BinaryCache> {
    const store = join(folder, "cache");
    const key = await makeCacheKey(folder, "test-1");
    const url = `file://${store}?compression=none&secret-key=${key.file}`;
    await run("nix", ["--extra-experimental-features", "nix-command", "copy", "--to", url, ...paths]);
    const server = createServer((req, res) => {
      void cache.#content(req, store, tamper).then(
        (content) => res.end(content),
        () => res.writeHead(404).end(),
      );
    });
    const references = await run("nix-store", ["--query", "--references", paths[0]!]);
    const [, hash] = /^\/nix\/store\/([^-]+)-(?!installer-test)/m.exec(references.stdout)!;
    const cache = new BinaryCache(server, key.publicKey, `${hash}.narinfo`);
    await listen(server);
    return cache;
  }

  url(kind: "good" | "unsigned" | "tampered" | "held" | "incomplete"): string {
    return `${urlOf(this.#server)}/${kind}`;
  }

  /** Stops sending archives in `/held` from now on. */
  hold(): void {
    this.#released = new Promise((resolve) => (this.release = resolve));
  }

  async stop(): Promise<void> {
    this.release();
    await close(this.#server);
  }

  async #content(
    { url }: IncomingMessage,
    store: string,
    { original, changed }: { original: string; changed: string },
  ): Promise<Buffer> {
    const [, kind, ...path] = url!.split("/");
    if (kind === "incomplete" && path[0] === this.#missing) throw new Error("not found");
    const content = await fs.readFile(join(store, ...path));
    if (path[0] === "nar") {
      this.archives += 1;
      if (kind === "held") await this.#released;
      const at = content.indexOf(original);
      if (kind === "tampered" && at >= 0) content.write(changed, at);
    }
    if (kind !== "unsigned") return content;
    return Buffer.from(content.toString("latin1").replace(/^Sig: .*\n/gm, ""), "latin1");
  }
}

export async function makeCacheKey(
  folder: string,
  name: string,
): Promise<{ file: string; publicKey: string }> {
  const [file, publicFile] = [join(folder, `${name}.key`), join(folder, `${name}.pub`)];
  await run("nix-store", ["--generate-binary-cache-key", name, file, publicFile]);
  return { file, publicKey: await fs.readFile(publicFile, "utf8") };
}

/** Returns whether it handles the request. It can still `forward` the request and drop the answer. */
export type Disturb = (req: IncomingMessage, res: ServerResponse, forward: () => void) => boolean;

/** Forwards requests to `target`, except those that `disturb` handles. */
export async function startProxy(
  target: string,
  disturb: Disturb,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const server = createServer((req, res) => {
    const forward = (answer: (incoming: IncomingMessage) => void) => {
      const { method, headers, url } = req;
      const outgoing = request(`${target}${url}`, { method, headers }, answer);
      outgoing.on("error", () => res.destroy());
      req.pipe(outgoing);
    };
    const taken = disturb(req, res, () =>
      forward((incoming) => {
        incoming.resume();
        res.destroy();
      }),
    );
    if (taken) return;
    forward((incoming) => {
      res.writeHead(incoming.statusCode!, incoming.headers);
      incoming.pipe(res);
    });
  });
  await listen(server);
  return { url: urlOf(server), stop: () => close(server) };
}

async function listen(server: Server): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
