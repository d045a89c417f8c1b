import { stat } from "node:fs/promises";
import {
  createLog,
  DamagedLogError,
  openLog,
  type LogPosition,
  type OpenLog,
  withPlace,
} from "@nixops4-providers/durable-log";
import {
  defineResource,
  fields,
  ProviderError,
  Type,
  type Context,
  type StateEvent,
  type Static,
  warnOfStoreCopy,
  secondsField,
} from "@nixops4-providers/provider-sdk";
import { compactedEvent, initialEvent, isEvent, nextIndex } from "../state/events.ts";
import type { Document, LoggedEvent } from "../state/model.ts";
import docs from "./state-file.md";

const inputs = fields({
  name: Type.String({
    minLength: 1,
    localPath: true,
    description:
      "The path of the state file. It gets mode 0600, and missing folders 0700, since states hold secrets. Choose a path outside of the flake's " +
      "folder, which Nix copies to its store.",
  }),
  compactAfterEvents: Type.Optional(
    Type.Integer({
      minimum: 1,
      description:
        "If the file has more events than this at the start of an apply, one event with the resulting state replaces " +
        "them. Old values, including secrets, are then removed from the file. When not set, this never happens.",
    }),
  ),
  lockTimeoutSeconds: secondsField(
    "How many seconds to wait for another deployment that is using the file. It is locked from the moment that " +
      "nixops4 reads the state until nixops4 ends; `nixops4 state dump` waits, too.",
    { default: 60 },
  ),
});

const outputs = fields({});

type Inputs = Static<typeof inputs>;

export const stateFile = defineResource({
  type: "state_file",
  description:
    "A file that records the state of other resources: a sequence of JSON Patch (RFC 6902) events, in the format " +
    "of nixops4's own `state_file`. Each event is stored durably before nixops4 goes on. An event that a crash has " +
    "truncated is moved to a file beside it (`<name>.torn-…`). A file with other damage is refused.",
  docs,
  stateful: false,
  inputs,
  outputs,
  async create({ inputs }, context) {
    await ensureFile(inputs, context);
    return {};
  },
  state: { read, event: record },
});

/** A state file that this process has read, and keeps locked until it ends. */
interface OpenState {
  log: OpenLog;
  /** `undefined` if it could not be determined. */
  position: LogPosition | undefined;
  /** `undefined` if the contents are uncertain. */
  loaded: { state: Document; nextIndex: number } | undefined;
}

const openStates = new Map<string, OpenState>();

async function createFile(name: string): Promise<boolean> {
  await withPlace(name, { folderMode: 0o700 }, async () => {});
  return createLog(name, initialEvent());
}

async function ensureFile(inputs: Inputs, context: Context): Promise<void> {
  const { name, compactAfterEvents = Infinity } = inputs;
  await warnOfStoreCopy(name, "the state file", context);
  const size = (await stat(name).catch(() => undefined))?.size;
  if (size === undefined && (await explain(name, () => createFile(name)))) return;
  await withLog(inputs, context, async (log) => {
    // nixops4's own provider leaves an empty file if it is killed before the first event. So does createLog on a file
    // system without hard links.
    if ((await log.size()) === 0) {
      await log.replace([initialEvent()]);
      return;
    }
    const { events } = await readEvents(name, log);
    const state = await stateFrom(name, events);
    if (events.length > compactAfterEvents) await log.replace([compactedEvent(events, state)]);
  });
}

/**
 * Reads the state, and locks the file until the process ends, because a deployment that starts from this state must be able
 * to record its changes. `nixops4 state dump` cannot be distinguished, but its process ends at once.
 */
async function read(inputs: Inputs, context: Context): Promise<Document> {
  const { name } = inputs;
  return explain(name, async () => {
    const log = await openUntilEnd(inputs, context);
    const { opened, state } = await load(name, log);
    openStates.set(name, opened);
    return state;
  });
}

async function openUntilEnd(inputs: Inputs, context: Context): Promise<OpenLog> {
  const held = openStates.get(inputs.name)?.log;
  if (held !== undefined && (await held.isInPlace())) return held;
  openStates.delete(inputs.name);
  await held?.close();
  const log = await openToRead(inputs, context);
  openStates.set(inputs.name, { log, position: positionOf(log), loaded: undefined });
  return log;
}

async function record(inputs: Inputs, event: StateEvent, context: Context): Promise<void> {
  const { name } = inputs;
  const opened = openStates.get(name);
  if (opened === undefined) {
    return withLog(inputs, context, async (log) => {
      await append(name, (await load(name, log)).opened, event);
    });
  }
  await explain(name, async () => {
    const { log, position, loaded } = opened;
    if (position !== undefined && !log.isStillAt(position)) {
      throw new ProviderError(
        `cannot record the event "${event.event}" in the state file ${name}: another process ` +
          "has changed the file since this process read it",
        {
          hint: "The resource was changed, but the change is not recorded. Run apply again, and only one apply at a time.",
        },
      );
    }
    const isKnown = position !== undefined && loaded !== undefined;
    const current = isKnown ? opened : (await load(name, log)).opened;
    openStates.set(name, current);
    openStates.set(name, await append(name, current, event));
  });
}

