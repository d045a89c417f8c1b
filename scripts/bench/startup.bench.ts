import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtProvider, createResource } from "@nixops4-providers/e2e";
import { availableNodes, median, report, withUsage, type Usage } from "./measure.ts";

const ROUNDS = 21;
const CPU_GOAL = 1.35;
const MEMORY_GOAL = 8;
const MEMOS = 200;

/**
 * Measures the cost of one request, compared with `node -e 0`. The candidates run in turns, so that a change of the
 * machine's speed affects all of them.
 */
export async function bench(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bench-startup-"));
  const request = (type: string, inputProperties: object) =>
    JSON.stringify({ createResourceRequest: { type, inputProperties, isStateful: true } });
  const candidates: Record<string, { args: string[]; stdin: string; answer: string }> = {
    "node -e 0": { args: ["-e", "0"], stdin: "", answer: "" },
    "local: a file is written": {
      args: [builtProvider("local")],
      stdin: request("file", { name: join(folder, "file"), contents: "hello" }),
      answer: "createResourceResponse",
    },
    "local: a memo": {
      args: [builtProvider("local")],
      stdin: request("memo", { initialize_with: 1 }),
      answer: "createResourceResponse",
    },
    "ssh-keypair: input refused": {
      args: [builtProvider("ssh-keypair")],
      stdin: request("keypair", { algorithm: "dsa" }),
      answer: "errorResponse",
    },
    "ssh: input refused": {
      args: [builtProvider("ssh")],
      stdin: request("wait", { connection: {} }),
      answer: "errorResponse",
    },
  };
  try {
    await withUsage(async (run) => {
      for (const node of availableNodes()) {
        console.log(
          `\nOne process, one request, on Node ${node.version} (medians of ${ROUNDS} runs, in turns)`,
        );
        const usages = new Map<string, Usage[]>(Object.keys(candidates).map((name) => [name, []]));
        for (let round = -1; round < ROUNDS; round++) {
          for (const [name, { args, stdin, answer }] of Object.entries(candidates)) {
            const usage = await run(node.path, args, stdin);
            if (!usage.stdout.includes(answer)) throw new Error(`${name}: unexpected answer ${usage.stdout}`);
            if (round >= 0) usages.get(name)!.push(usage);
          }
        }
        reportUsages(usages);
      }
    });
    await memosAtOnce();
  } finally {
    await rm(folder, { recursive: true });
  }
}

function reportUsages(usages: Map<string, Usage[]>): void {
  const [bare] = [...usages.values()];
  for (const [name, all] of usages) {
    const cpu = median(all.map(({ cpuMs }) => cpuMs));
    const memory = median(all.map(({ peakMemory }) => peakMemory));
    // Both times of a ratio are from the same round, so a change of the machine's speed affects both.
    const ratio = median(all.map(({ cpuMs }, round) => cpuMs / bare![round]!.cpuMs));
    const more = memory - median(bare!.map(({ peakMemory }) => peakMemory));
    const figure = `${cpu.toFixed(1)} ms  ${memory.toFixed(1)} MiB`;
    if (all === bare) {
      report(name, figure);
      continue;
    }
    report(name, figure, {
      met: ratio <= CPU_GOAL && more <= MEMORY_GOAL,
      text: `${ratio.toFixed(2)} of at most ${CPU_GOAL} times the CPU, ${more.toFixed(1)} of at most ${MEMORY_GOAL} MiB more`,
    });
  }
}

async function memosAtOnce(): Promise<void> {
  console.log(`\n${MEMOS} memo creates at once, a process each`);
  const started = performance.now();
  const outputs = await Promise.all(
    Array.from({ length: MEMOS }, (_, index) =>
      createResource(builtProvider("local"), "memo", { initialize_with: index }, true),
    ),
  );
  const seconds = (performance.now() - started) / 1000;
  const right = outputs.every(({ value }, index) => value === index);
  report("all of them", `${seconds.toFixed(1)} s`, { met: right, text: "every answer right" });
}
