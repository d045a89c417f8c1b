// The same tests on the fake and on a real Proxmox VE. PVE_ENDPOINT, PVE_TOKEN_ID, PVE_TOKEN_SECRET and PVE_FINGERPRINT name the real one.
// PVE_NODE, PVE_STORAGE (local-lvm), PVE_FILES (local, which takes iso and import) and PVE_BRIDGE (vmbr0) are used there, and PVE_TEMPLATE,
// a container template, without which the test of a container is skipped. The tests delete what they create.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { FakePve } from "./fake-pve/fake-pve.ts";
import { failure, Member } from "./lab.ts";
import { Recorder } from "./recorder.ts";

jest.setTimeout(600_000);

const env = process.env;
const isNamed = ["PVE_ENDPOINT", "PVE_TOKEN_ID", "PVE_TOKEN_SECRET", "PVE_FINGERPRINT"].every(
  (name) => env[name] !== undefined,
);

interface Target {
  recorder: Recorder;
  connection: Record<string, unknown>;
  node: string;
  storage: string;
  files: string;
  bridge: string;
  /** A container template, if there is one. */
  template: string | undefined;
  close(): Promise<void>;
}

async function record({
  endpoint,
  tokenId,
  secret,
  tlsFingerprint,
}: Record<"endpoint" | "tokenId" | "secret" | "tlsFingerprint", string>) {
  const recorder = new Recorder({
    endpoint,
    tlsFingerprint,
    authorization: `PVEAPIToken=${tokenId}=${secret}`,
  });
  const connection = { ...(await recorder.start()), tokenId, tokenSecret: { value: secret } };
  return { recorder, connection };
}

async function startFake(): Promise<Target> {
  const fake = await FakePve.start();
  const { tokenSecret, ...rest } = fake.connection;
  const { recorder, connection } = await record({ ...rest, secret: tokenSecret.value });
  const template = "local:vztmpl/debian-12.tar.zst";
  fake.cluster.addVolume(template, "vztmpl", 100_000_000);
  return {
    recorder,
    connection,
    node: "pve",
    storage: "local-lvm",
    files: "files",
    bridge: "vmbr0",
    template,
    close: async () => {
      await recorder.close();
      await fake.close();
      expect(fake.violations).toEqual([]);
    },
  };
}

async function useReal(): Promise<Target> {
  const { recorder, connection } = await record({
    endpoint: env["PVE_ENDPOINT"]!,
    tokenId: env["PVE_TOKEN_ID"]!,
    secret: env["PVE_TOKEN_SECRET"]!,
    tlsFingerprint: env["PVE_FINGERPRINT"]!,
  });
  return {
    recorder,
    connection,
    node: env["PVE_NODE"] ?? "pve",
    storage: env["PVE_STORAGE"] ?? "local-lvm",
    files: env["PVE_FILES"] ?? "local",
    bridge: env["PVE_BRIDGE"] ?? "vmbr0",
    template: env["PVE_TEMPLATE"],
    close: () => recorder.close(),
  };
}

