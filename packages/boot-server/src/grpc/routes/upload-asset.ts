import type { UploadAssetRequest, UploadAssetResponse } from "@nixops4-providers/boot-api";
import { Refusal } from "../../core/refusal.ts";
import type { GrpcContext } from "../context.ts";
import { assetFromApi } from "../convert.ts";

export async function uploadAsset(
  { core }: GrpcContext,
  requests: AsyncIterable<UploadAssetRequest>,
): Promise<UploadAssetResponse> {
  const parts = requests[Symbol.asyncIterator]();
  const first = (await parts.next()) as IteratorResult<UploadAssetRequest, undefined>;
  const asset = assetFromApi("asset, in the first message", first.value?.asset);
  await core.addAsset(asset, bytesOf({ [Symbol.asyncIterator]: () => parts }));
  return {};
}

async function* bytesOf(parts: AsyncIterable<UploadAssetRequest>): AsyncIterable<Uint8Array> {
  for await (const { data } of parts) {
    if (data === undefined) throw new Refusal("invalid", "data: must be set in all messages but the first");
    yield data;
  }
}
