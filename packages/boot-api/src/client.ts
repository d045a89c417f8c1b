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

/** The path of a unix socket, or `host:port` with what mutual TLS needs, as PEM. */
export type BootTarget = { socket: string } | ({ address: string } & TlsFiles);

export interface CallOptions {
  /** Cancels the call; it then fails with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** The default is 60 for single requests, and no limit for uploads and watching. */
  timeoutSeconds?: number | undefined;
}

/** Every method throws a {@link BootServiceError}, whose `code` is the gRPC status. */
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
  /** `onProgress` is told how many bytes have been handed to the connection. */
  uploadAsset(
    asset: Asset,
    data: AsyncIterable<Uint8Array>,
    onProgress?: (sent: number) => void,
    options?: CallOptions,
  ): Promise<void>;
  /** Ends only by an error, by the signal, or when the caller stops to iterate. */
  watchEvents(request: WatchEventsRequest, options?: CallOptions): AsyncIterable<Event>;
  close(): void;
}

const CHUNK_BYTES = 256 * 1024;
const UNARY_TIMEOUT_SECONDS = 60;
/** Entries come with the contents of their files. */
const MESSAGE_BYTES = 16 * 1024 * 1024;

/** Connects with the first call. Throws a `ProviderError` when a certificate or the key cannot be used. */
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
        // The answer may come before everything is sent: then it is a refusal.
        const sent = call && sendAsset(call, asset, data, answered.signal, onProgress);
        await Promise.race([answer, sent?.then(() => answer)]);
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
      // Cancelling is an error, too, and may come when nobody reads any more.
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
    // For those who call again after UNAVAILABLE: until then the last failure is reported again.
    "grpc.initial_reconnect_backoff_ms": 250,
    "grpc.max_reconnect_backoff_ms": 5_000,
    // Would be looked for in DNS.
    "grpc.service_config_disable_resolution": 1,
  };
  if ("socket" in target) {
    return new Client(`unix:${target.socket}`, ChannelCredentials.createInsecure(), options);
  }
  const tls = tlsCredentials(target.address, target);
  return new Client(`dns:${target.address}`, tls.credentials, { ...options, ...tls.options });
}

/** What ends a call before it has its answer, and the error of a call that failed. */
interface Limits {
  signal: AbortSignal;
  explain: (error: ServiceError) => Error;
}

function limitsOf(doing: string, server: string, { signal, timeoutSeconds }: CallOptions): Limits {
  // Not gRPC's own deadline, which is a time of day: the clock may be set while the call waits.
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
