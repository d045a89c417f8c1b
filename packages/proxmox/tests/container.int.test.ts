import { expect, it } from "@jest/globals";
import { failure, itFollowsTheOfficialSchema, Member, useFakePve } from "./lab.ts";

const fake = useFakePve();
const TEMPLATE = "local:vztmpl/debian-12.tar.zst";

function inputs(more: object = {}) {
  if (!fake().cluster.volumes.has(TEMPLATE)) fake().cluster.addVolume(TEMPLATE, "vztmpl", 100_000_000);
  return {
    connection: { ...fake().connection, retrySeconds: 10 },
    node: "pve",
    name: "proxy",
    template: TEMPLATE,
    rootDisk: { storage: "local-lvm", size: "4G" },
    networks: [{ bridge: "vmbr0", ipv4: "dhcp" }],
    shutdownTimeoutSeconds: 1,
    taskTimeoutSeconds: 20,
    ...more,
  };
}

const everything = () => ({
  vmid: 200,
  tags: ["B", "a"],
  description: "Notes",
  cores: 2,
  cpuLimit: 0.5,
  memory: 1024,
  swap: 0,
  mountPoints: { mp0: { storage: "local-lvm", size: "1G", path: "/srv", backup: true } },
  networks: [
    {
      bridge: "vmbr0",
      mac: "bc:24:11:00:00:02",
      vlan: 7,
      firewall: true,
      ipv4: "192.0.2.20/24",
      gateway4: "192.0.2.1",
      ipv6: "2001:db8::20/64",
      gateway6: "2001:db8::1",
    },
    { name: "eth1", bridge: "vmbr1", ipv4: "manual" },
  ],
  nameServers: ["192.0.2.53"],
  searchDomain: "example.org",
  sshKeys: ["ssh-ed25519 AAAA a", "ssh-ed25519 BBBB b"],
  nesting: true,
  osType: "debian",
  onBoot: true,
  startup: "order=2",
  protection: false,
});

it("creates a container that runs, and changes nothing at the second apply with every input set", async () => {
  const member = new Member("container");
  const first = await member.apply(inputs(everything()));
  expect(first).toMatchObject({ vmid: 200, node: "pve", ipAddresses: ["192.0.2.20", "2001:db8::20"] });
  expect(first["macAddresses"]).toEqual(["bc:24:11:00:00:02", expect.stringMatching(/^bc:24:11/)]);
  expect(fake().vm(200)).toMatchObject({
    status: "running",
    config: {
      hostname: "proxy",
      rootfs: "local-lvm:vm-200-disk-0,size=4G",
      unprivileged: "1",
      features: "nesting=1",
    },
  });
  fake().requests.length = 0;
  expect(await member.apply(inputs(everything()))).toEqual(first);
  member.forget();
  expect(await member.apply(inputs(everything()))).toEqual(first);
  expect(fake().writes).toEqual([]);
});

it("changes it while it runs, grows its disks, keeps its MAC address, and waits for its address", async () => {
  const member = new Member("container");
  const { macAddresses } = await member.apply(inputs());
  const changed = await member.apply(
    inputs({
      memory: 2048,
      rootDisk: { storage: "local-lvm", size: "6G" },
      networks: [{ bridge: "vmbr1", vlan: 5, ipv4: "dhcp" }],
      waitForIp: {},
    }),
  );
  expect(changed).toMatchObject({ vmid: 100, macAddresses, ipAddresses: ["192.0.2.100", "2001:db8::100"] });
  expect(fake().vm(100)).toMatchObject({
    starts: 1,
    config: { memory: "2048", rootfs: "local-lvm:vm-100-disk-0,size=6G" },
  });
});

it("power cycles for nesting only if allowed, and never recreates it", async () => {
  const member = new Member("container");
  await member.apply(inputs());
  expect(await failure(member.apply(inputs({ nesting: true })))).toContain(
    "container 100 needs a power cycle for features",
  );
  await member.apply(inputs({ nesting: true, rebootForChanges: true }));
  expect(fake().vm(100)).toMatchObject({ starts: 2, config: { features: "nesting=1" } });
  const message = await failure(
    member.apply(inputs({ nesting: true, rootDisk: { storage: "files", size: "1G" } })),
  );
  expect(message).toContain(
    "rootDisk.storage: is on the storage local-lvm and is not moved: run `pct move-volume",
  );
  expect(message).toContain("rootDisk.size: is 4G, and a disk never shrinks");
});

it("keeps the data of a volume that was removed from the inputs", async () => {
  const mountPoints = { mp0: { storage: "local-lvm", size: "1G", path: "/srv" } };
  const member = new Member("container");
  await member.apply(inputs({ mountPoints }));
  expect(await failure(member.apply(inputs()))).toContain(
    "mountPoints.mp0: is no longer in the inputs and holds data",
  );
  await member.apply(inputs({ detachRemovedDisks: true }));
  expect(fake().vm(100).config).toMatchObject({ unused0: "local-lvm:vm-100-disk-1" });
});

it("finds a container that was created and not recorded, and deletes it", async () => {
  const member = new Member("container");
  let isLost = false;
  fake().inject(async ({ method }, next) => {
    const answer = await next();
    if (method !== "POST" || isLost) return answer;
    isLost = true;
    return { ...answer, lost: true };
  });
  await member.apply(inputs());
  expect(fake().cluster.guests.size).toBe(1);
  expect(await member.apply(inputs({ ensure: "absent" }))).toMatchObject({ vmid: null });
  expect(fake().cluster.guests.size).toBe(0);
});

it("reports everything that is missing at once", async () => {
  const message = await failure(
    new Member("container").apply(
      inputs({
        template: "files:vztmpl/none.tar.gz",
        rootDisk: { storage: "local", size: "1G" },
        networks: [{ bridge: "vmbr7" }],
      }),
    ),
  );
  expect(message).toContain("rootDisk.storage: the storage local does not accept the content rootdir");
  expect(message).toContain("networks[0].bridge: there is no bridge vmbr7");
  expect(await failure(new Member("container").apply(inputs({ template: null, rootDisk: null })))).toContain(
    "template: is required",
  );
  expect(
    await failure(new Member("container").apply(inputs({ template: "files:vztmpl/none.tar.gz" }))),
  ).toContain("template: there is no volume files:vztmpl/none.tar.gz");
  expect(fake().writes).toEqual([]);
});

itFollowsTheOfficialSchema();
