import type { DeleteEntryRequest, DeleteEntryResponse } from "@nixops4-providers/boot-api";
import type { GrpcContext } from "../context.ts";

export async function deleteEntry(
  { core }: GrpcContext,
  { id }: DeleteEntryRequest,
): Promise<DeleteEntryResponse> {
  return { deleted: await core.deleteEntry(id) };
}
