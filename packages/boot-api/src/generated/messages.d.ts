// Generated from proto/boot.proto by `npm run gen`.
import type { MessageType } from "../message-type.ts";
export interface Asset {
  sha256: string;
  size: number;
}

export interface OverlayFile {
  path: string;
  contents: Uint8Array;
  mode: number;
  secret: boolean;
}

export type Architecture = "ARCHITECTURE_UNSPECIFIED" | "X86_64" | "AARCH64";

export type OnInterrupted = "ON_INTERRUPTED_UNSPECIFIED" | "HOLD" | "RETRY";

export type BiosLocalBoot = "BIOS_LOCAL_BOOT_UNSPECIFIED" | "SANBOOT" | "EXIT";

export interface EntrySpec {
  id: string;
  macs: string[];
  architecture: Architecture;
  kernel: Asset | null;
  initrds: Asset[];
  cmdline: string;
  files: OverlayFile[];
  installGeneration: number;
  onInterrupted: OnInterrupted;
  biosLocalBoot: BiosLocalBoot;
  expireSeconds: number;
  silenceSeconds: number;
  login?: string | undefined;
}

export type Phase = "PHASE_UNSPECIFIED" | "ARMED" | "BOOTING" | "INSTALLING" | "INSTALLED" | "FAILED" | "INTERRUPTED" | "EXPIRED" | "REFUSED";

export interface Entry {
  spec: EntrySpec | null;
  phase: Phase;
  attempt: number;
  armedAt: number;
  expiresAt: number;
  boot: Boot | null;
  claim: Claim | null;
  report: Report | null;
  endedAt?: number | undefined;
  reason: string;
  scriptUrl: string;
  cursor: number;
}

export interface Boot {
  mac: string;
  address: string;
  firmware: string;
  architecture: string;
  startedAt: number;
}

export interface Claim {
  bootId: string;
  address: string;
  claimedAt: number;
}

export interface Report {
  stage: string;
  percent?: number | undefined;
  message: string;
  log: string[];
  reportedAt: number;
}

export interface PutEntryRequest {
  spec: EntrySpec | null;
}

export interface PutEntryResponse {
  entry: Entry | null;
  changed: boolean;
}

export interface GetEntryRequest {
  id: string;
}

export interface GetHardwareReportRequest {
  entryId: string;
}

export interface HardwareReport {
  gzip: Uint8Array;
}

export interface ListEntriesRequest {
}

export interface ListEntriesResponse {
  entries: Entry[];
  cursor: number;
}

export interface DeleteEntryRequest {
  id: string;
}

export interface DeleteEntryResponse {
  deleted: boolean;
}

export interface AssetSource {
  asset: Asset | null;
  storePath: string;
}

export interface FindMissingAssetsRequest {
  assets: AssetSource[];
}

export interface FindMissingAssetsResponse {
  missing: Asset[];
}

export interface UploadAssetRequest {
  asset?: Asset | undefined;
  data?: Uint8Array | undefined;
}

export interface UploadAssetResponse {
}

export interface WatchEventsRequest {
  entryId: string;
  afterCursor: number;
}

export interface Event {
  cursor: number;
  entryId: string;
  at: number;
  step?: Step | undefined;
  download?: Download | undefined;
}

export interface Step {
  kind: string;
  entry: Entry | null;
}

export interface Download {
  name: string;
  sent: number;
  size: number;
}

export declare const nixops4: { boot: { v1: {
  Asset: MessageType<Asset>;
  OverlayFile: MessageType<OverlayFile>;
  EntrySpec: MessageType<EntrySpec>;
  Entry: MessageType<Entry>;
  Boot: MessageType<Boot>;
  Claim: MessageType<Claim>;
  Report: MessageType<Report>;
  PutEntryRequest: MessageType<PutEntryRequest>;
  PutEntryResponse: MessageType<PutEntryResponse>;
  GetEntryRequest: MessageType<GetEntryRequest>;
  GetHardwareReportRequest: MessageType<GetHardwareReportRequest>;
  HardwareReport: MessageType<HardwareReport>;
  ListEntriesRequest: MessageType<ListEntriesRequest>;
  ListEntriesResponse: MessageType<ListEntriesResponse>;
  DeleteEntryRequest: MessageType<DeleteEntryRequest>;
  DeleteEntryResponse: MessageType<DeleteEntryResponse>;
  AssetSource: MessageType<AssetSource>;
  FindMissingAssetsRequest: MessageType<FindMissingAssetsRequest>;
  FindMissingAssetsResponse: MessageType<FindMissingAssetsResponse>;
  UploadAssetRequest: MessageType<UploadAssetRequest>;
  UploadAssetResponse: MessageType<UploadAssetResponse>;
  WatchEventsRequest: MessageType<WatchEventsRequest>;
  Event: MessageType<Event>;
  Step: MessageType<Step>;
  Download: MessageType<Download>;
} } };
