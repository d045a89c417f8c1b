import type { ListEntriesResponse } from "@nixops4-providers/boot-api";
import type { GrpcContext } from "../context.ts";
import { entryToApi } from "../convert.ts";

export function listEntries({ core, scriptUrl }: GrpcContext): ListEntriesResponse {
  const { cursor } = core;
  return { entries: core.listEntries().map((entry) => entryToApi(entry, cursor, scriptUrl)), cursor };
}
