import type { GetHardwareReportRequest, HardwareReport } from "@nixops4-providers/boot-api";
import type { GrpcContext } from "../context.ts";

export async function getHardwareReport(
  { core }: GrpcContext,
  { entryId }: GetHardwareReportRequest,
): Promise<HardwareReport> {
  return { gzip: (await core.hardwareReport(entryId)) ?? new Uint8Array() };
}
