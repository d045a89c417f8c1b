// Containers in this process. `container.int.test.ts` runs the built executable.
import { beforeEach, describe, expect, it } from "@jest/globals";
import { privileges, withoutPrivileges } from "./fake-pve/roles.ts";
import { failureOf, Resource, useCluster } from "./in-process.ts";

const fake = useCluster();
const TEMPLATE = "local:vztmpl/debian-12.tar.zst";
beforeEach(() => void fake().cluster.addVolume(TEMPLATE, "vztmpl", 100_000_000));

const MAC = "bc:24:11:00:00:02";
const NETWORK = { bridge: "vmbr0", mac: MAC };
const inputs = (more: object = {}) => ({
  connection: { ...fake().connection, retrySeconds: 0 },
  node: "pve",
  name: "proxy",
  template: TEMPLATE,
  rootDisk: { storage: "local-lvm", size: "4G" },
  networks: [NETWORK],
  shutdownTimeoutSeconds: 1,
  taskTimeoutSeconds: 20,
  ...more,
});
const apply = (more: object = {}) => new Resource("container").apply(inputs(more));
const created = {
  vmid: "100",
  ostemplate: TEMPLATE,
  unprivileged: "1",
  hostname: "proxy",
  rootfs: "local-lvm:4",
  net0: `name=eth0,bridge=vmbr0,hwaddr=${MAC.toUpperCase()},type=veth`,
  description: "<!-- nixops4: owner=nixops4 name=proxy -->",
};

describe("a new container", () => {
  it.each([
    ["has its keys", {}, created],
    ["is privileged", { unprivileged: false }, { ...created, unprivileged: "0" }],
    [
      "has SSH keys",
      { sshKeys: ["ssh-ed25519 A", "ssh-ed25519 B"] },
      { ...created, "ssh-public-keys": "ssh-ed25519 A\nssh-ed25519 B" },
    ],
    ["has notes", { description: "Notes" }, { ...created, description: `Notes\n\n${created.description}` }],
  ])("%s", async (_, more, params) => {
    await apply({ started: false, ...more });
    expect(fake().writes.map((one) => [one.method, one.path, one.params])).toEqual([
      ["POST", "/nodes/pve/lxc", params],
    ]);
  });

  it("is started", async () => {
    expect(await apply()).toEqual({ vmid: 100, node: "pve", macAddresses: [MAC], ipAddresses: [] });
    expect(fake().vm(100).status).toBe("running");
  });

  it("needs a template and a root", async () => {
    expect(await failureOf(apply({ template: null, rootDisk: null }))).toBe(
      "cannot create the container proxy:\n  template: is required for a new container\n  rootDisk: is required for a new container",
    );
    expect(fake().writes).toEqual([]);
  });

  it("that is privileged needs a privilege of its own", async () => {
    privileges(fake(), { "/": withoutPrivileges("9.2", ["Sys.Modify"]) });
    expect(await failureOf(apply({ unprivileged: false }))).toBe(
      "cannot create the container proxy: nothing was changed:\n  unprivileged: the token lacks the privilege Sys.Modify on /",
    );
    expect(await apply()).toMatchObject({ vmid: 100 });
  });
});

it.each([
  ["cores", { cores: 2 }, "VM.Config.CPU"],
  ["memory", { memory: 512 }, "VM.Config.Memory"],
  ["networks[0]", {}, "VM.Config.Network"],
  ["rootDisk", {}, "VM.Config.Disk"],
  ["onBoot", { onBoot: true }, "VM.Config.Options"],
])("the input %s needs its own privilege", async (path, more, privilege) => {
  privileges(fake(), { "/": withoutPrivileges("9.2", [privilege]) });
  expect(await failureOf(apply(more))).toContain(
    `${path}: the token lacks the privilege ${privilege} on /vms/0`,
  );
});

