import { gunzip } from "node:zlib";
import { promisify } from "node:util";
import { replaceFile } from "@nixops4-providers/durable-log";
import type { BootClient } from "@nixops4-providers/boot-api";
import { type Context, ProviderError } from "@nixops4-providers/provider-sdk";
import type { Inputs } from "./schema.ts";

const MAX_REPORT_BYTES = 4 * 1024 * 1024;

/** Gets the report if the inputs request it, writes the file, and returns the output. */
export async function takeHardwareReport(
  client: BootClient,
  { entryId, hardwareReport, hardwareReportFile }: Inputs,
  { log, signal }: Context,
): Promise<string | null> {
  if (!hardwareReport && hardwareReportFile === undefined) return null;
  const { gzip } = await client.getHardwareReport(entryId, { signal });
  if (gzip.length === 0) {
    log.warn(`the installer of ${entryId} has not reported what hardware it found`);
    return null;
  }
  const report = await unpackReport(entryId, gzip);
  if (hardwareReportFile !== undefined) await writeReport(hardwareReportFile, report);
  return hardwareReport ? report : null;
}

/**
 * Returns the report as one line of ASCII. The machine is not trusted, so the text must not control a terminal. Numbers
 * stay as they were written.
 */
async function unpackReport(entryId: string, gzip: Uint8Array): Promise<string> {
  try {
    const text = (await promisify(gunzip)(gzip, { maxOutputLength: MAX_REPORT_BYTES })).toString("utf8");
    checkReport(JSON.parse(text));
    // Characters below the space are outside of strings, where JSON allows them as white space only.
    return text
      .trim()
      .replace(/[\t\n\r]/g, " ")
      .replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  } catch (error) {
    // The message of a JSON error quotes its input.
    const cause = error instanceof SyntaxError ? new Error("it is not JSON") : error;
    throw new ProviderError(`cannot use what the installer of ${entryId} has reported of its hardware`, {
      cause,
      hint: "Set neither hardwareReport nor hardwareReportFile to go on without it.",
    });
  }
}

function checkReport(report: unknown): void {
  const { version, system, hardware } = (report ?? {}) as Record<string, unknown>;
  const isReport =
    typeof version === "number" &&
    typeof system === "string" &&
    typeof hardware === "object" &&
    hardware !== null &&
    !Array.isArray(hardware);
  if (!isReport)
    throw new Error("it is not a report of nixos-facter: version, system or hardware is missing");
}

async function writeReport(path: string, report: string): Promise<void> {
  try {
    await replaceFile(path, `${report}\n`);
  } catch (cause) {
    throw new ProviderError(`cannot write the hardware report to ${path}`, {
      path: "hardwareReportFile",
      cause,
    });
  }
}
