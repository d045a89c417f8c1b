import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { Asset, BootClient, Entry, EntrySpec, OverlayFile } from "@nixops4-providers/boot-api";
import {
  bootableDisk,
  netbootLabAvailable,
  netbootLinux,
  startNetbootLab,
  type Dnsmasq,
  type NetbootLab,
  type NetbootMachineOptions,
  type VirtualMachine,
} from "@nixops4-providers/test-servers";
import { createHash, randomBytes } from "node:crypto";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cpioArchive } from "../src/http/cpio.ts";
import { SERVER, ServiceLab } from "./service-lab.ts";

const MIB = 2 ** 20;
const HTTP_PORT = 8080;
const DISK_LINE = "this is the disk";
const SECRET = "correct horse battery staple";
/** Enough for an emulated machine on a busy host. */
const BOOT_SECONDS = 600;

const FIRMWARES = ["bios", "efi"] as const;

const unavailable = netbootLabAvailable();
const suite = unavailable === undefined ? describe : describe.skip;

suite(`network boot by iPXE${unavailable === undefined ? "" : ` (skipped: ${unavailable})`}`, () => {
  const bulk = randomBytes(8 * MIB);
  let lab: NetbootLab;
  let service: ServiceLab;
  let client: BootClient;
  let dnsmasq: Dnsmasq;
  let kernel: Asset;
  let initrds: Asset[];
  const machines: VirtualMachine[] = [];

  beforeAll(async () => {
    lab = await startNetbootLab();
    service = await ServiceLab.create();
    await startService();
    client = service.connect();
    const linux = await netbootLinux(lab.folder);
    const initrd = await readFile(linux.initrd);
    // One byte more, so that the following overlay is only aligned to 4 bytes by padding.
    kernel = await upload(await readFile(linux.kernel));
    initrds = [
      await upload(Buffer.concat([initrd, Buffer.alloc(1)])),
      await upload(cpioArchive([{ path: "/bulk", contents: bulk, mode: 0o644 }])),
    ];
    expect(initrds[0]!.size % 4).toBe(1);
    dnsmasq = await lab.startDnsmasq({ mode: "dhcp", httpPort: HTTP_PORT });
  }, 240_000);

  afterEach(async () => {
    await Promise.all(machines.splice(0).map(async (machine) => machine.stop()));
  });

  afterAll(async () => {
    await service?.end();
    await lab?.stop();
  });

  it.each(FIRMWARES)(
    "installs a machine once, which then boots from its disk (%s)",
    async (firmware) => {
      const mac = `52:54:00:00:01:0${FIRMWARES.indexOf(firmware)}`;
      await put(firmware, mac, {
        "/disk": { contents: bootableDisk(DISK_LINE), mode: 0o644 },
        "/etc/keys/secret": { contents: Buffer.from(SECRET), mode: 0o400 },
        "/nixops4/test-script": {
          contents: Buffer.from(`
            claim || poweroff -f
            report '"stage":"disk","percent":50'
            dd if=/disk of=/dev/vda 2>/dev/null
            sync
            report '"stage":"done","outcome":"installed"'
            reboot -f
          `),
          mode: 0o644,
        },
      });
      const machine = await start({ firmware, mac, disk: await disk(firmware) });

      await machine.waitForConsole(/netboot: claim \{.*\}/, BOOT_SECONDS);
      const said = machine.console();
      expect(said).toContain(`netboot: booted on ${firmware}`);
      expect(said).toMatch(/netboot: cmdline .*console=ttyS0 lab=yes/);
      expect(said).toContain(`netboot: file 400 ${sha256(Buffer.from(SECRET))} /etc/keys/secret`);
      expect(said).toContain(`netboot: file 644 ${sha256(bulk)} /bulk`);
      expect(said).toMatch(/netboot: file 644 \w+ \/nixops4\/job-url/);
      expect(said).toMatch(/netboot: file 600 \w+ \/nixops4\/token/);

      await machine.waitForConsole(new RegExp(`Booting from disk: [^]*${DISK_LINE}`), BOOT_SECONDS);
      const entry = await client.getEntry(firmware);
      expect(entry).toMatchObject({ phase: "INSTALLED", attempt: 1, report: { stage: "done" } });
      expect(entry.boot).toMatchObject({ mac, firmware: firmware === "efi" ? "efi" : "pcbios" });
      expect(said).toContain(`netboot: boot_id ${entry.claim!.bootId}`);
      for (const line of service.log) expect(JSON.stringify(line)).not.toContain(SECRET);
    },
    4 * BOOT_SECONDS * 1000,
  );

  it(
    "leaves machines that nobody declared to their disks",
    async () => {
      await expectDiskBoots("52:54:00:00:02:0");
    },
    2 * BOOT_SECONDS * 1000,
  );

  it(
    "boots EFI by HTTP",
    async () => {
      const mac = "52:54:00:00:03:00";
      await put("http", mac);
      const machine = await start({ firmware: "efi", mac, boot: "http" });
      await machine.waitForConsole(/netboot: power off/, BOOT_SECONDS);
      expect(machine.console()).toContain("Start HTTP Boot over IPv4");
      expect(await client.getEntry("http")).toMatchObject({ phase: "INSTALLED" });
      expect(service.log.some(({ message }) => message === "GET /nbp/snponly.efi")).toBe(true);
    },
    2 * BOOT_SECONDS * 1000,
  );

  it(
    "goes on when the server is killed in the middle of a download and comes back",
    async () => {
      const mac = "52:54:00:00:04:00";
      await put("killed", mac);
      const downloading = downloads("initrd 1", "killed");
      await lab.limitRate(4);
      const machine = await start({ firmware: "bios", mac });
      const { sent, size } = await downloading;
      await service.stop("SIGKILL");
      await lab.limitRate(undefined);
      expect(sent).toBeLessThan(size);
      await machine.waitForConsole(/Trying again/, BOOT_SECONDS);
      await startService();
      await machine.waitForConsole(/netboot: power off/, BOOT_SECONDS);
      expect(machine.console()).toContain(`${sha256(bulk)} /bulk`);
      expect(await client.getEntry("killed")).toMatchObject({ phase: "INSTALLED" });
    },
    3 * BOOT_SECONDS * 1000,
  );

  it(
    "works beside another DHCP server, by proxyDHCP",
    async () => {
      await dnsmasq.stop();
      dnsmasq = await lab.startDnsmasq({ mode: "proxy", httpPort: HTTP_PORT });
      await expectDiskBoots("52:54:00:00:05:0");
      expect(await dnsmasq.log()).toMatch(/PXE\(\w+\) .* proxy\n/);
    },
    2 * BOOT_SECONDS * 1000,
  );

  /** Boots a machine with each firmware until iPXE's script boots from disk. */
  async function expectDiskBoots(macPrefix: string): Promise<void> {
    const disks = FIRMWARES.map(async (firmware, index) => {
      const machine = await start({
        firmware,
        mac: `${macPrefix}${index}`,
        disk: await disk(`${macPrefix}${index}`, bootableDisk(DISK_LINE)),
      });
      await machine.waitForConsole(new RegExp(`Booting from disk: [^]*${DISK_LINE}`), BOOT_SECONDS);
    });
    await Promise.all(disks);
  }

  async function startService(): Promise<void> {
    const addresses = ["--tftp-address", lab.address, "--http-address", lab.address];
    const ports = ["--tftp-port", "69", "--http-port", String(HTTP_PORT)];
    const [program, ...args] = lab.enter(SERVER, "serve", ...service.flags, ...addresses, ...ports);
    service.spawn(program!, args);
    await service.logged("ready");
  }

  async function start(options: NetbootMachineOptions): Promise<VirtualMachine> {
    const machine = await lab.startMachine(options);
    machines.push(machine);
    return machine;
  }

  async function disk(name: string, content: Uint8Array = Buffer.alloc(0)): Promise<string> {
    const file = join(lab.folder, `${name}.disk`);
    await writeFile(file, content);
    await truncate(file, MIB);
    return file;
  }

  async function upload(bytes: Buffer): Promise<Asset> {
    const asset = { sha256: sha256(bytes), size: bytes.length };
    await client.uploadAsset(asset, chunks(bytes));
    return asset;
  }

  async function put(
    id: string,
    mac: string,
    files: Record<string, Pick<OverlayFile, "contents" | "mode">> = {},
  ): Promise<Entry> {
    const spec: EntrySpec = {
      id,
      macs: [mac],
      architecture: "X86_64",
      kernel,
      initrds,
      cmdline: "console=ttyS0 lab=yes",
      files: Object.entries(files).map(([path, file]) => ({ path, secret: true, ...file })),
      installGeneration: 1,
      onInterrupted: "HOLD",
      biosLocalBoot: "SANBOOT",
      expireSeconds: 3600,
      silenceSeconds: 600,
    };
    const { entry } = await client.putEntry(spec);
    return entry!;
  }

  /** Resolves at the first progress of a download. */
  async function downloads(name: string, entryId: string): Promise<{ sent: number; size: number }> {
    for await (const { download } of client.watchEvents({ entryId, afterCursor: 0 })) {
      if (download?.name === name && download.sent > 0) return download;
    }
    throw new Error("the events ended");
  }
});

async function* chunks(bytes: Buffer): AsyncIterable<Uint8Array> {
  yield bytes;
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
