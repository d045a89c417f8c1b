import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtProvider, createResource } from "@nixops4-providers/e2e";
import { Rfc2136Backend } from "../../packages/dns/src/backends/rfc2136.ts";
import { DnsClient } from "../../packages/dns/src/client/client.ts";
import { parseTsigKey } from "../../packages/dns/src/client/tsig.ts";
import { RecordMarkers } from "../../packages/dns/src/backends/markers.ts";
import {
  type DnsServer,
  findProgram,
  runWithInput,
  startNamed,
} from "../../packages/test-servers/src/index.ts";
import { availableNodes, median, report, withUsage } from "./measure.ts";

const RRSETS = 1000;
const ROUNDS = 7;
const COLD_ROUNDS = 21;
const READ_BACK_GOAL = 1.5;
const WRITE_GOAL = 1;
const CPU_GOAL = 1.35;
/** The number of RRsets for which nsupdate sends one message: as many as fit, with their prerequisites. */
const PER_MESSAGE = 350;
const ZONE = "example.test";
const KEY = {
  name: "bench",
  algorithm: "hmac-sha256",
  secret: Buffer.from("a key for benchmarks alone").toString("base64"),
};

/**
 * Compares writing record sets with `nsupdate`, in turns on one BIND, and measures the cost of a process for one record
 * set.
 */
