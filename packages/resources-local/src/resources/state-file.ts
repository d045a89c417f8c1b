import { stat } from "node:fs/promises";
import {
  createLog,
  DamagedLogError,
  openLog,
  type LogPosition,
  type OpenLog,
} from "@nixops4-providers/durable-log";
import {
  defineResource,
  fields,
  ProviderError,
  Type,
  type Context,
  type StateEvent,
  type Static,
} from "@nixops4-providers/provider-sdk";
import type { Document } from "../state/document.ts";
import { compactedEvent, initialEvent, isEvent, nextIndex, type LoggedEvent } from "../state/events.ts";

const inputs = fields({
  name: Type.String({
    minLength: 1,
    description: "The path of the state file. It is made with mode 0600, since states hold secrets.",
  }),
  compactAfterEvents: Type.Optional(
    Type.Integer({
      minimum: 1,
      description:
        "When the file holds more events than this at the start of an apply, they are replaced by one with the " +
        "state they add up to, so that old values, secrets among them, are gone from the file. When not set, never.",
    }),
  ),
  lockTimeoutSeconds: Type.Integer({
    minimum: 1,
    default: 60,
    description: "How many seconds to wait for another process that is using the file.",
  }),
});

const outputs = fields({});

type Inputs = Static<typeof inputs>;

export const stateFile = defineResource({
  type: "state_file",
  description:
    "A file that records the state of other resources: a sequence of JSON Patch (RFC 6902) events, in the format " +
    "of nixops4's own `state_file`. Each event is on the disk before nixops4 goes on. An event that a crash has " +
    "cut off is moved to a file beside it (`<name>.torn-…`); a file that is damaged otherwise is refused.",
  stateful: false,
  inputs,
  outputs,
  async create({ inputs }, context) {
    await ensureFile(inputs, context);
    return {};
  },
  state: { read, event: record },
});

/** What this process last knew of a state file. */
interface Session {
  position: LogPosition;
  /** Dropped when it is in doubt. */
  loaded: { state: Document; nextIndex: number } | undefined;
}

const sessions = new Map<string, Session>();

async function ensureFile(inputs: Inputs, context: Context): Promise<void> {
  const { name, compactAfterEvents = Infinity } = inputs;
  const size = (await stat(name).catch(() => undefined))?.size;
  if (size === undefined && (await explain(name, () => createLog(name, initialEvent())))) return;
  await withLog(inputs, context, "exclusive", async (log) => {
    // nixops4's own provider leaves an empty file when it dies before the first event.
    if ((await log.size()) === 0) return log.append(initialEvent());
    const { events } = await readEvents(name, log);
    const state = await stateFrom(name, events);
    if (events.length > compactAfterEvents) await log.replace([compactedEvent(events, state)]);
  });
}

async function read(inputs: Inputs, context: Context): Promise<Document> {
  return withLog(inputs, context, "shared", async (log) => {
    const { session, state } = await load(inputs.name, log);
    sessions.set(inputs.name, session);
    return state;
  });
}

async function record(inputs: Inputs, { event, nixopsVersion, patch }: StateEvent, context: Context) {
  const { name } = inputs;
  await withLog(inputs, context, "exclusive", async (log) => {
    let session = sessions.get(name);
    if (session !== undefined && session.position !== (await log.position())) {
      throw new ProviderError(
        `cannot record the event "${event}" in the state file ${name}: another process ` +
          "has changed it since this one read it",
        {
          hint: "The change itself was made, but is not recorded. Run apply again, one at a time: it starts from the file as it is now.",
        },
      );
    }
    if (session?.loaded === undefined) ({ session } = await load(name, log));
    const { state, nextIndex: index } = session.loaded!;
    // A patch that fails half-way leaves a state that is neither the old nor the new one.
    sessions.set(name, { position: session.position, loaded: undefined });
    const { applyPatch } = await import("../state/document.ts");
    const changed = applyPatch(state, patch);
    if ("failure" in changed) {
      throw new ProviderError(
        `cannot record the event "${event}" in the state file ${name}: ${changed.failure}`,
        {
          hint: "Nothing was written. If the file was changed by hand since the deployment started, run apply again.",
        },
      );
    }
    const meta = { time: new Date().toISOString(), event, nixopsVersion };
    await log.append({ index, meta, patch });
    sessions.set(name, {
      position: await log.position(),
      loaded: { state: changed.document, nextIndex: index + 1 },
    });
  });
}

async function load(name: string, log: OpenLog): Promise<{ session: Session; state: Document }> {
  const { events, torn } = await readEvents(name, log);
  const state = await stateFrom(name, events);
  // With the remains of a cut-off event still in the file, the next event has to come by here again.
  const loaded = torn ? undefined : { state, nextIndex: nextIndex(events) };
  return { session: { position: await log.position(), loaded }, state };
}

async function readEvents(name: string, log: OpenLog): Promise<{ events: LoggedEvent[]; torn: boolean }> {
  let records: unknown[];
  let torn: boolean;
  try {
    ({ records, torn } = await log.read());
  } catch (error) {
    if (!(error instanceof DamagedLogError)) throw error;
    if (error.wholeRecords === 0) {
      throw invalid(name, `error parsing initial state event: not JSON at byte ${error.offset}`);
    }
    throw invalid(name, `damaged at byte ${error.offset}, after ${error.wholeRecords} whole events`);
  }
  if (records.length === 0) throw invalid(name, "no initial state event");
  const events = records.map((event, position) => {
    if (!isEvent(event)) {
      const which = position === 0 ? "error parsing initial state event" : `event ${position}`;
      throw invalid(name, `${which}: not an object with index, meta.time and patch`);
    }
    if (position === 0 && event.index !== 0) {
      throw invalid(name, `Expected initial state event with index 0, got ${event.index}`);
    }
    return event;
  });
  return { events, torn };
}

async function stateFrom(name: string, events: readonly LoggedEvent[]): Promise<Document> {
  const { resolveState } = await import("../state/document.ts");
  const result = resolveState(events);
  if ("failure" in result) throw invalid(name, result.failure);
  return result.document;
}

async function withLog<T>(
  { name, lockTimeoutSeconds }: Inputs,
  context: Context,
  lock: "shared" | "exclusive",
  use: (log: OpenLog) => Promise<T>,
): Promise<T> {
  return explain(name, async () => {
    const log = await openLog(name, lock, {
      timeoutSeconds: lockTimeoutSeconds,
      signal: context.signal,
      onWait: () => context.log.info(`waiting for another process that is using the state file ${name}`),
      onRepair: (sideFile, bytes) =>
        context.log.warn(
          `the last event in ${name} had been cut off: its ${bytes} bytes were moved to ${sideFile}`,
        ),
    });
    try {
      return await use(log);
    } finally {
      await log.close();
    }
  });
}

async function explain<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof ProviderError) throw cause;
    throw new ProviderError(`Could not open state file: ${name}`, { cause });
  }
}

function invalid(name: string, why: string): ProviderError {
  return new ProviderError(`State file invalid: ${why} (in ${name})`, {
    hint: "Nothing was changed. Restore the file from a backup, or repair it by hand: each event is one JSON object.",
  });
}