/** Appends an event. Returns the open state after it. If it fails, the next event reads the file again. */
async function append(name: string, opened: OpenState, request: StateEvent): Promise<OpenState> {
  const { log } = opened;
  const { event, nixopsVersion, patch } = request;
  const { state, nextIndex: index } = opened.loaded!;
  const { applyPatch } = await import("../state/document.ts");
  // A patch that fails leaves a state with a part of its changes.
  opened.loaded = undefined;
  const changed = applyPatch(state, patch);
  if ("failure" in changed) {
    throw new ProviderError(
      `cannot record the event "${event}" in the state file ${name}: ${changed.failure}`,
      {
        hint: "Nothing was written. If the file was edited by hand during the deployment, run apply again.",
      },
    );
  }
  const meta = { time: new Date().toISOString(), event, nixopsVersion };
  try {
    await log.append({ index, meta, patch });
  } catch (error) {
    // This process has the lock, so only its own failed write can have changed the file.
    opened.position = positionOf(log);
    throw error;
  }
  return {
    log,
    position: positionOf(log),
    loaded: { state: changed.document, nextIndex: index + 1 },
  };
}

/** Returns the position; `undefined` if it cannot be read, because an event that was stored must not be answered with an error. */
function positionOf(log: OpenLog): LogPosition | undefined {
  try {
    return log.position();
  } catch {
    return undefined;
  }
}

async function load(name: string, log: OpenLog): Promise<{ opened: OpenState; state: Document }> {
  const { events } = await readEvents(name, log);
  const state = await stateFrom(name, events);
  const loaded = { state, nextIndex: nextIndex(events) };
  return { opened: { log, position: positionOf(log), loaded }, state };
}

async function readEvents(name: string, log: OpenLog): Promise<{ events: LoggedEvent[] }> {
  let records: unknown[];
  try {
    ({ records } = await log.read());
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
  return { events };
}

async function stateFrom(name: string, events: readonly LoggedEvent[]): Promise<Document> {
  const { resolveState } = await import("../state/document.ts");
  const result = resolveState(events);
  if ("failure" in result) throw invalid(name, result.failure);
  return result.document;
}

async function withLog(
  inputs: Inputs,
  context: Context,
  use: (log: OpenLog) => Promise<void>,
): Promise<void> {
  const { name } = inputs;
  const held = openStates.get(name)?.log;
  openStates.delete(name);
  return explain(name, async () => {
    const isHeld = held !== undefined && (await held.isInPlace());
    if (!isHeld) await held?.close();
    const log = isHeld ? held : await open(inputs, context);
    try {
      await use(log);
    } finally {
      await log.close();
    }
  });
}

async function openToRead(inputs: Inputs, context: Context): Promise<OpenLog> {
  try {
    return await open(inputs, context);
  } catch (error) {
    // A user who may only read the file cannot deploy, but can show the state.
    if (!["EACCES", "EROFS"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    return open(inputs, context, "shared");
  }
}

async function open(
  { name, lockTimeoutSeconds }: Inputs,
  context: Context,
  lock: "shared" | "exclusive" = "exclusive",
): Promise<OpenLog> {
  const log = await openLog(name, lock, {
    timeoutSeconds: lockTimeoutSeconds,
    signal: context.signal,
    onWait: () => context.log.info(`waiting for another deployment that is using the state file ${name}`),
    onRepair: (sideFile, bytes) =>
      context.log.warn(
        `the last event in ${name} had been cut off: its ${bytes} bytes were moved to ${sideFile}`,
      ),
  });
  try {
    if (lock === "exclusive") await restrict(name, log, context);
    return log;
  } catch (error) {
    await log.close();
    throw error;
  }
}

async function restrict(name: string, log: OpenLog, context: Context): Promise<void> {
  try {
    const mode = await log.restrict();
    if (mode === undefined) return;
    context.log.warn(`${name} was open to others (mode ${mode.toString(8)}) and has mode 0600 now`);
  } catch (error) {
    // The file system has no modes. Warn, since states hold secrets.
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    context.log.warn(`others may read ${name}, and its mode cannot be changed: ${(error as Error).message}`);
  }
}

async function explain<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof ProviderError && cause.message.includes(name)) throw cause;
    throw new ProviderError(`Could not use the state file ${name}`, { cause });
  }
}

function invalid(name: string, why: string): ProviderError {
  return new ProviderError(`State file invalid: ${why} (in ${name})`, {
    hint: "Nothing was changed. Restore the file from a backup, or repair it by hand: each event is one JSON object.",
  });
}