describe("an existing container", () => {
  it("stays as it is", async () => {
    const container = new Resource("container");
    const first = await container.apply(inputs());
    const count = fake().writes.length;
    expect(await container.apply(inputs())).toEqual(first);
    container.forget();
    expect(await container.apply(inputs({ template: null }))).toEqual(first);
    expect(fake().writes).toHaveLength(count);
  });

  it("is changed if the privileges suffice", async () => {
    const container = new Resource("container");
    await container.apply(inputs());
    privileges(fake(), { "/": withoutPrivileges("9.2", ["VM.Config.Memory"]) });
    expect(await failureOf(container.apply(inputs({ memory: 1024 })))).toContain(
      "cannot change container 100: nothing was changed:\n  memory: the token lacks the privilege VM.Config.Memory on /vms/100",
    );
    await container.apply(inputs({ cores: 2 }));
    expect(fake().vm(100).config["cores"]).toBe("2");
  });

  it("keeps a volume that was removed from the inputs, unless it may be detached", async () => {
    const container = new Resource("container");
    const mp0 = { storage: "local-lvm", size: "1G", path: "/srv" };
    await container.apply(inputs({ mountPoints: { mp0 } }));
    expect(await failureOf(container.apply(inputs()))).toContain(
      "mountPoints.mp0: is no longer in the inputs",
    );
    await container.apply(inputs({ detachRemovedDisks: true }));
    expect(fake().vm(100).config).toMatchObject({ unused0: "local-lvm:vm-100-disk-1" });
  });

  it("is deleted", async () => {
    const container = new Resource("container");
    await container.apply(inputs());
    expect(await container.apply(inputs({ ensure: "absent" }))).toEqual({
      vmid: null,
      node: null,
      macAddresses: [],
      ipAddresses: [],
    });
    expect(fake().cluster.guests.size).toBe(0);
  });
});

describe("the addresses", () => {
  const wait = { waitForIp: { timeoutSeconds: 5 } };
  const interfaces = (...answers: unknown[]) =>
    fake().inject(async ({ path }, next) => {
      if (!path.endsWith("/interfaces")) return next();
      const data = answers.length > 1 ? answers.shift() : answers[0];
      return typeof data === "number" ? { status: data, reason: "no" } : { status: 200, data };
    });
  const card = { hwaddr: MAC, "ip-addresses": [{ "ip-address": "192.0.2.9" }] };

  it.each([
    ["of DHCP are not known without a wait", { ipv4: "dhcp", ipv6: "auto" }, []],
    ["are the static ones", { ipv4: "192.0.2.1/24", ipv6: "2001:db8::1/64" }, ["192.0.2.1", "2001:db8::1"]],
    ["are only that of IPv6", { ipv4: "manual", ipv6: "2001:db8::1/64" }, ["2001:db8::1"]],
  ])("%s", async (_, network, ipAddresses) => {
    expect(await apply({ networks: [{ ...NETWORK, ...network }] })).toMatchObject({ ipAddresses });
  });

  it("are none without a card", async () => {
    expect(await apply({ networks: null })).toMatchObject({ ipAddresses: [], macAddresses: [] });
  });

  it.each([
    ["as Proxmox VE 8 gives them", [[card]]],
    ["as Proxmox VE 9 gives them", [[{ ...card, hwaddr: undefined, "hardware-address": MAC }]]],
    ["after an answer without any", [null, [], [{}, { hwaddr: MAC }], [card]]],
    ["after an error", [500, [card]]],
  ])("are waited for, %s", async (_, answers) => {
    interfaces(...answers);
    expect(await apply(wait)).toMatchObject({ ipAddresses: ["192.0.2.9"] });
  });

  it.each([
    [
      "that never come",
      null,
      "waitForIp: container 100 has reported no address of its first network card within 0.01 s",
    ],
    [
      "that a stopped container does not have",
      500,
      "waitForIp: container 100 has not answered within 0.01 s: GET /nodes/pve/lxc/100/interfaces: 500 no",
    ],
    ["that may not be read", 403, "GET /nodes/pve/lxc/100/interfaces: 403 no"],
  ])("%s are an error", async (_, answer, message) => {
    interfaces(answer);
    const text = await failureOf(apply({ waitForIp: { timeoutSeconds: 0.01 } }));
    expect(text.split("\n")[0]).toBe(message);
  });
});
