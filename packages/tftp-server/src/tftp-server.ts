import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import type { OpenFile, TransferMode } from "./block-reader.ts";
import { decodePacket, encodeError, ErrorCode, type RequestOption, type TransferRequest } from "./packet.ts";
import { Transfer, type TftpPeer, type TransferLimits, type TransferOutcome } from "./transfer.ts";

/**
 * Where the server listens. Port 0 selects a free port. `fd` is a bound socket that was inherited, `socket` one that the
 * caller has bound. On a host with several networks, give a local IP address instead of a wildcard: otherwise answers
 * leave from the address of the route, and clients ignore answers from an address that they did not ask.
 */
export type TftpListen =
  { address: string; port: number } | { fd: number; family: 4 | 6 } | { socket: Socket };

export type TftpServerOptions = TftpListen & {
  /** Opens the requested file. `undefined` is answered with "File not found", an error with "Cannot read the file". The server closes the file. */
  open: (filename: string, peer: TftpPeer) => Promise<OpenFile | undefined>;
  onEvent?: ((event: TftpEvent) => void) | undefined;
  /** Receives messages for the operator that no client gets, such as why a file could not be opened. */
  log?: ((message: string) => void) | undefined;
  limits?: Partial<TftpLimits> | undefined;
};

export interface TftpLimits extends TransferLimits {
  /**
   * The number of concurrent transfers. Default 512. Further requests get no answer, so that clients ask again. A
   * transfer whose client has not acknowledged anything for a second is ended in favour of a new one.
   */
  maxTransfers: number;
}

/** An event of the server. Each `request` is followed by one of `size-probe`, `finished` and `failed`. */
export type TftpEvent =
  | { kind: "request"; peer: TftpPeer; filename: string; mode: string; options: RequestOption[] }
  /** The client only asked for the size, as UEFI firmware does before it reads the file. */
  | { kind: "size-probe"; peer: TftpPeer; filename: string; size: number }
  /** `bytes` of `size` have arrived. Once a second while a transfer progresses. */
  | { kind: "progress"; peer: TftpPeer; filename: string; bytes: number; size: number }
  | {
      kind: "finished";
      peer: TftpPeer;
      filename: string;
      /** The size of the file. */
      bytes: number;
      durationMs: number;
      retransmissions: number;
    }
  /** `filename` is `undefined` if the packet was no request. `bytes` of the file had arrived. */
  | { kind: "failed"; peer: TftpPeer; filename: string | undefined; reason: string; bytes: number };

export interface TftpStats {
  /** Transfers in progress. */
  active: number;
  requests: number;
  finished: number;
  sizeProbes: number;
  failed: number;
  /** Requests without an answer because of `maxTransfers`. */
  dropped: number;
  /** DATA packets of transfers that have ended, repeated ones included. */
  sentPackets: number;
  sentBytes: number;
  retransmissions: number;
}

export interface TftpServer {
  readonly port: number;
  readonly stats: TftpStats;
  /** Stops accepting requests, and aborts the transfers that are still running after `graceSeconds` (default 10). */
  stop(options?: { graceSeconds: number }): Promise<void>;
}

/** A read request that is being served. */
interface ActiveRequest {
  /** To recognize a repetition. */
  bytes: Buffer;
  startedAt: number;
  /** `undefined` while the file is being opened. */
  transfer: Transfer | undefined;
  filename: string;
  peer: TftpPeer;
  reportedBytes: number;
}

const DEFAULT_LIMITS: TftpLimits = {
  maxTransfers: 512,
  maxBlockSize: 1468,
  maxWindowSize: 64,
  retransmitMs: 1000,
  maxRetransmissions: 6,
};
const HALF_OPEN_MS = 1000;
const PROGRESS_MS = 1000;

/** Starts a read-only TFTP server: RFC 1350 with the options of RFC 2347, 2348, 2349 and 7440. Fails if the port cannot be bound. */
export async function startTftpServer(options: TftpServerOptions): Promise<TftpServer> {
  const server = new Server(options);
  await server.listen();
  return server;
}

