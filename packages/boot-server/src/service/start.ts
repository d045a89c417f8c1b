import { readFile } from "node:fs/promises";
import { ProviderError, refuseExposedFile } from "@nixops4-providers/provider-sdk";
import type { TftpEvent } from "@nixops4-providers/tftp-server";
import type { BootCore } from "../core/api.ts";
import { openBootCore } from "./open-boot-core.ts";
import { startGrpcServer } from "../grpc/server.ts";
import { genericScript } from "../http/ipxe-script.ts";
import { startHttpServer } from "../http/server.ts";
import { statusPage } from "../http/status/status-page.ts";
import { startBootFileServer } from "../tftp/server.ts";
import { baseUrls, type BaseUrls } from "./base-url.ts";
import { type BoundSockets, bindSockets, makeSocketFolder, partNames } from "./bind.ts";
import type { Config } from "./config-schema.ts";
import type { Log } from "./log.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { becomeUser, findIdentity, giveFolder, giveSocket, makeOwnStore } from "./privileges.ts";
import { startPart } from "./start-error.ts";
import { isUdp6, type HandedSockets } from "./systemd.ts";

/** The running service. */
export interface Service {
  /** Stops the servers, waits up to `graceSeconds` for running transfers, and closes the store. */
  stop(): Promise<void>;
}

interface Parts {
  config: Config;
  handed: HandedSockets;
  bound: BoundSockets;
  certificates: Certificates | undefined;
  log: Log;
  core: BootCore;
  metrics: Metrics;
}

interface RunningServer {
  stop(options: { graceSeconds: number }): Promise<void>;
}

/**
 * Opens the store, then starts the servers. If one of them fails to start, those already started are stopped. When run
 * as root with `user` set, it first binds the ports and reads the keys, and then opens the store as that user.
 */
export async function startService(config: Config, handed: HandedSockets, log: Log): Promise<Service> {
  const { user, group, graceSeconds } = config;
  const isRoot = process.getuid?.() === 0;
  const identity = isRoot && user !== undefined ? await findIdentity(user, group) : undefined;
  const certificates = config.grpc.tcp && (await readCertificates(config.grpc.tcp));
  const bound = identity === undefined ? {} : await bindSockets(config, handed);
  if (identity !== undefined) {
    if (bound.grpc !== undefined) await giveSocket(config.grpc.socket, identity);
    await giveFolder(config.store, identity);
    becomeUser(identity);
    log("info", "service", `switched to the user ${identity.user}`, { uid: identity.uid, gid: identity.gid });
  } else if (isRoot) {
    log("warn", "service", "running as root: set `user`, or start the service as another user");
    await makeOwnStore(config.store);
  }
  const core = await openBootCore({
    folder: config.store,
    nixStore: config.nixStore,
    limits: config.limits,
    log: (message) => log("warn", "store", message),
  });
  const servers: RunningServer[] = [];
  const stop = async (seconds: number) => {
    await Promise.all(servers.map(async (server) => server.stop({ graceSeconds: seconds })));
    await core.close();
  };
  try {
    const parts: Parts = { config, handed, bound, certificates, log, core, metrics: createMetrics(core) };
    const http = await startHttp(parts);
    servers.push(http);
    const urls = baseUrls(config, http.port);
    if (config.tftp.enable) servers.push(await startTftp(parts, urls));
    servers.push(await startGrpc(parts, urls));
  } catch (error) {
    await stop(0);
    throw error;
  }
  return { stop: async () => stop(graceSeconds) };
}

