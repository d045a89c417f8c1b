import type { FindMissingAssetsRequest, FindMissingAssetsResponse } from "@nixops4-providers/boot-api";
import type { GrpcContext } from "../context.ts";
import { assetFromApi } from "../convert.ts";

export async function findMissingAssets(
  { core }: GrpcContext,
  { assets }: FindMissingAssetsRequest,
): Promise<FindMissingAssetsResponse> {
  const sources = assets.map(({ asset, storePath }, i) => ({
    asset: assetFromApi(`assets.${i}.asset`, asset),
    storePath,
  }));
  return { missing: await core.findMissingAssets(sources) };
}