function familyOf(options: Exclude<TftpListen, { socket: Socket }>): 4 | 6 {
  if ("fd" in options) return options.family;
  return isIPv6(options.address) ? 6 : 4;
}

class Server implements TftpServer {
  #options: TftpServerOptions;
  #limits: TftpLimits;
  #socket: Socket;
  #active = new Map<string, ActiveRequest>();
  #bound: TftpPeer = { address: "", port: 0 };
  #progress: NodeJS.Timeout | undefined;
  #stopped: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;
  #totals: Omit<TftpStats, "active"> = {
    requests: 0,
    finished: 0,
    sizeProbes: 0,
    failed: 0,
    dropped: 0,
    sentPackets: 0,
    sentBytes: 0,
    retransmissions: 0,
  };

  constructor(options: TftpServerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#socket = "socket" in options ? options.socket : createSocket(`udp${familyOf(options)}`);
  }

  get port(): number {
    return this.#bound.port;
  }

  get stats(): TftpStats {
    return { active: this.#active.size, ...this.#totals };
  }

  async listen(): Promise<void> {
    const options = this.#options;
    if (!("socket" in options)) {
      // With a descriptor, "listening" comes before `bind` returns.
      const listening = once(this.#socket, "listening");
      this.#socket.bind(
        "fd" in options ? { fd: options.fd } : { address: options.address, port: options.port },
      );
      await listening;
    }
    this.#bound = this.#socket.address();
    this.#socket.on("error", (error) => this.#options.log?.(`TFTP socket: ${error.message}`));
    this.#socket.on("message", (bytes, { address, port }) => this.#receive(bytes, { address, port }));
    this.#progress = setInterval(() => this.#reportProgress(), PROGRESS_MS).unref();
  }

  async stop({ graceSeconds } = { graceSeconds: 10 }): Promise<void> {
    this.#stopped ??= this.#stop(graceSeconds);
    await this.#stopped;
  }

  async #stop(graceSeconds: number): Promise<void> {
    this.#socket.close();
    clearInterval(this.#progress);
    if (this.#active.size === 0) return;
    const idle = new Promise<void>((resolve) => (this.#onIdle = resolve));
    const timer = setTimeout(() => {
      for (const { transfer } of this.#active.values()) transfer?.abort("The server is stopping");
    }, graceSeconds * 1000);
    await idle;
    clearTimeout(timer);
  }

  #reportProgress(): void {
    for (const active of this.#active.values()) {
      const { transfer, filename, peer } = active;
      const bytes = transfer?.arrivedBytes ?? 0;
      if (transfer === undefined || bytes === active.reportedBytes) continue;
      active.reportedBytes = bytes;
      this.#options.onEvent?.({ kind: "progress", peer, filename, bytes, size: transfer.size });
    }
  }

  #receive(bytes: Buffer, peer: TftpPeer): void {
    // No answer can be sent to port 0.
    if (peer.port === 0) return;
    const packet = decodePacket(bytes);
    // RFC 1350 section 7: an ERROR is never answered.
    if (packet?.kind === "error") return;
    if (packet?.kind === "read") this.#read(bytes, packet, peer);
    else if (packet?.kind === "write") {
      this.#refuse(peer, ErrorCode.accessViolation, "This server is read-only", packet.filename);
    } else this.#refuse(peer, ErrorCode.illegalOperation, "Illegal TFTP operation");
  }

  #read(bytes: Buffer, request: TransferRequest, peer: TftpPeer): void {
    const { filename, mode, options } = request;
    if (mode !== "octet" && mode !== "netascii") {
      this.#refuse(peer, ErrorCode.illegalOperation, "Only octet and netascii are served", filename);
      return;
    }
    const key = `${peer.address} ${peer.port}`;
    if (this.#isRepeated(key, bytes) || !this.#hasRoom()) return;
    const active: ActiveRequest = {
      bytes,
      startedAt: performance.now(),
      transfer: undefined,
      filename,
      peer,
      reportedBytes: 0,
    };
    this.#active.set(key, active);
    this.#totals.requests++;
    this.#options.onEvent?.({ kind: "request", peer, filename, mode, options });
    void this.#start(key, active, { ...request, mode }, peer);
  }

  /** Returns whether the request is being served already. Ends the transfer of another request from the same port. */
  #isRepeated(key: string, request: Buffer): boolean {
    const active = this.#active.get(key);
    if (active === undefined) return false;
    const { transfer } = active;
    const same = active.bytes.equals(request);
    // A client that has restarted may use its old port; the old transfer then makes no progress.
    if (same && !(transfer?.heard && transfer.stalled)) {
      transfer?.repeatFirst();
      return true;
    }
    // No ERROR: the client would take it as the answer to its new request.
    transfer?.drop("the client started another transfer");
    // While the file is still being opened, the new request is ignored; the client repeats it.
    return transfer === undefined;
  }

  /** Returns whether another transfer fits; if necessary, ends one that may come from a forged request. */
  #hasRoom(): boolean {
    if (this.#active.size < this.#limits.maxTransfers) return true;
    const before = performance.now() - HALF_OPEN_MS;
    for (const { transfer, startedAt } of this.#active.values()) {
      if (transfer === undefined || transfer.heard || startedAt > before) continue;
      transfer.abort("The server is busy");
      return true;
    }
    this.#totals.dropped++;
    return false;
  }

  async #start(
    key: string,
    active: ActiveRequest,
    request: TransferRequest & { mode: TransferMode },
    peer: TftpPeer,
  ): Promise<void> {
    const { filename, mode, options } = request;
    const file = await this.#open(filename, peer);
    if (file === undefined) {
      this.#forget(key);
      return;
    }
    active.transfer = new Transfer({
      address: this.#bound.address,
      peer,
      file,
      mode,
      options,
      limits: this.#limits,
      onEnd: (outcome) => {
        file
          .close()
          .catch((error: Error) =>
            this.#options.log?.(`cannot close ${JSON.stringify(filename)}: ${error.message}`),
          );
        if (active.transfer !== undefined) this.#count(active.transfer, outcome, filename, peer);
        this.#forget(key);
      },
    });
    if (this.#stopped === undefined) active.transfer.start();
    else active.transfer.abort("The server is stopping");
  }

  async #open(filename: string, peer: TftpPeer): Promise<OpenFile | undefined> {
    try {
      const file = await this.#options.open(filename, peer);
      if (file === undefined) this.#refuse(peer, ErrorCode.fileNotFound, "File not found", filename);
      return file;
    } catch (error) {
      this.#options.log?.(`cannot open ${JSON.stringify(filename)}: ${(error as Error).message}`);
      this.#refuse(peer, ErrorCode.accessViolation, "Cannot read the file", filename);
      return undefined;
    }
  }

  #count(transfer: Transfer, outcome: TransferOutcome, filename: string, peer: TftpPeer): void {
    const { sentPackets, sentBytes, retransmissions, arrivedBytes: bytes } = transfer;
    this.#totals.sentPackets += sentPackets;
    this.#totals.sentBytes += sentBytes;
    this.#totals.retransmissions += retransmissions;
    if (outcome.kind === "finished") {
      this.#totals.finished++;
      const durationMs = Math.round(performance.now() - transfer.startedAt);
      this.#options.onEvent?.({ kind: "finished", peer, filename, bytes, durationMs, retransmissions });
    } else if (outcome.kind === "size-probe") {
      this.#totals.sizeProbes++;
      this.#options.onEvent?.({ kind: "size-probe", peer, filename, size: outcome.size });
    } else {
      this.#totals.failed++;
      this.#options.onEvent?.({ kind: "failed", peer, filename, reason: outcome.reason, bytes });
    }
  }

  #refuse(peer: TftpPeer, code: number, message: string, filename?: string): void {
    this.#totals.failed++;
    this.#options.onEvent?.({ kind: "failed", peer, filename, reason: message, bytes: 0 });
    if (this.#stopped === undefined) this.#socket.send(encodeError(code, message), peer.port, peer.address);
  }

  #forget(key: string): void {
    this.#active.delete(key);
    if (this.#active.size === 0) this.#onIdle?.();
  }
}
