// Measures the boot server's store with many large entries: put, restart, read back, shorten, and the memory of each
// step.
// `ENTRIES=4096 npm run bench -- store` uses the largest allowed number of entries; it needs 17 GiB of disk and some
// minutes.
import { randomFillSync } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { assetOf, chunks, spec } from "../../packages/boot-server/tests/grpc-lab.ts";
import { ServiceLab } from "../../packages/boot-server/tests/service-lab.ts";

const ENTRIES = Number(process.env["ENTRIES"] ?? 128);
const OVERLAY_BYTES = 4 * 1024 * 1024 - 1024;
const KERNEL = Buffer.from("a kernel");

const macOf = (n: number) =>
  `52:54:00:00:${[n >> 8, n & 0xff].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;

/** Returns contents that are different for each entry: they start with its number. */
function contentsOf(n: number, filler: Buffer): Buffer {
  const contents = Buffer.from(filler);
  contents.writeUInt32BE(n);
  return contents;
}

export async function bench(): Promise<void> {
  const lab = await ServiceLab.create();
  const filler = randomFillSync(Buffer.alloc(OVERLAY_BYTES));
  const step = async (name: string, work: () => Promise<void>) => {
    const startedAt = performance.now();
    await work();
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const { size } = await stat(join(lab.folder, "store/journal.json"));
    const [now, most] = [await lab.status("VmRSS"), await lab.status("VmHWM")];
    console.log(
      `${name.padEnd(40)} ${seconds.padStart(7)} s   journal ${size} bytes   memory ${now}, at most ${most}`,
    );
  };
  const entry = (n: number, cmdline: string) =>
    spec({
      id: `m${n}`,
      macs: [macOf(n)],
      kernel: assetOf(KERNEL),
      cmdline,
      files: [{ path: "/a", contents: contentsOf(n, filler), mode: 0o600, secret: true }],
    });
  const putAll = async (cmdline: string) => {
    const client = lab.connect();
    for (let n = 0; n < ENTRIES; n++) await client.putEntry(entry(n, cmdline));
  };
  try {
    console.log(`${ENTRIES} entries of 4 MiB`);
    await lab.start();
    await lab.connect().uploadAsset(assetOf(KERNEL), chunks(KERNEL));
    await step("put", () => putAll("console=ttyS0"));
    await lab.stop("SIGKILL");
    await step("started again, after a kill", () => lab.start());
    await step("all overlays read back by HTTP", async () => {
      for (let n = 0; n < ENTRIES; n++) await readBack(lab, n, contentsOf(n, filler));
    });
    await step("put again, with another command line", () => putAll(`console=ttyS1 ${"x".repeat(1500)}`));
    await lab.stop();
    await step("started again", () => lab.start());
    const { entries } = await lab.connect().listEntries();
    if (entries.length !== ENTRIES) throw new Error(`there are ${entries.length} entries`);
  } finally {
    await lab.end();
  }
}

async function readBack(lab: ServiceLab, n: number, contents: Buffer): Promise<void> {
  const machine = `${lab.url}/machines/${macOf(n).replaceAll(":", "-")}`;
  const script = await (await fetch(`${machine}/boot.ipxe?firmware=efi&architecture=x86_64`)).text();
  const url = /http\S*overlay.cpio/.exec(script)?.[0];
  if (url === undefined) throw new Error(`m${n} is not installed: ${script}`);
  const overlay = Buffer.from(await (await fetch(url)).arrayBuffer());
  if (!overlay.includes(contents)) throw new Error(`the overlay of m${n} is not what was put`);
}
