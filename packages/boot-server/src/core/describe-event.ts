import type { Event, InstallReport } from "./model.ts";

/** One line for a machine's timeline, without secrets. */
export function describeEvent(event: Event): string {
  switch (event.kind) {
    case "put":
      return `Entry put, generation ${event.spec.installGeneration}`;
    case "renewed":
      return "Entry put again, unchanged";
    case "deleted":
      return "Entry deleted";
    case "booted":
      return `Fetched the install script from ${event.boot.address} (${event.boot.firmware}, ${event.boot.architecture})`;
    case "delivered":
      return "Received its overlay";
    case "refused":
      return withReport("Refused to install", event.report);
    case "claimed":
      return `Claimed the install from ${event.claim.address}`;
    case "reported":
      return withReport("Reports", event.report);
    case "installed":
      return "Installed";
    case "failed":
      return withReport("Failed", event.report);
    case "interrupted":
      return `Interrupted: ${event.reason}`;
    case "expired":
      return "The entry expired: nobody claimed the install";
  }
}

function withReport(what: string, { stage, message }: InstallReport): string {
  return [what, stage, message].filter(Boolean).join(": ");
}
