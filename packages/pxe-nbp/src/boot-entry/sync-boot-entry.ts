import type { Asset, BootClient, Entry, EntrySpec } from "@nixops4-providers/boot-api";
import { type Context, type ConvergeRequest, ProviderError } from "@nixops4-providers/provider-sdk";
import { type BootAsset, describeAsset, readAsset } from "./boot-asset.ts";
import { joinCmdline } from "../cmdline.ts";
import { describePut } from "../describe-entry.ts";
import { dropRoots, keepRoots, storePathsIn } from "../gc-roots.ts";
import { hyphenated, normalizeMac } from "../mac.ts";
import { asList, pathOf } from "../one-or-more.ts";
import type { Inputs, Outputs } from "./schema.ts";
import { openBootService, type Server, untilReached } from "../server.ts";

/** Creates, updates or removes one entry of the boot service according to the inputs. */
export async function syncBootEntry(
  { inputs }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const entryId = inputs.name ?? hyphenated(inputs.macs[0]!);
  if (inputs.ensure === "absent") return removeEntry(entryId, inputs, context);

  const files = await overlayFiles(inputs.files, context);
  const [kernel, ...initrds] = await describeAssets(inputs, context);
  const client = await openBootService(inputs.server, context);
  try {
    await uploadMissing(client, [kernel!, ...initrds], inputs.server, context);
    const spec: EntrySpec = {
      id: entryId,
      macs: inputs.macs.map(normalizeMac),
      architecture: inputs.architecture === "aarch64" ? "AARCH64" : "X86_64",
      kernel: reference(kernel!),
      initrds: initrds.map(reference),
      cmdline: joinCmdline(inputs.cmdline),
      files,
      installGeneration: inputs.installGeneration,
      onInterrupted: inputs.onInterrupted === "retry" ? "RETRY" : "HOLD",
      biosLocalBoot: inputs.biosLocalBoot === "exit" ? "EXIT" : "SANBOOT",
      expireSeconds: inputs.expireSeconds,
      silenceSeconds: inputs.silenceSeconds,
      login: inputs.login,
    };
    const { entry, changed } = await untilReached(inputs.server, context, () =>
      client.putEntry(spec, { signal: context.signal }),
    );
    const { text, isWarning } = describePut(entry!, changed);
    if (isWarning) context.log.warn(text);
    else context.log.info(text);
    await keepWhatIsNeeded(inputs, entry!, context);
    return { entryId, scriptUrl: entry!.scriptUrl };
  } finally {
    client.close();
  }
}

/** Protects the store paths of the entry until the machine is installed. During the apply, the evaluation protects them. */
async function keepWhatIsNeeded(inputs: Inputs, { phase, spec }: Entry, context: Context): Promise<void> {
  const { gcRootsFolder, kernel, initrd, cmdline, files } = inputs;
  if (gcRootsFolder === undefined) return;
  const { id } = spec!;
  if (phase === "INSTALLED") return dropRoots(gcRootsFolder, id);
  const contents = Object.values(files).map((file) => file.contents ?? "");
  const texts = [kernel!, ...asList(initrd), joinCmdline(cmdline), ...contents];
  await keepRoots(gcRootsFolder, id, storePathsIn(texts), context);
}

async function removeEntry(
  entryId: string,
  { server, gcRootsFolder }: Inputs,
  context: Context,
): Promise<Outputs> {
  const client = await openBootService(server, context);
  try {
    const { deleted } = await untilReached(server, context, () =>
      client.deleteEntry(entryId, { signal: context.signal }),
    );
    if (deleted) context.log.info(`removed the entry ${entryId}`);
    if (gcRootsFolder !== undefined) await dropRoots(gcRootsFolder, entryId);
    return { entryId, scriptUrl: null };
  } finally {
    client.close();
  }
}

async function overlayFiles(files: Inputs["files"], context: Context): Promise<EntrySpec["files"]> {
  const overlay: EntrySpec["files"] = [];
  for (const [path, { contents, secret, mode }] of Object.entries(files)) {
    const text = contents ?? asFile(await context.secret(secret!, `the secret for ${path}`));
    overlay.push({
      path,
      contents: Buffer.from(text),
      mode: Number.parseInt(mode ?? (secret === undefined ? "0644" : "0600"), 8),
      secret: secret !== undefined,
    });
  }
  return overlay;
}

/** Adds the final newline that reading a secret has removed. OpenSSH accepts no private key without it. */
function asFile(secret: string): string {
  return secret.includes("\n") && !secret.endsWith("\n") ? `${secret}\n` : secret;
}

/** Returns the assets, the kernel first. */
async function describeAssets({ kernel, initrd }: Inputs, { signal }: Context): Promise<BootAsset[]> {
  const assets = [await describeAsset(kernel!, "kernel", signal)];
  for (const [index, path] of asList(initrd).entries()) {
    assets.push(await describeAsset(path, pathOf("initrd", initrd, index), signal));
  }
  return assets;
}

async function uploadMissing(
  client: BootClient,
  assets: BootAsset[],
  server: Server,
  context: Context,
): Promise<void> {
  const { signal } = context;
  const sources = assets.map((asset) => ({ asset: reference(asset), storePath: asset.storePath }));
  const { missing } = await untilReached(server, context, () =>
    client.findMissingAssets(sources, { signal }),
  );
  for (const sha256 of new Set(missing.map((asset) => asset.sha256))) {
    const asset = assets.find((one) => one.sha256 === sha256)!;
    await upload(client, asset, server, context);
  }
}

async function upload(client: BootClient, asset: BootAsset, server: Server, context: Context): Promise<void> {
  const { path, size } = asset;
  const { signal } = context;
  const progress = context.progress(`uploading ${path}, ${mebibytes(size)} MiB`);
  const onProgress = (sent: number) => progress.update(`${Math.floor((100 * sent) / size)} %`);
  try {
    await untilReached(server, context, () =>
      client.uploadAsset(reference(asset), readAsset(asset, signal), onProgress, { signal }),
    );
  } catch (cause) {
    signal.throwIfAborted();
    throw new ProviderError(`cannot upload the file ${path}`, { cause });
  } finally {
    progress.done();
  }
}

function reference({ sha256, size }: BootAsset): Asset {
  return { sha256, size };
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(1);
}