export async function bench(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bench-dns-"));
  const server = await startNamed({ folder, keys: [KEY], zones: [{ name: ZONE }] });
  try {
    await benchMany(server);
    await benchCold(server);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
}

/** Creates RRsets with their markers by the provider, and the same records with the same prerequisites by nsupdate. */
async function benchMany(server: DnsServer): Promise<void> {
  console.log(
    `\n${RRSETS} RRsets with markers, as one \`records\` and by nsupdate (medians of ${ROUNDS}, in turns)`,
  );
  const times: { ours: number; written: number; theirs: number }[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const theirs = await timed(() => nsupdate(server, `theirs${round + 1}`));
    const ours = await timed(() => applyRecords(server, `ours${round + 1}`));
    const written = await writeOnly(server, `written${round + 1}`);
    if (round >= 0) times.push({ ours, written, theirs });
    await cleanUp(server);
  }
  const ratio = (of: "ours" | "written") => median(times.map((time) => time[of] / time.theirs));
  report("nsupdate", `${median(times.map(({ theirs }) => theirs)).toFixed(0)} ms`);
  report("a process with `records`, read back", `${median(times.map(({ ours }) => ours)).toFixed(0)} ms`, {
    met: ratio("ours") <= READ_BACK_GOAL,
    text: `${ratio("ours").toFixed(2)} of at most ${READ_BACK_GOAL} times`,
  });
  report("the write alone", `${median(times.map(({ written }) => written)).toFixed(0)} ms`, {
    met: ratio("written") <= WRITE_GOAL,
    text: `${ratio("written").toFixed(2)} of at most ${WRITE_GOAL} times`,
  });
}

const addressOf = (index: number) => `10.0.${index >> 8}.${index & 255}`;

async function nsupdate(server: DnsServer, prefix: string): Promise<void> {
  const lines = [`server ${server.address} ${server.port}`, `zone ${ZONE}`];
  for (let start = 0; start < RRSETS; start += PER_MESSAGE) {
    for (let index = start; index < Math.min(RRSETS, start + PER_MESSAGE); index++) {
      const [name, marker] = [`${prefix}-${index}.${ZONE}`, `${prefix}-${index}._a._owner.${ZONE}`];
      lines.push(`prereq nxrrset ${name} A`, `prereq nxrrset ${marker} TXT`);
      lines.push(`update add ${marker} 3600 TXT "nixops4 owner=nixops4"`);
      lines.push(`update add ${name} 3600 A ${addressOf(index)}`);
    }
    lines.push("send");
  }
  const key = `${KEY.algorithm}:${KEY.name}:${KEY.secret}`;
  await runWithInput(findProgram("nsupdate")!, ["-v", "-y", key], `${lines.join("\n")}\n`);
}

async function applyRecords(server: DnsServer, prefix: string): Promise<void> {
  const records = Object.fromEntries(
    Array.from({ length: RRSETS }, (_, index) => [
      `${prefix}-${index}`,
      { A: { values: [addressOf(index)] } },
    ]),
  );
  await createResource(builtProvider("dns"), "records", { ...inputs(server), records }, true);
}

/**
 * Writes the records in this process, without the first reading and the read-back. Returns the time in milliseconds.
 */
async function writeOnly(server: DnsServer, prefix: string): Promise<number> {
  const backend = new RecordMarkers(new Rfc2136Backend(clientOf(server), `${ZONE}.`));
  const changes = Array.from({ length: RRSETS }, (_, index) => {
    const id = { name: `${prefix}-${index}.${ZONE}.`, type: "A" };
    const rrset = { ...id, ttl: 3600, values: [addressOf(index)] };
    return { ...id, before: { rrset: undefined, owner: undefined }, after: { rrset, owner: "nixops4" } };
  });
  const taken = await timed(async () => {
    if ((await backend.apply(changes)) !== "applied") throw new Error("the write was refused");
  });
  await backend.close();
  return taken;
}

function clientOf({ address, port }: DnsServer): DnsClient {
  const tsig = parseTsigKey(KEY.name, "hmac-sha256", KEY.secret);
  const { signal } = new AbortController();
  return new DnsClient({ address, port, transport: "tcp", timeoutMs: 30_000, tsig, signal });
}

/** Removes the records, so that each round starts with the same zone. */
async function cleanUp(server: DnsServer): Promise<void> {
  const client = clientOf(server);
  const names = [...new Set((await client.transfer(`${ZONE}.`)).map(({ name }) => name))].filter((name) =>
    /^(ours|theirs|written)/.test(name),
  );
  for (let start = 0; start < names.length; start += 1000) {
    const updates = names
      .slice(start, start + 1000)
      .map((name) => ({ name, type: "ANY", class: 255, ttl: 0 }));
    await client.update(`${ZONE}.`, { prerequisites: [], updates });
  }
  await client.close();
}

/** The least work of any DNS client in Node: it reads its input, opens one connection and computes one HMAC. */
const FLOOR = `
const { createHmac } = require("node:crypto");
process.stdin.resume();
createHmac("sha256", "a key").update("a message").digest();
const socket = require("node:net").connect({ host: process.env.HOST, port: Number(process.env.PORT), noDelay: true });
socket.on("connect", () => socket.end());
socket.resume();`;

async function benchCold(server: DnsServer): Promise<void> {
  const request = JSON.stringify({
    createResourceRequest: {
      type: "record_set",
      inputProperties: { ...inputs(server), name: "cold", type: "A", values: ["192.0.2.1"] },
      isStateful: true,
    },
  });
  process.env["HOST"] = server.address;
  process.env["PORT"] = String(server.port);
  await withUsage(async (run) => {
    for (const node of availableNodes()) {
      console.log(
        `\nOne cold \`record_set\` on Node ${node.version} (medians of ${COLD_ROUNDS} runs, in turns)`,
      );
      const runs: { bare: number; floor: number; ours: number }[] = [];
      for (let round = -1; round < COLD_ROUNDS; round++) {
        const bare = await run(node.path, ["-e", "0"], "");
        const floor = await run(node.path, ["-e", FLOOR], "");
        const ours = await run(node.path, [builtProvider("dns")], request);
        if (!ours.stdout.includes("createResourceResponse"))
          throw new Error(`unexpected answer ${ours.stdout}`);
        if (round >= 0) runs.push({ bare: bare.cpuMs, floor: floor.cpuMs, ours: ours.cpuMs });
      }
      const ratio = median(runs.map(({ bare, ours }) => ours / bare));
      const least = median(runs.map(({ bare, floor }) => floor / bare));
      report("node -e 0", `${median(runs.map(({ bare }) => bare)).toFixed(1)} ms CPU`);
      report(
        "a connection and an HMAC, nothing else",
        `${median(runs.map(({ floor }) => floor)).toFixed(1)} ms CPU, ${least.toFixed(2)} times`,
      );
      report("record_set", `${median(runs.map(({ ours }) => ours)).toFixed(1)} ms CPU`, {
        met: ratio <= CPU_GOAL,
        text: `${ratio.toFixed(2)} of at most ${CPU_GOAL} times`,
      });
    }
  });
}

function inputs({ address, port }: DnsServer) {
  const tsig = { name: KEY.name, secret: { value: KEY.secret } };
  // The zone has no other name server whose answers could be compared.
  return { server: { rfc2136: { address, port, tsig } }, zone: ZONE, verify: { authoritative: false } };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
