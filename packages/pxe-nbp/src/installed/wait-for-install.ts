import type { BootClient, Entry } from "@nixops4-providers/boot-api";
import {
  type Context,
  type ConvergeRequest,
  describeError,
  type Progress,
  ProviderError,
  timeoutSignal,
} from "@nixops4-providers/provider-sdk";
import { dateOf, describeProgress, describeState, hasStopped, macsOf } from "../describe-entry.ts";
import { followEntry, type Sight } from "./follow-entry.ts";
import type { Inputs, Outputs } from "./schema.ts";
import { dropRoots } from "../gc-roots.ts";
import { takeHardwareReport } from "./hardware-report.ts";
import { openBootService, untilReached } from "../server.ts";

const SHOWN_LOG_LINES = 20;
const HAS_ALL = "the machine has all it needs: its installer should begin soon";

/** Returns when the machine is installed. Throws if the install cannot succeed without an action of the operator. */
export async function waitForInstall(
  { inputs }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const client = await openBootService(inputs.server, context);
  try {
    return await watch(client, inputs, context);
  } finally {
    client.close();
  }
}

async function watch(client: BootClient, inputs: Inputs, context: Context): Promise<Outputs> {
  const { entryId, timeoutSeconds } = inputs;
  const timeUp = timeoutSignal(timeoutSeconds);
  const narrator = new Narrator(context);
  try {
    const signal = AbortSignal.any([context.signal, timeUp]);
    const entry = await untilReached(inputs.server, { ...context, signal }, () =>
      client.getEntry(entryId, { signal }),
    );
    for await (const sight of followEntry(client, entry, signal)) {
      const outputs = sight.kind === "entry" ? judge(sight.entry, inputs) : undefined;
      if (outputs !== undefined) {
        if (inputs.gcRootsFolder !== undefined) await dropRoots(inputs.gcRootsFolder, entryId);
        return { ...outputs, hardwareReport: await takeHardwareReport(client, inputs, context) };
      }
      narrator.tell(sight);
    }
    throw new Error("the events have ended");
  } catch (cause) {
    if (context.signal.aborted) {
      throw new ProviderError(`waiting for the install of ${entryId} was interrupted`, {
        cause: context.signal.reason,
      });
    }
    if (!timeUp.aborted) throw cause;
    throw timedOut(inputs, narrator);
  } finally {
    narrator.done();
  }
}

/** Returns the outputs, or `undefined` if the install is not finished. */
function judge(
  entry: Entry,
  { entryId, installGeneration }: Inputs,
): Omit<Outputs, "hardwareReport"> | undefined {
  const { phase, spec, report, endedAt = 0 } = entry;
  const generation = spec!.installGeneration;
  if (generation < installGeneration) {
    throw new ProviderError(
      `the entry ${entryId} has installGeneration ${generation}, and ${installGeneration} is waited for`,
      { path: "installGeneration", hint: "Set the same in its boot_entry and here, and apply again." },
    );
  }
  if (phase === "INSTALLED") {
    const { stage, message, log } = report ?? { stage: "", message: "", log: [] };
    return {
      installedAt: new Date(endedAt).toISOString(),
      report: report === null ? null : { stage, message, log },
    };
  }
  if (phase === "EXPIRED") {
    throw new ProviderError(`${entryId}: ${describeState(entry)}`, {
      hint: `Apply its boot_entry again, and let the machine ${macsOf(entry)} boot from the network.`,
    });
  }
  if (phase === "REFUSED") {
    throw new ProviderError(`${entryId}: ${describeState(entry)}${logTail(entry)}`, {
      hint: "When the cause is fixed, apply again, and let the machine boot from the network.",
    });
  }
  if (hasStopped(entry) && spec!.onInterrupted !== "RETRY") {
    throw new ProviderError(`${entryId}: ${describeState(entry)}${logTail(entry)}`, {
      hint:
        `When the cause is found, set installGeneration to ${generation + 1} in its boot_entry and here, apply again, ` +
        "and let the machine boot from the network. That wipes its disk.",
    });
  }
  return undefined;
}

/** Reports events, each once. */
class Narrator {
  /** The last known state of the entry. */
  entry: Entry | undefined;
  /** The reason why the service cannot be reached now. */
  outage: Error | undefined;
  readonly #context: Context;
  #progress: Progress | undefined;
  #lastState = "";
  #downloads = new Set<string>();
  /** Later events of a download are outdated. */
  #hasAll = false;

  constructor(context: Context) {
    this.#context = context;
  }

  tell(sight: Sight): void {
    if (sight.kind === "outage") return this.#tellOutage(sight.error);
    if (this.outage !== undefined) {
      this.outage = undefined;
      this.#context.log.info("the boot service answers again");
    }
    if (sight.kind === "download") return this.#tellDownload(sight.download);
    this.#tellEntry(sight.entry, sight.step);
  }

  done(): void {
    this.#progress?.done();
  }

  #tellEntry(entry: Entry, step: string | undefined): void {
    const { log } = this.#context;
    this.entry = entry;
    this.#progress ??= this.#context.progress(`waiting until ${entry.spec!.id} is installed`);
    if (step === "booted") {
      this.#downloads.clear();
      this.#hasAll = false;
    }
    if (step === "delivered") {
      this.#hasAll = true;
      log.info(HAS_ALL);
    }
    const state = describeState(entry);
    if (state !== this.#lastState) {
      this.#lastState = state;
      if (hasStopped(entry)) log.warn(`${state}; waiting for the next network boot${logTail(entry)}`);
      else log.info(state);
    }
    const isLoaded = entry.phase === "BOOTING" && this.#hasAll;
    this.#progress.update(isLoaded ? HAS_ALL : describeProgress(entry) || state);
  }

  #tellDownload({ name, sent, size }: { name: string; sent: number; size: number }): void {
    if (this.#hasAll) return;
    if (!this.#downloads.has(name)) this.#context.log.info(`the machine is loading ${name}`);
    this.#downloads.add(name);
    this.#progress?.update(`${name} ${size === 0 ? 100 : Math.floor((100 * sent) / size)} %`);
  }

  #tellOutage(error: Error): void {
    if (this.outage === undefined)
      this.#context.log.warn(`${describeError(error).split("\n")[0]}; trying again`);
    this.outage = error;
    this.#progress?.update("the boot service does not answer");
  }
}

function timedOut({ entryId, timeoutSeconds }: Inputs, { entry, outage }: Narrator): ProviderError {
  const state = entry === undefined ? "the boot service did not answer" : describeState(entry);
  return new ProviderError(`${entryId} was not installed within ${timeoutSeconds} s: ${state}`, {
    cause: outage,
    hint: entry === undefined ? undefined : nextStep(entry),
  });
}

function nextStep(entry: Entry): string {
  if (entry.phase === "ARMED") {
    return (
      `Turn the machine on and let it boot from the network before ${dateOf(entry.expiresAt)}; then apply again. ` +
      "The service's status page shows which machines it has seen."
    );
  }
  if (entry.phase === "BOOTING") {
    return "Look at the machine's console and at the service's status page; then apply again.";
  }
  return "Apply again to wait for longer.";
}

function logTail({ report }: Entry): string {
  const lines = report?.log.slice(-SHOWN_LOG_LINES) ?? [];
  return lines.length === 0 ? "" : `\nThe end of its log:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}
