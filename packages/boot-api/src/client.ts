import { timeoutSignal } from "@nixops4-providers/provider-sdk";
import { once } from "node:events";
import {
  ChannelCredentials,
  Client,
  type ClientWritableStream,
  type MethodDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { chunksOf } from "./chunks.ts";
import { tlsCredentials, type TlsFiles } from "./credentials.ts";
import { callError } from "./errors.ts";
import type {
  Asset,
  DeleteEntryResponse,
  Entry,
  EntrySpec,
  Event,
  FindMissingAssetsRequest,
  FindMissingAssetsResponse,
  HardwareReport,
  ListEntriesResponse,
  PutEntryResponse,
  UploadAssetRequest,
  WatchEventsRequest,
} from "./generated/messages.js";
import { bootServiceDefinition as methods } from "./generated/service.ts";

/** The path of a unix socket, or `host:port` with the certificates and the key for mutual TLS. */
export type BootTarget = { socket: string } | ({ address: string } & TlsFiles);

export interface CallOptions {
  /** Cancels the call, which then throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Default 60 for single requests. Uploads and watching have no default. */
  timeoutSeconds?: number | undefined;
}

/** A client of the boot service. Its methods throw {@link BootServiceError}. */
export interface BootClient {
  putEntry(spec: EntrySpec, options?: CallOptions): Promise<PutEntryResponse>;
  getEntry(id: string, options?: CallOptions): Promise<Entry>;
  getHardwareReport(entryId: string, options?: CallOptions): Promise<HardwareReport>;
  listEntries(options?: CallOptions): Promise<ListEntriesResponse>;
  deleteEntry(id: string, options?: CallOptions): Promise<DeleteEntryResponse>;
  findMissingAssets(
    assets: FindMissingAssetsRequest["assets"],
    options?: CallOptions,
  ): Promise<FindMissingAssetsResponse>;
  /** Uploads an asset. `onProgress` receives the number of bytes passed to the connection. */
  uploadAsset(
    asset: Asset,
    data: AsyncIterable<Uint8Array>,
    onProgress?: (sent: number) => void,
    options?: CallOptions,
  ): Promise<void>;
  /** Yields events until an error, until the signal is aborted, or until the caller stops iterating. */
  watchEvents(request: WatchEventsRequest, options?: CallOptions): AsyncIterable<Event>;
  close(): void;
}

const CHUNK_BYTES = 256 * 1024;
const UNARY_TIMEOUT_SECONDS = 60;
/** An entry includes the contents of its files. */
const MESSAGE_BYTES = 16 * 1024 * 1024;

/** Creates a client, which connects with the first call. Throws `ProviderError` if a certificate or the key is not valid. */
export function connectBootService(target: BootTarget): BootClient {
  const server = "socket" in target ? target.socket : target.address;
  const client = openChannel(target);

  function unary<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    doing: string,
    options: CallOptions = {},
  ): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = method;
    const limits = limitsOf(doing, server, { timeoutSeconds: UNARY_TIMEOUT_SECONDS, ...options });
    return completion(limits, (callback) =>
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, callback),
    );
  }

  return {
    putEntry: (spec, options) =>
      unary(methods.putEntry, { spec }, `put the boot entry "${spec.id}"`, options),
    getEntry: (id, options) => unary(methods.getEntry, { id }, `get the boot entry "${id}"`, options),
    getHardwareReport: (entryId, options) =>
      unary(methods.getHardwareReport, { entryId }, `get the hardware report of "${entryId}"`, options),
    listEntries: (options) => unary(methods.listEntries, {}, "list the boot entries", options),
    deleteEntry: (id, options) =>
      unary(methods.deleteEntry, { id }, `delete the boot entry "${id}"`, options),
    findMissingAssets: (assets, options) =>
      unary(methods.findMissingAssets, { assets }, "ask which assets are missing", options),

    async uploadAsset(asset, data, onProgress, options = {}) {
      const { path, requestSerialize, responseDeserialize } = methods.uploadAsset;
      const limits = limitsOf(`upload the asset ${asset.sha256}`, server, options);
      const answered = new AbortController();
      let call: ClientWritableStream<UploadAssetRequest> | undefined;
      const answer = completion(limits, (callback) => {
        call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, callback);
        return call;
      }).finally(() => answered.abort());
      try {
        // A refusal may arrive before everything is sent.
        const sent = call && sendAsset(call, asset, data, answered.signal, onProgress);
        await Promise.race([answer, sent?.then(() => answer) ?? answer]);
      } finally {
        call?.cancel();
      }
    },

    async *watchEvents(request, options = {}) {
      const { path, requestSerialize, responseDeserialize } = methods.watchEvents;
      const { signal, explain } = limitsOf("watch the boot entries", server, options);
      signal.throwIfAborted();
      const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
      const cancel = () => call.cancel();
      signal.addEventListener("abort", cancel);
      // A cancellation is emitted as an error, possibly after the last read.
      call.on("error", () => {});
      try {
        for await (const event of call) yield event as Event;
      } catch (error) {
        throw explain(error as ServiceError);
      } finally {
        signal.removeEventListener("abort", cancel);
        cancel();
      }
    },

    close: () => client.close(),
  };
}

