import { builtProvider, createResource, runOperation } from "@nixops4-providers/e2e";
import { FakePve } from "../../packages/proxmox/tests/fake-pve/fake-pve.ts";
import { availableNodes, median, report, withUsage, type Usage } from "./measure.ts";

const ROUNDS = 11;
const CPU_GOAL = 1.35;
const NOTICE_GOAL_MS = 100;
const REQUESTS_GOAL = 3;
const TASK_MS = [50, 300, 900];

/**
 * Measures the cost of the provider `proxmox` with the fake server: CPU time compared with `node -e 0`, requests, and
 * waiting times.
 */
export async function bench(): Promise<void> {
  const fake = await FakePve.start();
  try {
    const inputs = vmInputs(fake);
    const outputs = await createResource(builtProvider("proxmox"), "vm", inputs, true);
    console.log("\nproxmox.vm that is as wanted");
    await countRequests(fake, inputs, outputs);
    await measureCpu(inputs, outputs);
    console.log("\nproxmox: the end of a task is noticed");
    for (const ms of TASK_MS) await measureNotice(fake, ms);
  } finally {
    await fake.close();
  }
}

function vmInputs(fake: FakePve) {
  return {
    connection: fake.connection,
    node: "pve",
    name: "bench",
    disks: { scsi0: { storage: "local-lvm", size: "8G" } },
    networks: [{ bridge: "vmbr0" }],
    waitForIp: {},
  };
}

async function countRequests(fake: FakePve, inputs: object, outputs: object): Promise<void> {
  fake.requests.length = 0;
  await runOperation(
    builtProvider("proxmox"),
    (provider) => provider.update("vm", { inputs, previousInputs: inputs, previousOutputs: outputs }),
    { onStderr: () => {} },
  );
  const count = fake.requests.length;
  report("requests", String(count), { met: count <= REQUESTS_GOAL, text: `at most ${REQUESTS_GOAL}` });
}

async function measureCpu(inputs: object, outputs: object): Promise<void> {
  const resource = { type: "vm", inputProperties: inputs, outputProperties: outputs };
  const update = JSON.stringify({ updateResourceRequest: { resource, inputProperties: inputs } });
  const refused = JSON.stringify({
    createResourceRequest: { type: "vm", inputProperties: {}, isStateful: true },
  });
  const candidates: Record<string, { args: string[]; stdin: string }> = {
    "node -e 0": { args: ["-e", "0"], stdin: "" },
    "input refused": { args: [builtProvider("proxmox")], stdin: refused },
    "two TLS requests by Node itself": { args: ["-e", bareRequests(inputs)], stdin: "" },
    "unchanged vm": { args: [builtProvider("proxmox")], stdin: update },
  };
  await withUsage(async (run) => {
    for (const node of availableNodes()) {
      const usages = new Map<string, Usage[]>(Object.keys(candidates).map((name) => [name, []]));
      for (let round = 0; round < ROUNDS; round++) {
        for (const [name, { args, stdin }] of Object.entries(candidates))
          usages.get(name)!.push(await run(node.path, args, stdin));
      }
      const bare = usages.get("node -e 0")!;
      for (const [name, all] of usages) {
        const ratio = median(all.map(({ cpuMs }, round) => cpuMs / bare[round]!.cpuMs));
        const goal =
          name === "node -e 0" || name.startsWith("two")
            ? undefined
            : { met: ratio <= CPU_GOAL, text: `${ratio.toFixed(2)} of at most ${CPU_GOAL} times` };
        report(
          `CPU on Node ${node.version}: ${name}`,
          `${median(all.map(({ cpuMs }) => cpuMs)).toFixed(1)} ms`,
          goal,
        );
      }
    }
  });
}

/** A program that makes two requests on the same kind of connection, without the provider. */
function bareRequests(inputs: object): string {
  const { endpoint } = (inputs as { connection: { endpoint: string } }).connection;
  return `const get = () => new Promise((done) => require("https").get("${endpoint}/api2/json/version",
    { rejectUnauthorized: false }, (answer) => answer.resume().on("end", done))); get().then(get)`;
}

async function measureNotice(fake: FakePve, ms: number): Promise<void> {
  const { tasks } = fake.cluster;
  tasks.durationMs = ms;
  const late: number[] = [];
  const stop = fake.inject(async ({ path }, next) => {
    const answer = await next();
    const { status } = (answer.data ?? {}) as { status?: string };
    const upid = /^\/nodes\/pve\/tasks\/([^/]+)\/status$/.exec(path)?.[1];
    if (upid !== undefined && status === "stopped")
      late.push(performance.now() - tasks.endedAt(decodeURIComponent(upid))!);
    return answer;
  });
  for (let round = 0; round < 3; round++) {
    const inputs = { ...vmInputs(fake), name: `bench-${ms}-${round}` };
    await createResource(builtProvider("proxmox"), "vm", inputs, true);
  }
  stop();
  tasks.durationMs = 10;
  const worst = Math.max(...late);
  report(`of ${ms} ms`, `${median(late).toFixed(0)} ms, at most ${worst.toFixed(0)} ms`, {
    met: worst <= NOTICE_GOAL_MS,
    text: `within ${NOTICE_GOAL_MS} ms`,
  });
}
