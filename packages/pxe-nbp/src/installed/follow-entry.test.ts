import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import type { BootClient, Entry, Event } from "@nixops4-providers/boot-api";
import { followEntry, type Sight } from "./follow-entry.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const entryAt = (cursor: number) => ({ spec: { id: "web" }, cursor }) as Entry;
const failure = (code: string | undefined) => Object.assign(new Error(`failed: ${code}`), { code });
const step = (kind: string, entry: Entry | null) => ({ step: { kind, entry } }) as Event;
const download = { download: { name: "kernel", sent: 1, size: 2 } } as Event;

/** Follows an entry. Each watch yields some events and then fails, or ends; each question has an answer or fails. */
async function follow(
  watches: (Event | Error)[][],
  answers: (Entry | Error)[],
  abort = new AbortController(),
) {
  const cursors: (number | undefined)[] = [];
  let asked = 0;
  const client = {
    async *watchEvents({ afterCursor }: { afterCursor?: number }) {
      cursors.push(afterCursor);
      const events = watches.shift();
      if (events === undefined) {
        abort.abort(new Error("the end of the test"));
        throw abort.signal.reason;
      }
      for (const event of events) {
        if (event instanceof Error) throw event;
        yield event;
      }
    },
    getEntry: async () => {
      asked++;
      const answer = answers.shift()!;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  } as unknown as BootClient;
  const sights: string[] = [];
  const seen = async () => {
    for await (const sight of followEntry(client, entryAt(1), abort.signal)) sights.push(textOf(sight));
  };
  const end = seen().then(
    () => "ended",
    (error: unknown) => error as Error & { hint?: string },
  );
  await jest.advanceTimersByTimeAsync(100_000);
  const error = await end;
  return { sights, cursors, asked, error };
}

function textOf(sight: Sight): string {
  if (sight.kind === "outage") return sight.error.message;
  if (sight.kind === "download") return `download of ${sight.download.name}`;
  return `entry ${sight.entry.cursor}${sight.step === undefined ? "" : ` ${sight.step}`}`;
}

describe("an entry", () => {
  it("is followed by its steps and its downloads", async () => {
    const events = [step("booted", entryAt(2)), download, {} as Event, step("claimed", entryAt(3))];
    expect(await follow([events], [entryAt(4)])).toMatchObject({
      sights: ["entry 1", "entry 2 booted", "download of kernel", "entry 3 claimed", "entry 4"],
      cursors: [1, 4],
      asked: 1,
      error: { message: "the end of the test" },
    });
  });

  it("that is removed is an error", async () => {
    const { sights, error } = await follow([[step("deleted", null), step("booted", entryAt(2))]], []);
    expect(sights).toEqual(["entry 1"]);
    expect(error).toMatchObject({
      message: "the entry web was removed from the boot service",
      hint: "Apply its boot_entry again.",
    });
  });
});

describe("an error", () => {
  const codes = [
    "ABORTED",
    "CANCELLED",
    "DEADLINE_EXCEEDED",
    "INTERNAL",
    "RESOURCE_EXHAUSTED",
    "UNAVAILABLE",
    "UNKNOWN",
  ];
  it.each(codes)("%s is an outage, after which the entry is fetched again", async (code) => {
    expect(await follow([[failure(code)]], [entryAt(2)])).toMatchObject({
      sights: ["entry 1", `failed: ${code}`, "entry 2"],
      cursors: [1, 2],
    });
  });

  it("of an old cursor is no outage", async () => {
    expect(await follow([[failure("OUT_OF_RANGE")]], [entryAt(2)])).toMatchObject({
      sights: ["entry 1", "entry 2"],
    });
  });

  it("lasts until the entry was fetched", async () => {
    const answers = [failure("UNAVAILABLE"), failure("UNAVAILABLE"), entryAt(2)];
    expect(await follow([[failure("INTERNAL")]], answers)).toMatchObject({
      sights: ["entry 1", "failed: INTERNAL", "failed: UNAVAILABLE", "failed: UNAVAILABLE", "entry 2"],
      asked: 3,
    });
  });

  it.each([
    ["while it is watched", [[failure("PERMISSION_DENIED")]], []],
    ["without a code", [[failure(undefined)]], []],
    ["while it is fetched", [[]], [failure("NOT_FOUND")]],
  ])("%s may stay, and is passed on", async (_, watches, answers) => {
    const error = (watches[0]![0] ?? answers[0]) as Error;
    expect(await follow(watches, answers)).toMatchObject({ sights: ["entry 1"], error });
  });

  it("after an interrupt is passed on", async () => {
    const error = failure("CANCELLED");
    const abort = new AbortController();
    abort.abort(new Error("interrupted"));
    expect((await follow([[error]], [], abort)).error).toBe(error);
  });
});
