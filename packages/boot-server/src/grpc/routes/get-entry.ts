import type { Entry, GetEntryRequest } from "@nixops4-providers/boot-api";
import { Refusal } from "../../core/refusal.ts";
import type { GrpcContext } from "../context.ts";
import { entryToApi } from "../convert.ts";

export function getEntry({ core, scriptUrl }: GrpcContext, { id }: GetEntryRequest): Entry {
  const entry = core.getEntry(id);
  if (entry === undefined) throw new Refusal("absent", `there is no entry ${JSON.stringify(id)}`);
  return entryToApi(entry, core.cursor, scriptUrl);
}