function openChannel(target: BootTarget): Client {
  const options = {
    "grpc.max_receive_message_length": MESSAGE_BYTES,
    "grpc.max_send_message_length": MESSAGE_BYTES,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    // Until it reconnects, calls fail with the last error. Callers that retry after UNAVAILABLE need short pauses.
    "grpc.initial_reconnect_backoff_ms": 250,
    "grpc.max_reconnect_backoff_ms": 5_000,
    // Disables a lookup in DNS.
    "grpc.service_config_disable_resolution": 1,
  };
  if ("socket" in target) {
    return new Client(`unix:${target.socket}`, ChannelCredentials.createInsecure(), options);
  }
  const tls = tlsCredentials(target.address, target);
  return new Client(`dns:${target.address}`, tls.credentials, { ...options, ...tls.options });
}

/** The signal that cancels a call, and a function that converts the error of a failed call. */
interface Limits {
  signal: AbortSignal;
  explain: (error: ServiceError) => Error;
}

function limitsOf(doing: string, server: string, { signal, timeoutSeconds }: CallOptions): Limits {
  // gRPC's own deadline is a time of day, which may be set during the call.
  const timeUp = timeoutSeconds === undefined ? [] : [timeoutSignal(timeoutSeconds)];
  return {
    signal: AbortSignal.any([...(signal === undefined ? [] : [signal]), ...timeUp]),
    explain(error) {
      if (signal?.aborted === true) return signal.reason as Error;
      if (timeUp[0]?.aborted !== true) return callError(error, doing, server);
      const details = `no answer within ${timeoutSeconds} s`;
      return callError({ code: status.DEADLINE_EXCEEDED, details }, doing, server);
    },
  };
}

function completion<Response>(
  { signal, explain }: Limits,
  start: (callback: (error: ServiceError | null, response?: Response) => void) => { cancel(): void },
): Promise<Response> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const call = start((error, response) => {
      signal.removeEventListener("abort", cancel);
      if (error === null) resolve(response!);
      else reject(explain(error));
    });
    const cancel = () => call.cancel();
    signal.addEventListener("abort", cancel);
  });
}

async function sendAsset(
  call: ClientWritableStream<UploadAssetRequest>,
  asset: Asset,
  data: AsyncIterable<Uint8Array>,
  answered: AbortSignal,
  onProgress: ((sent: number) => void) | undefined,
): Promise<void> {
  call.write({ asset });
  let sent = 0;
  for await (const chunk of chunksOf(data, CHUNK_BYTES)) {
    if (answered.aborted) return;
    if (!call.write({ data: chunk })) await once(call, "drain", { signal: answered }).catch(() => {});
    sent += chunk.length;
    onProgress?.(sent);
  }
  call.end();
}
