import type { PutEntryRequest, PutEntryResponse } from "@nixops4-providers/boot-api";
import type { GrpcContext } from "../context.ts";
import { entryToApi, specFromApi } from "../convert.ts";

export async function putEntry(
  { core, scriptUrl }: GrpcContext,
  request: PutEntryRequest,
): Promise<PutEntryResponse> {
  const spec = specFromApi(request.spec);
  const { entry, changed } = await core.putEntry(spec);
  // Read together with the cursor, so that both describe the same state.
  const current = core.getEntry(spec.id) ?? entry;
  return { entry: entryToApi(current, core.cursor, scriptUrl), changed };
}
