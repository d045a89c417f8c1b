import type { Entry, Report } from "@nixops4-providers/boot-api";

/** Describes the result of a put in one sentence. */
export function describePut(entry: Entry, changed: boolean): { text: string; isWarning: boolean } {
  const { phase, spec } = entry;
  const { id, installGeneration: generation } = spec!;
  if (hasStopped(entry)) {
    const next =
      spec!.onInterrupted === "RETRY"
        ? "the next network boot installs it again"
        : `nothing is installed until installGeneration is higher than ${generation}`;
    return { text: `entry ${id}: ${describeState(entry)}; ${next}`, isWarning: true };
  }
  if (changed && (phase === "INSTALLING" || phase === "INSTALLED")) {
    const text =
      `entry ${id} has changed, but ${describeState(entry)}: ` +
      `that takes effect with a higher installGeneration than ${generation}`;
    return { text, isWarning: true };
  }
  if (changed && phase === "ARMED") {
    const text =
      `entry ${id} is armed: the machine ${macsOf(entry)} installs itself (generation ${generation}) when it boots ` +
      `from the network before ${dateOf(entry.expiresAt)}`;
    return { text, isWarning: false };
  }
  const text = `entry ${id} ${changed ? "has changed" : "is unchanged"}: ${describeState(entry)}`;
  return { text, isWarning: false };
}

/** Describes the state of the machine. */
export function describeState(entry: Entry): string {
  const { phase, boot, report, reason } = entry;
  const ended = entry.endedAt === undefined ? "" : ` on ${dateOf(entry.endedAt)}`;
  switch (phase) {
    case "PHASE_UNSPECIFIED":
      return "it is in a state that only a newer provider knows";
    case "ARMED":
      return `waiting for the machine ${macsOf(entry)} to boot from the network, since ${dateOf(entry.armedAt)}${report === null ? "" : `; its last boot refused to begin${inStage(report)}`}`;
    case "BOOTING":
      return boot === null
        ? "the machine is booting"
        : `${boot.mac} has fetched its boot script from ${boot.address} (${boot.firmware}, ${boot.architecture})`;
    case "REFUSED":
      return `the installer refused to begin${ended}, and touched no disk${report === null ? "" : `;${inStage(report)}`}`;
    case "INSTALLING":
      return report === null ? "the installer has begun" : `the installer is at the stage ${report.stage}`;
    case "INSTALLED":
      return `the machine was installed${ended}`;
    case "FAILED":
      return `the install failed${ended}${report === null ? withColon(reason) : inStage(report)}`;
    case "INTERRUPTED":
      return `the install was interrupted${ended}${report === null ? "" : ` after the stage ${report.stage}`}${withColon(reason)}`;
    case "EXPIRED":
      return `the entry expired${ended}: the machine had not begun to install`;
  }
}

/** Describes the progress of the current stage. */
export function describeProgress({ report }: Entry): string {
  const percent = report?.percent === undefined ? "" : `${Math.floor(report.percent)} %`;
  return [report?.stage, percent, report?.message].filter(Boolean).join(", ");
}

export function hasStopped({ phase }: Entry): boolean {
  return phase === "FAILED" || phase === "INTERRUPTED";
}

export function macsOf({ spec }: Entry): string {
  return spec!.macs.join(", ");
}

export function dateOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
}

function inStage({ stage, message }: Report): string {
  return ` in the stage ${stage}${withColon(message)}`;
}

function withColon(text: string): string {
  return text === "" ? "" : `: ${text}`;
}
