import { type Context, type ConvergeRequest, ProviderError, sleep } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import { runTask, waitForTask } from "../client/tasks.ts";
import { upload } from "../client/upload.ts";
import { openClient } from "../open-client.ts";
import { Facts } from "../guest/facts.ts";
import type { Plan } from "../guest/plan.ts";
import { preflight } from "../guest/preflight.ts";
import { repeat } from "../guest/repeat.ts";
import type { Inputs, Outputs } from "./schema.ts";
import { fileNameOf } from "./check.ts";
import { hashFile } from "./hash-file.ts";

interface Image {
  volumeId: string;
  fileName: string;
  sha256: string;
  bytes: number | undefined;
}

export async function convergeImage(
  { inputs }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const image = await describe(inputs, context);
  const client = await openClient(inputs.connection, context);
  try {
    return await repeat(client, () => converge(client, inputs, image));
  } finally {
    client.close();
  }
}

async function describe(inputs: Inputs, context: Context): Promise<Image> {
  const { sha256, bytes } = await checksumOf(inputs, context);
  const fileName = fileNameOf(inputs, sha256);
  return { volumeId: `${inputs.storage}:${inputs.content}/${fileName}`, fileName, sha256, bytes };
}

async function checksumOf({ source, sha256, ensure }: Inputs, context: Context) {
  const expected = sha256?.toLowerCase();
  // For a deletion, the local file need not exist any more.
  if (source.file === undefined || (ensure === "absent" && expected !== undefined)) {
    return { sha256: expected ?? "", bytes: undefined };
  }
  const file = await hashFile(source.file, context.signal);
  if (expected === undefined || expected === file.sha256) return file;
  throw new ProviderError(`the file ${source.file} has another SHA-256: ${file.sha256}`, { path: "sha256" });
}

async function converge(client: PveClient, inputs: Inputs, image: Image): Promise<Outputs> {
  const { volumeId, sha256 } = image;
  const exists = await has(client, inputs, image);
  if (inputs.ensure === "absent") {
    if (exists) await remove(client, inputs, volumeId);
  } else if (!exists) {
    await preflight(new Facts(client), `cannot store ${inputs.name} on ${inputs.storage}`, planFor(inputs));
    await (inputs.source.file === undefined ? download(client, inputs, image) : send(client, inputs, image));
    await waitUntilVisible(client, inputs, image);
  }
  return { volumeId, sha256 };
}

function planFor({ node, storage, content, source }: Inputs): Plan {
  const paths = [`/storage/${storage}`];
  return {
    node,
    storages: [{ storage, content, path: "storage" }],
    bridges: [],
    volumes: [],
    privileges: [
      { paths, anyOf: ["Datastore.AllocateTemplate"], path: "storage" },
      ...(source.url === undefined
        ? []
        : [
            {
              paths: [`/nodes/${node}`, "/"],
              anyOf: ["Sys.AccessNetwork", "Sys.Modify"],
              path: "source.url",
            },
          ]),
    ],
  };
}

/** Whether the storage lists it. Throws if a file of this name has another length. */
async function has(
  client: PveClient,
  { node, storage, content }: Inputs,
  { volumeId, bytes }: Image,
): Promise<boolean> {
  const volumes = await client
    .get<{ volid: string; size: number }[]>(`/nodes/${node}/storage/${storage}/content`, { content })
    .catch((error: unknown) => noVolumesFor(error));
  const found = volumes.find(({ volid }) => volid === volumeId);
  if (found === undefined || bytes === undefined || found.size === bytes) return found !== undefined;
  throw new ProviderError(`${volumeId} already exists with ${found.size} bytes, but the file has ${bytes}`, {
    hint: "It is another file, or damaged. Delete it, or choose another name.",
  });
}

/** Problems of the storage are reported by the preflight, together with all others. */
function noVolumesFor(error: unknown): [] {
  if (error instanceof ProviderError && /does not exist|not available|Permission check/.test(error.message))
    return [];
  throw error;
}

function download(client: PveClient, inputs: Inputs, { fileName, sha256 }: Image): Promise<void> {
  const { node, storage, content, source, verifyCertificates } = inputs;
  return runTask(client, {
    method: "POST",
    path: `/nodes/${node}/storage/${storage}/download-url`,
    params: {
      content,
      filename: fileName,
      url: source.url,
      checksum: sha256,
      "checksum-algorithm": "sha256",
      "verify-certificates": verifyCertificates,
    },
    what: `downloading ${source.url} to ${storage}`,
    timeoutSeconds: inputs.taskTimeoutSeconds,
  });
}

async function send(
  client: PveClient,
  inputs: Inputs,
  { fileName, sha256, bytes = 0 }: Image,
): Promise<void> {
  const { node, storage, content, source } = inputs;
  const what = `uploading ${source.file} to ${storage}`;
  const progress = client.context.progress(what);
  try {
    const upid = await upload(client, {
      path: `/nodes/${node}/storage/${storage}/upload`,
      fields: { content, "checksum-algorithm": "sha256", checksum: sha256 },
      file: { path: source.file ?? "", name: fileName, bytes },
    });
    await waitForTask(client, String(upid), what, inputs.taskTimeoutSeconds);
  } finally {
    progress.done();
  }
}

async function remove(
  client: PveClient,
  { node, storage, taskTimeoutSeconds }: Inputs,
  volumeId: string,
): Promise<void> {
  await runTask(client, {
    method: "DELETE",
    path: `/nodes/${node}/storage/${storage}/content/${encodeURIComponent(volumeId)}`,
    what: `deleting ${volumeId}`,
    timeoutSeconds: taskTimeoutSeconds,
  });
}

/** Waits until the storage lists a new file, which a shared storage may do later. */
async function waitUntilVisible(client: PveClient, inputs: Inputs, image: Image): Promise<void> {
  const start = performance.now();
  while (!(await has(client, inputs, image))) {
    if (performance.now() - start > inputs.visibleTimeoutSeconds * 1000) {
      throw new ProviderError(
        `${image.volumeId} was written, but ${inputs.storage} does not list it on ${inputs.node}`,
        {
          hint: "Apply again later, or raise visibleTimeoutSeconds.",
        },
      );
    }
    await sleep(0.2, client.context.signal);
  }
}