function conformance(open: () => Promise<Target>, hasTemplate: boolean): void {
  let target: Target;
  const folder = mkdtempSync(join(tmpdir(), "real-pve-"));
  const left: { member: Member; inputs: Record<string, unknown> }[] = [];
  beforeAll(async () => {
    target = await open();
  });
  afterEach(async () => {
    for (const { member, inputs } of left.splice(0).toReversed())
      await member.apply({ ...inputs, protection: false, ensure: "absent" });
  });
  afterAll(async () => {
    await target.close();
    rmSync(folder, { recursive: true });
  });
  const name = `nixops4-test-${randomBytes(4).toString("hex")}`;
  const inputs = (more: object = {}) => ({
    connection: target.connection,
    node: target.node,
    name,
    memory: 512,
    disks: { scsi0: { storage: target.storage, size: "1G" } },
    networks: [{ bridge: target.bridge }],
    shutdownTimeoutSeconds: 3,
    ...more,
  });
  const start = async (given: Record<string, unknown>) => {
    const member = new Member("vm");
    left.push({ member, inputs: given });
    return { member, outputs: await member.apply(given) };
  };

  /** Applies again, with and without the state: nothing may be written, and the outputs must be the same. */
  const expectNoWrite = async (member: Member, given: Record<string, unknown>, outputs: unknown) => {
    const before = target.recorder.writes.length;
    expect(await member.apply(given)).toEqual(outputs);
    member.forget();
    expect(await member.apply(given)).toEqual(outputs);
    expect(target.recorder.writes.slice(before)).toEqual([]);
  };
  const configOf = ({ vmid, node }: Record<string, unknown>, kind = "qemu") =>
    target.recorder.get<Record<string, string | number>>(
      `/nodes/${String(node)}/${kind}/${String(vmid)}/config`,
    );
  const disk = (size = "1G") => ({ storage: target.storage, size });

  it.each([
    ["required inputs only", () => ({})],
    ["notes and tags", () => ({ tags: ["B", "a"], description: "Notes" })],
    [
      "UEFI and a TPM",
      () => ({
        bios: "ovmf",
        machine: "q35",
        efiDisk: { storage: target.storage },
        tpm: { storage: target.storage },
      }),
    ],
    ["numbers", () => ({ cores: 2, sockets: 1, cpuLimit: 0.5, balloon: 256 })],
    [
      "options of disks",
      () => ({
        disks: {
          scsi0: { ...disk(), discard: true, ssd: true, ioThread: true, backup: false },
          virtio1: disk(),
        },
      }),
    ],
    [
      "network cards and a boot order",
      () => ({
        networks: [
          { bridge: target.bridge, firewall: true },
          { bridge: target.bridge, model: "e1000", linkDown: true },
        ],
        bootOrder: ["scsi0", "net0"],
      }),
    ],
    [
      "cloud-init",
      () => ({
        cloudInit: {
          storage: target.storage,
          user: "root",
          sshKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPzM5VNMcVmkPFE7chyWtdkYVCtMaeG2a2YCrSxS7VHL a b"],
          ipv4: "192.0.2.10/24",
          gateway4: "192.0.2.1",
          nameServers: ["192.0.2.53"],
          searchDomain: "example.org",
        },
      }),
    ],
    [
      "its start with the node, and other keys",
      () => ({ onBoot: true, startup: "order=1,up=30", extraConfig: { numa: "1" } }),
    ],
    ["a console, a drive and no agent", () => ({ display: "serial0", cdrom: {}, agent: false })],
  ])("creates a VM with %s, and then changes nothing", async (_, more) => {
    const given = inputs(more());
    const { member, outputs } = await start(given);
    expect(outputs).toMatchObject({ vmid: expect.any(Number), node: target.node });
    expect(await configOf(outputs)).toMatchObject({
      name,
      description: expect.stringContaining("nixops4: owner="),
    });
    await expectNoWrite(member, given, outputs);
  });

  it("adds EFI variables, a TPM and disks in place, and keeps the data of a removed disk", async () => {
    const { member, outputs } = await start(inputs({ started: false }));
    const more = {
      started: false,
      bios: "ovmf",
      efiDisk: { storage: target.storage },
      tpm: { storage: target.storage },
      disks: { scsi0: disk(), scsi1: disk() },
    };
    await member.apply(inputs(more));
    expect(Object.keys(await configOf(outputs))).toEqual(
      expect.arrayContaining(["efidisk0", "tpmstate0", "scsi1"]),
    );
    expect(await failure(member.apply(inputs({ ...more, disks: { scsi0: disk() } })))).toContain(
      "holds data",
    );
    await member.apply(inputs({ ...more, disks: { scsi0: disk() }, detachRemovedDisks: true }));
    const config = await configOf(outputs);
    expect("scsi1" in config).toBe(false);
    expect(Object.keys(config)).toContain("unused0");
  });

  it("removes the keys of removed inputs", async () => {
    const { member, outputs } = await start(
      inputs({ tags: ["a"], cpuLimit: 1, onBoot: true, description: "Notes" }),
    );
    await member.apply(inputs());
    const config = await configOf(outputs);
    expect(["tags", "cpulimit", "onboot"].filter((key) => key in config)).toEqual([]);
    expect(config["description"]).not.toContain("Notes");
  });

  it("gives VMs that are created in parallel an ID each", async () => {
    const made = await Promise.all(
      [1, 2, 3].map((number) => start(inputs({ name: `${name}-${number}`, started: false }))),
    );
    expect(new Set(made.map(({ outputs }) => outputs["vmid"])).size).toBe(3);
  });

  it("reports an ID that is in use, and takes the VM over if allowed", async () => {
    const { member, outputs } = await start(inputs({ owner: "somebody-else", started: false }));
    const vmid = outputs["vmid"];
    const other = new Member("vm");
    const given = inputs({ vmid, started: false });
    expect(await failure(other.apply(given))).toContain(`belongs to the owner somebody-else`);
    expect(await other.apply({ ...given, adopt: true })).toMatchObject({ vmid });
    // The first owner cleans up.
    await member.apply(inputs({ owner: "somebody-else", adopt: true, started: false }));
  });

  it("does not delete a protected VM", async () => {
    const given = inputs({ protection: true, started: false });
    const { member } = await start(given);
    expect(await failure(member.apply({ ...given, ensure: "absent" }))).toContain("is protected");
    const { recorder } = target;
    await member.apply({ ...given, protection: false });
    expect(await member.apply({ ...given, protection: false, ensure: "absent" })).toMatchObject({
      vmid: null,
    });
    const guests = await recorder.get<{ name?: string }[]>(`/nodes/${target.node}/qemu`);
    expect(guests.filter((guest) => guest.name === name)).toEqual([]);
  });

  const itWithTemplate = hasTemplate ? it : it.skip;
  itWithTemplate("creates a container, grows it, and then changes nothing (needs PVE_TEMPLATE)", async () => {
    const { connection, node, storage, bridge, template } = target;
    const given = (size: string) => ({
      connection,
      node,
      name,
      template,
      rootDisk: { storage, size },
      networks: [{ bridge, ipv4: "dhcp" }],
      nesting: true,
      memory: 256,
      shutdownTimeoutSeconds: 3,
    });
    const member = new Member("container");
    left.push({ member, inputs: given("2G") });
    const outputs = await member.apply(given("1G"));
    await expectNoWrite(member, given("1G"), outputs);
    await member.apply(given("2G"));
    expect((await configOf(outputs, "lxc"))["rootfs"]).toContain("size=2G");
  });

  it("grows a disk, changes live keys, and reports pending keys until a power cycle", async () => {
    const { member, outputs } = await start(inputs());
    const disks = { scsi0: { storage: target.storage, size: "2G" } };
    await member.apply(inputs({ disks, tags: ["a"] }));
    expect(await failure(member.apply(inputs({ disks, cores: 2 })))).toContain(
      "needs a power cycle for cores",
    );
    const cycled = await member.apply(inputs({ disks, cores: 2, rebootForChanges: true }));
    expect(cycled["macAddresses"]).toEqual(outputs["macAddresses"]);
    expect(await failure(member.apply(inputs({ cores: 2 })))).toContain("a disk never shrinks");
  });

  it("reports everything that is missing at once", async () => {
    const message = await failure(
      new Member("vm").apply(
        inputs({
          disks: { scsi0: { storage: "no-such-storage", size: "1G" } },
          networks: [{ bridge: "vmbr99" }],
        }),
      ),
    );
    expect(message).toContain("the storage no-such-storage is not on");
    expect(message).toContain("there is no bridge vmbr99");
  });

  it("uploads an image, and deletes it", async () => {
    const file = join(folder, "small.img");
    writeFileSync(file, randomBytes(1_000_000));
    const { connection, node, files } = target;
    const image = { connection, node, storage: files, content: "iso", name: `${name}.img`, source: { file } };
    const outputs = await new Member("image").apply(image);
    expect(await new Member("image").apply(image)).toEqual(outputs);
    const before = target.recorder.writes.length;
    expect(await new Member("image").apply(image)).toEqual(outputs);
    expect(target.recorder.writes.length).toBe(before);
    await new Member("image").apply({ ...image, ensure: "absent" });
    const list = `/nodes/${node}/storage/${files}/content?content=iso`;
    const volumes = await target.recorder.get<{ volid: string }[]>(list);
    expect(volumes.map(({ volid }) => volid)).not.toContain(outputs["volumeId"]);
  });

  it("creates a pool, and deletes it", async () => {
    const pool = { connection: target.connection, name };
    expect(await new Member("pool").apply(pool)).toEqual({ poolId: name });
    const before = target.recorder.writes.length;
    expect(await new Member("pool").apply(pool)).toEqual({ poolId: name });
    expect(target.recorder.writes.length).toBe(before);
    await new Member("pool").apply({ ...pool, ensure: "absent" });
  });
}

describe("the fake", () => conformance(startFake, true));

const real = isNamed ? describe : describe.skip;
real("a real Proxmox VE (needs PVE_ENDPOINT, PVE_TOKEN_ID, PVE_TOKEN_SECRET, PVE_FINGERPRINT)", () =>
  conformance(useReal, env["PVE_TEMPLATE"] !== undefined),
);
