import type { Event } from "./model.ts";

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
      return ["Refused to install", event.report.stage, event.report.message].filter(Boolean).join(": ");
    case "claimed":
      return `Claimed the install from ${event.claim.address}`;
    case "reported":
      return ["Reports", event.report.stage, event.report.message].filter(Boolean).join(": ");
    case "installed":
      return "Installed";
    case "failed":
      return ["Failed", event.report.stage, event.report.message].filter(Boolean).join(": ");
    case "interrupted":
      return `Interrupted: ${event.reason}`;
    case "expired":
      return "The entry expired: nobody claimed the install";
  }
}
