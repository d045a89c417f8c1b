import type * as api from "@nixops4-providers/boot-api";
import type { CoreEvent } from "../core/api.ts";
import type {
  AssetRef,
  Boot,
  Claim,
  Entry,
  EntrySpec,
  InstallReport,
  OverlayFile,
  Phase,
  StoredSpec,
} from "../core/model.ts";
import { Refusal } from "../core/refusal.ts";

const DEFAULT_EXPIRE_SECONDS = 7 * 86_400;
const DEFAULT_SILENCE_SECONDS = 1_800;

const architectures = { ARCHITECTURE_UNSPECIFIED: "x86_64", X86_64: "x86_64", AARCH64: "aarch64" } as const;
const onInterrupted = { ON_INTERRUPTED_UNSPECIFIED: "hold", HOLD: "hold", RETRY: "retry" } as const;
const biosLocalBoot = { BIOS_LOCAL_BOOT_UNSPECIFIED: "sanboot", SANBOOT: "sanboot", EXIT: "exit" } as const;

/** Converts a spec, and sets the defaults. The core checks it: a missing kernel becomes an invalid one. */
export function specFromApi(spec: api.EntrySpec | null): EntrySpec {
  if (spec === null) throw new Refusal("invalid", "spec: must be set");
  return {
    id: spec.id,
    macs: spec.macs,
    architecture: choice("architecture", architectures, spec.architecture),
    kernel: spec.kernel ?? { sha256: "", size: 0 },
    initrds: spec.initrds,
    cmdline: spec.cmdline,
    files: spec.files.map(fileFromApi),
    installGeneration: spec.installGeneration,
    onInterrupted: choice("onInterrupted", onInterrupted, spec.onInterrupted),
    biosLocalBoot: choice("biosLocalBoot", biosLocalBoot, spec.biosLocalBoot),
    expireSeconds: spec.expireSeconds || DEFAULT_EXPIRE_SECONDS,
    silenceSeconds: spec.silenceSeconds || DEFAULT_SILENCE_SECONDS,
    login: spec.login,
  };
}

/** Converts an entry, without the contents of its files, the token and the id of the boot. */
export function entryToApi(entry: Entry, cursor: number, scriptUrl: (mac: string) => string): api.Entry {
  const { spec, phase, attempt, armedAt, expiresAt, boot, claim, report, endedAt, reason } = entry;
  return {
    spec: specToApi(spec),
    phase: phase.toUpperCase() as Uppercase<Phase>,
    attempt,
    armedAt,
    expiresAt,
    boot: boot === undefined ? null : bootToApi(boot),
    claim: claim === undefined ? null : claimToApi(claim),
    report: report === undefined ? null : reportToApi(report),
    endedAt,
    reason: reason ?? "",
    scriptUrl: scriptUrl(spec.macs[0]!),
    cursor,
  };
}

export function eventToApi(event: CoreEvent, scriptUrl: (mac: string) => string): api.Event {
  const { cursor, id: entryId, at } = event;
  if (event.kind === "download") {
    const { name, sent, size } = event;
    return { cursor, entryId, at, download: { name, sent, size } };
  }
  const entry = event.entry === undefined ? null : entryToApi(event.entry, cursor, scriptUrl);
  return { cursor, entryId, at, step: { kind: event.event.kind, entry } };
}

export function assetFromApi(path: string, asset: api.Asset | null | undefined): AssetRef {
  if (asset === null || asset === undefined) throw new Refusal("invalid", `${path}: must be set`);
  return asset;
}

function fileFromApi({ path, contents, mode, secret }: api.OverlayFile): OverlayFile {
  return { path, contents: Buffer.from(contents).toString("base64"), mode, secret };
}

function specToApi(spec: StoredSpec): api.EntrySpec {
  const { id, macs, kernel, initrds, cmdline, installGeneration, expireSeconds, silenceSeconds, login } =
    spec;
  return {
    id,
    macs,
    kernel,
    initrds,
    cmdline,
    installGeneration,
    expireSeconds,
    silenceSeconds,
    login,
    architecture: spec.architecture.toUpperCase() as Uppercase<EntrySpec["architecture"]>,
    onInterrupted: spec.onInterrupted.toUpperCase() as Uppercase<EntrySpec["onInterrupted"]>,
    biosLocalBoot: spec.biosLocalBoot.toUpperCase() as Uppercase<EntrySpec["biosLocalBoot"]>,
    files: spec.files.map(({ path, mode, secret }) => ({ path, contents: new Uint8Array(), mode, secret })),
  };
}

function bootToApi({ mac, address, firmware, architecture, startedAt }: Boot): api.Boot {
  return { mac, address, firmware, architecture, startedAt };
}

function claimToApi({ bootId, address, claimedAt }: Claim): api.Claim {
  return { bootId, address, claimedAt };
}

function reportToApi({ stage, percent, message, log, reportedAt }: InstallReport): api.Report {
  return { stage, percent, message, log, reportedAt };
}

/** Converts an enum value. A value that only newer clients know arrives as its number, and is refused. */
function choice<Name extends string, Value>(path: string, values: Record<Name, Value>, name: Name): Value {
  if (Object.hasOwn(values, name)) return values[name];
  throw new Refusal("invalid", `${path}: this version of the service does not know the value ${name}`);
}
