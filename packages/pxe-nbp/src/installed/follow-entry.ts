import type { BootClient, Download, Entry, StatusName } from "@nixops4-providers/boot-api";
import { ProviderError, sleep } from "@nixops4-providers/provider-sdk";

/** An event of an entry, or a loss of the connection. */
export type Sight =
  | { kind: "entry"; entry: Entry; step: string | undefined }
  | { kind: "download"; download: Download }
  | { kind: "outage"; error: Error };

const RETRY_SECONDS = 1;

/** After these errors the entry is fetched again: the server restarts, or the cursor is too old. */
const PASSING: ReadonlySet<unknown> = new Set<StatusName>([
  "ABORTED",
  "CANCELLED",
  "DEADLINE_EXCEEDED",
  "INTERNAL",
  "OUT_OF_RANGE",
  "RESOURCE_EXHAUSTED",
  "UNAVAILABLE",
  "UNKNOWN",
]);

/**
 * Yields the entry, and then each of its events, without end. Reconnects when the connection is lost.
 */
export async function* followEntry(
  client: BootClient,
  entry: Entry,
  signal: AbortSignal,
): AsyncGenerator<Sight> {
  const { id } = entry.spec!;
  for (;;) {
    yield { kind: "entry", entry, step: undefined };
    let outage: Error | undefined;
    try {
      for await (const event of client.watchEvents({ entryId: id, afterCursor: entry.cursor }, { signal })) {
        if (event.download !== undefined) yield { kind: "download", download: event.download };
        if (event.step === undefined) continue;
        if (event.step.entry === null) throw removed(id);
        yield { kind: "entry", entry: event.step.entry, step: event.step.kind };
      }
    } catch (error) {
      outage = passing(error, signal);
    }
    for (let again: Entry | undefined; again === undefined;) {
      if (outage !== undefined && !hasCode(outage, "OUT_OF_RANGE")) yield { kind: "outage", error: outage };
      await sleep(RETRY_SECONDS, signal);
      try {
        entry = again = await client.getEntry(id, { signal });
      } catch (error) {
        outage = passing(error, signal);
      }
    }
  }
}

function passing(error: unknown, signal: AbortSignal): Error {
  if (signal.aborted || !(error instanceof Error) || !PASSING.has((error as { code?: unknown }).code))
    throw error;
  return error;
}

function hasCode(error: Error, code: StatusName): boolean {
  return (error as { code?: unknown }).code === code;
}

function removed(id: string): ProviderError {
  return new ProviderError(`the entry ${id} was removed from the boot service`, {
    hint: "Apply its boot_entry again.",
  });
}
