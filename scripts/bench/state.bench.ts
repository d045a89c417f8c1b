import { existsSync } from "node:fs";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseRecords } from "@nixops4-providers/durable-log";
import { resolveState } from "@nixops4-providers/resources-local/state";
import { builtProvider, type ProviderProcess, runOperation } from "@nixops4-providers/e2e";
import { median, report } from "./measure.ts";

const EVENTS = 100_000;
const EVENTS_READ = 10_000;
const APPENDS = 41;
const READS = 11;
const RECORDED = 200;
const EVENT_GOAL = 1.5;
const APPEND_GOAL = 1.5;
const READ_GOAL = 3;

/** Measures whether a state_file stays fast when it grows. */
export async function bench(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bench-state-"));
  try {
    const small = join(folder, "small.json");
    const large = join(folder, "large.json");
    await writeFile(small, stateFile(10), { mode: 0o600 });
    await writeFile(large, stateFile(EVENTS), { mode: 0o600 });
    await benchEvents(folder);
    await benchAppend(small, large);
    benchRead(Buffer.from(stateFile(EVENTS_READ)));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * Records events as nixops4 does for a deployment of this many members, and compares the time with that of nixops4's
 * own provider and of fsync.
 */
async function benchEvents(folder: string): Promise<void> {
  const upstream = join(process.env["NIXOPS4_UPSTREAM_BIN"] ?? "", "nixops4-resources-local");
  console.log(`\nRecording ${RECORDED} events in a new state_file (medians, in turns)`);
  if (!existsSync(upstream)) return console.log("  skipped without NIXOPS4_UPSTREAM_BIN");
  const file = await open(join(folder, "fsync"), "a");
  const times: { ours: number; theirs: number; fsync: number }[] = [];
  await runOperation(builtProvider("local"), (ours) =>
    runOperation(upstream, async (theirs) => {
      const recordOurs = await recorder(ours, join(folder, "ours.json"));
      const recordTheirs = await recorder(theirs, join(folder, "theirs.json"));
      for (let index = 0; index < RECORDED; index++) {
        const patch = patchOf(index);
        times.push({
          ours: await timed(() => recordOurs(patch)),
          theirs: await timed(() => recordTheirs(patch)),
          fsync: await timed(() => file.appendFile(JSON.stringify(patch, null, 2)).then(() => file.sync())),
        });
      }
    }),
  );
  await file.close();
  const ratio = median(times.map(({ ours, theirs, fsync }) => ours / (theirs + fsync)));
  report("an append and an fsync", `${median(times.map(({ fsync }) => fsync)).toFixed(2)} ms`);
  report(
    "nixops4's own provider, without fsync",
    `${median(times.map(({ theirs }) => theirs)).toFixed(2)} ms`,
  );
  report("our provider", `${median(times.map(({ ours }) => ours)).toFixed(2)} ms`, {
    met: ratio <= EVENT_GOAL,
    text: `${ratio.toFixed(2)} of at most ${EVENT_GOAL} times the sum of both`,
  });
}

async function recorder(provider: ProviderProcess, name: string) {
  const resource = { type: "state_file", inputProperties: { name } };
  await provider.create("state_file", { name });
  await provider.stateRead(resource);
  return (patch: object[]) => provider.stateEvent({ resource, event: "create", nixopsVersion: "1", patch });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function benchAppend(small: string, large: string): Promise<void> {
  console.log(`\nAppending an event to a state_file (medians of ${APPENDS}, in turns, one process each)`);
  await runOperation(builtProvider("local"), async (smallProvider) => {
    await runOperation(builtProvider("local"), async (largeProvider) => {
      const append = async (provider: typeof smallProvider, name: string, index: number) => {
        const patch = patchOf(EVENTS + index);
        const resource = { type: "state_file", inputProperties: { name } };
        const started = performance.now();
        await provider.stateEvent({ resource, event: "create", nixopsVersion: "1", patch });
        return performance.now() - started;
      };
      for (const [provider, name] of [
        [smallProvider, small],
        [largeProvider, large],
      ] as const) {
        await provider.stateRead({ type: "state_file", inputProperties: { name } });
        await append(provider, name, -1);
      }
      const times: { small: number; large: number }[] = [];
      for (let index = 0; index < APPENDS; index++) {
        times.push({
          small: await append(smallProvider, small, index),
          large: await append(largeProvider, large, index),
        });
      }
      const ratio = median(times.map((pair) => pair.large / pair.small));
      report("about the 10th event", `${median(times.map((pair) => pair.small)).toFixed(2)} ms`);
      report(
        `about the ${EVENTS.toLocaleString("en")}th event`,
        `${median(times.map((pair) => pair.large)).toFixed(2)} ms`,
        {
          met: ratio <= APPEND_GOAL,
          text: `${ratio.toFixed(2)} of at most ${APPEND_GOAL} times the 10th`,
        },
      );
    });
  });
}

function benchRead(bytes: Buffer): void {
  const size = (bytes.length / 1024 / 1024).toFixed(1);
  console.log(
    `\nReading ${EVENTS_READ.toLocaleString("en")} events, ${size} MiB (medians of ${READS}, in turns)`,
  );
  const json = `[${bytes.toString("utf8").trimEnd().replaceAll("}\n{", "},\n{")}]`;
  const jsonBytes = Buffer.from(json);
  const time = (work: () => void) => {
    const started = performance.now();
    work();
    return performance.now() - started;
  };
  const times: { parse: number; read: number }[] = [];
  for (let round = -2; round < READS; round++) {
    const pair = {
      parse: time(() => JSON.parse(jsonBytes.toString("utf8")) as unknown),
      read: time(() => {
        const result = resolveState(parseRecords(bytes).records as Parameters<typeof resolveState>[0]);
        if (!("document" in result)) throw new Error(result.failure);
      }),
    };
    if (round >= 0) times.push(pair);
  }
  const ratio = median(times.map(({ parse, read }) => read / parse));
  report("JSON.parse of the same bytes", `${median(times.map(({ parse }) => parse)).toFixed(1)} ms`);
  report("parsed, checked, all patches applied", `${median(times.map(({ read }) => read)).toFixed(1)} ms`, {
    met: ratio <= READ_GOAL,
    text: `${ratio.toFixed(2)} of at most ${READ_GOAL} times JSON.parse`,
  });
}

function stateFile(events: number): string {
  const time = "2026-01-01T00:00:00Z";
  const root = { _type: "nixopsState", resources: {}, deployments: {} };
  const records: object[] = [{ index: 0, meta: { time }, patch: [{ op: "add", path: "", value: root }] }];
  for (let index = 1; index < events; index++) {
    records.push({ index, meta: { time, event: "create" }, patch: patchOf(index) });
  }
  return records.map((record) => `${JSON.stringify(record, null, 2)}\n`).join("");
}

/** The patch for a resource of usual size. */
function patchOf(index: number): object[] {
  const value = {
    type: "keypair",
    input_properties: { algorithm: "ed25519", comment: `host ${index}`, keepers: {}, ageRecipients: [] },
    output_properties: {
      publicKey: `ssh-ed25519 ${"A".repeat(68)} host ${index}`,
      fingerprint: "SHA256:".padEnd(50, "x"),
    },
  };
  return [{ op: "add", path: `/resources/host${index}`, value }];
}
