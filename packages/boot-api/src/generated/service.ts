// Generated from proto/boot.proto by `npm run gen`.
import { defineMethod } from "../message-type.ts";
import { nixops4 } from "./messages.js";
const messages = nixops4.boot.v1;
export const bootServiceDefinition = {
  putEntry: defineMethod("/nixops4.boot.v1.BootService/PutEntry", false, false, messages.PutEntryRequest, messages.PutEntryResponse),
  getEntry: defineMethod("/nixops4.boot.v1.BootService/GetEntry", false, false, messages.GetEntryRequest, messages.Entry),
  getHardwareReport: defineMethod("/nixops4.boot.v1.BootService/GetHardwareReport", false, false, messages.GetHardwareReportRequest, messages.HardwareReport),
  listEntries: defineMethod("/nixops4.boot.v1.BootService/ListEntries", false, false, messages.ListEntriesRequest, messages.ListEntriesResponse),
  deleteEntry: defineMethod("/nixops4.boot.v1.BootService/DeleteEntry", false, false, messages.DeleteEntryRequest, messages.DeleteEntryResponse),
  findMissingAssets: defineMethod("/nixops4.boot.v1.BootService/FindMissingAssets", false, false, messages.FindMissingAssetsRequest, messages.FindMissingAssetsResponse),
  uploadAsset: defineMethod("/nixops4.boot.v1.BootService/UploadAsset", true, false, messages.UploadAssetRequest, messages.UploadAssetResponse),
  watchEvents: defineMethod("/nixops4.boot.v1.BootService/WatchEvents", false, true, messages.WatchEventsRequest, messages.Event),
};