async function startHttp({ config, handed, bound, log, core, metrics }: Parts) {
  const { address, port } = config.http;
  const page = statusPage(core);
  const http = await startPart(partNames.http(config), "http.port", async () =>
    startHttpServer({
      core,
      nbps: new Map(Object.entries(config.nbps)),
      listen:
        handed.http !== undefined
          ? { fd: handed.http }
          : bound.http
            ? { server: bound.http }
            : { address, port },
      publicUrl: config.publicUrl,
      statusPage: page,
      metrics: metrics.render,
      limits: { maxConnections: config.limits.maxConnections },
      log: (access) => {
        metrics.countHttp(access);
        const { method, path, ...rest } = access;
        log("info", "http", `${method} ${path}`, rest);
      },
      warn: (message) => log("warn", "http", message),
    }),
  );
  log("info", "http", "listens", { address, port: http.port });
  return {
    port: http.port,
    stop: async (options: { graceSeconds: number }) => {
      page.close();
      await http.stop(options);
    },
  };
}

async function startTftp({ config, handed, bound, log, core, metrics }: Parts, urls: BaseUrls) {
  const { address, port } = config.tftp;
  const fd = handed.tftp;
  const tftp = await startPart(partNames.tftp(config), "tftp.port", async () =>
    startBootFileServer({
      core,
      listen:
        fd !== undefined
          ? { fd, family: isUdp6(fd) ? 6 : 4 }
          : bound.tftp
            ? { socket: bound.tftp }
            : { address, port },
      nbps: new Map(Object.entries(config.nbps)),
      script: async (machine) => genericScript(await urls.towards(machine)),
      maxTransfers: config.limits.maxTransfers,
      onEvent: (event) => logTftp(log, event),
      log: (message) => log("warn", "tftp", message),
    }),
  );
  metrics.watchTftp(tftp);
  log("info", "tftp", "listens", { address, port: tftp.port, files: Object.keys(config.nbps).join(" ") });
  return tftp;
}

async function startGrpc({ config, handed, bound, certificates, log, core }: Parts, urls: BaseUrls) {
  const { socket: path, mode, tcp } = config.grpc;
  const grpc = await startPart(partNames.grpc(config, handed), "grpc", async () => {
    const isOurs = handed.grpc === undefined && bound.grpc === undefined;
    if (isOurs) await makeSocketFolder(path);
    return startGrpcServer({
      core,
      socket:
        handed.grpc !== undefined
          ? { fd: handed.grpc }
          : bound.grpc
            ? { server: bound.grpc }
            : { path, mode: Number.parseInt(mode, 8) },
      tcp: tcp && { address: tcp.address, port: tcp.port, bound: bound.grpcTcp, ...certificates! },
      scriptUrl: (mac) => `${urls.general}/machines/${mac.replaceAll(":", "-")}/boot.ipxe`,
      log: (message) => log("warn", "grpc", message),
    });
  });
  log("info", "grpc", "listens", { socket: handed.grpc === undefined ? path : "systemd", port: grpc.port });
  return grpc;
}

type Certificates = Awaited<ReturnType<typeof readCertificates>>;

async function readCertificates(files: NonNullable<Config["grpc"]["tcp"]>) {
  const read = async (file: string) => {
    try {
      return await readFile(file, "utf8");
    } catch (cause) {
      throw new ProviderError("cannot read a certificate or key for the API over TCP", {
        cause,
        hint: "`nixops4-boot-server init-tls` creates the files.",
      });
    }
  };
  const [caCertificate, certificate, key] = [
    await read(files.caCertificateFile),
    await read(files.certificateFile),
    await read(files.keyFile),
  ];
  await refuseExposedFile({ file: files.keyFile }, "the server's key");
  return { caCertificate, certificate, key };
}

function logTftp(log: Log, event: TftpEvent): void {
  const { kind, peer, filename } = event;
  const fields = { file: filename, address: peer.address, port: peer.port };
  if (kind === "finished") {
    const { bytes, durationMs, retransmissions } = event;
    log("info", "tftp", "sent", { ...fields, bytes, durationMs, retransmissions });
  } else if (kind === "size-probe") log("info", "tftp", "told the size", { ...fields, bytes: event.size });
  else if (kind === "failed") {
    log("warn", "tftp", "failed", { ...fields, reason: event.reason, bytes: event.bytes });
  }
}
