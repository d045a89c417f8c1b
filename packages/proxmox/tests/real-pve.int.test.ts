// The same on a real Proxmox VE, and on the fake. PVE_ENDPOINT, PVE_TOKEN_ID, PVE_TOKEN_SECRET and PVE_FINGERPRINT name the real one;
// PVE_NODE, PVE_STORAGE (local-lvm), PVE_FILES (local) and PVE_BRIDGE (vmbr0) what is used there. What the tests make, they delete.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { FakePve } from "./fake-pve/fake-pve.ts";
import { failure, Member } from "./lab.ts";

jest.setTimeout(600_000);

const env = process.env;
const isNamed = ["PVE_ENDPOINT", "PVE_TOKEN_ID", "PVE_TOKEN_SECRET", "PVE_FINGERPRINT"].every(
  (name) => env[name] !== undefined,
);

interface Target {
  connection: Record<string, unknown>;
  node: string;
  storage: string;
  files: string;
  bridge: string;
  close(): Promise<void>;
}

async function startFake(): Promise<Target> {
  const fake = await FakePve.start();
  const { connection } = fake;
  return {
    connection,
    node: "pve",
    storage: "local-lvm",
    files: "files",
    bridge: "vmbr0",
    close: () => fake.close(),
  };
}

async function useReal(): Promise<Target> {
  return {
    connection: {
      endpoint: env["PVE_ENDPOINT"],
      tokenId: env["PVE_TOKEN_ID"],
      tokenSecret: { env: "PVE_TOKEN_SECRET" },
      tlsFingerprint: env["PVE_FINGERPRINT"],
    },
    node: env["PVE_NODE"] ?? "pve",
    storage: env["PVE_STORAGE"] ?? "local-lvm",
    files: env["PVE_FILES"] ?? "local",
    bridge: env["PVE_BRIDGE"] ?? "vmbr0",
    close: async () => {},
  };
}

function conformance(open: () => Promise<Target>): void {
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

  it("makes a VM, knows it again, and finds it by its marker", async () => {
    const given = inputs({
      tags: ["B", "a"],
      description: "Notes",
      bios: "ovmf",
      efiDisk: { storage: target.storage },
      cpuLimit: 0.5,
    });
    const { member, outputs } = await start(given);
    expect(outputs).toMatchObject({ vmid: expect.any(Number), node: target.node });
    expect(await member.apply(given)).toEqual(outputs);
    member.forget();
    expect(await member.apply(given)).toEqual(outputs);
  });

  it("grows a disk and changes what is live, and says what is pending until it is power cycled", async () => {
    const { member, outputs } = await start(inputs());
    const disks = { scsi0: { storage: target.storage, size: "2G" } };
    await member.apply(inputs({ disks, tags: ["a"] }));
    expect(await failure(member.apply(inputs({ disks, cores: 2 })))).toContain(
      "has to be power cycled for cores",
    );
    const cycled = await member.apply(inputs({ disks, cores: 2, rebootForChanges: true }));
    expect(cycled["macAddresses"]).toEqual(outputs["macAddresses"]);
    expect(await failure(member.apply(inputs({ cores: 2 })))).toContain("a disk never shrinks");
  });

  it("tells at once what is missing", async () => {
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
    await new Member("image").apply({ ...image, ensure: "absent" });
  });

  it("makes a pool, and deletes it", async () => {
    const pool = { connection: target.connection, name };
    expect(await new Member("pool").apply(pool)).toEqual({ poolId: name });
    await new Member("pool").apply({ ...pool, ensure: "absent" });
  });
}

describe("the fake", () => conformance(startFake));

const real = isNamed ? describe : describe.skip;
real("a real Proxmox VE (needs PVE_ENDPOINT, PVE_TOKEN_ID, PVE_TOKEN_SECRET, PVE_FINGERPRINT)", () =>
  conformance(useReal),
);
