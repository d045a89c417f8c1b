// Virtual machines in this process. `vm.int.test.ts` runs the built executable.
import { describe, expect, it } from "@jest/globals";
import { failureOf, Resource, useCluster } from "./in-process.ts";

const fake = useCluster();
const MAC = "bc:24:11:00:00:01";
const inputs = (more: object = {}) => ({
  connection: { ...fake().connection, retrySeconds: 10 },
  node: "pve",
  name: "web",
  disks: { scsi0: { storage: "local-lvm", size: "8G" } },
  networks: [{ bridge: "vmbr0", mac: MAC }],
  shutdownTimeoutSeconds: 1,
  taskTimeoutSeconds: 20,
  ...more,
});
/** The methods and paths of all writes since the last call. */
function writes(): string[] {
  const done = fake().writes.map(({ method, path }) => `${method} ${path}`);
  fake().requests.length = 0;
  return done;
}
const CREATE = "POST /nodes/pve/qemu";
const START = "POST /nodes/pve/qemu/100/status/start";
const HA = "/cluster/ha/resources";

describe("a VM", () => {
  it("is created and started, and then left as it is", async () => {
    const vm = new Resource("vm");
    const outputs = {
      vmid: 100,
      node: "pve",
      macAddresses: [MAC],
      ipAddresses: [],
      hostPublicKey: null,
    };
    expect(await vm.apply(inputs())).toEqual(outputs);
    expect(writes()).toEqual([CREATE, START]);
    expect(await vm.apply(inputs())).toEqual(outputs);
    vm.forget();
    expect(await vm.apply(inputs())).toEqual(outputs);
    expect(writes()).toEqual([]);
  });

  it("that somebody stopped stays stopped", async () => {
    const vm = new Resource("vm");
    await vm.apply(inputs());
    fake().vm(100).status = "stopped";
    await vm.apply(inputs());
    expect(vm.log).toEqual(["info: VM 100 is stopped and stays stopped"]);
    expect(fake().vm(100).status).toBe("stopped");
  });

  it("that an interrupted run created is started by the next one", async () => {
    await new Resource("vm").apply(inputs());
    fake().vm(100).status = "stopped";
    await new Resource("vm").apply(inputs());
    expect(fake().vm(100).status).toBe("running");
  });

  it("that is taken over stays stopped", async () => {
    await new Resource("vm").apply(inputs());
    fake().vm(100).status = "stopped";
    await new Resource("vm").apply(inputs({ vmid: 100, adopt: true }));
    expect(fake().vm(100).status).toBe("stopped");
  });

  it("that was deleted by a run is created again", async () => {
    const vm = new Resource("vm");
    const gone = { vmid: null, node: null, macAddresses: [], ipAddresses: [], hostPublicKey: null };
    expect(await vm.apply(inputs({ ensure: "absent" }))).toEqual(gone);
    expect(writes()).toEqual([]);
    await vm.apply(inputs());
    expect(await vm.apply(inputs({ ensure: "absent" }))).toEqual(gone);
    expect(fake().cluster.guests.size).toBe(0);
    expect(await vm.apply(inputs())).toMatchObject({ vmid: 100 });
    expect(fake().vm(100).status).toBe("running");
  });
});

it("that is gone is created again and started, if that is wanted", async () => {
  const vm = new Resource("vm");
  await vm.apply(inputs());
  fake().cluster.guests.clear();
  expect(await failureOf(vm.apply(inputs()))).toContain("VM 100 (web) is gone: no node has it");
  expect(await vm.apply(inputs({ ifMissing: "create" }))).toMatchObject({ vmid: 100 });
  expect(fake().vm(100).status).toBe("running");
});

describe("the pool", () => {
  const pool = (name: string) =>
    fake().cluster.pools.set(name, { comment: "", storages: new Set(), guests: new Set() });
  const reads = () => fake().requests.filter(({ path }) => path === "/pools").length;

  it("is read only when it may differ", async () => {
    pool("web");
    pool("db");
    const vm = new Resource("vm");
    await vm.apply(inputs({ pool: "web" }));
    expect(reads()).toBe(1);
    writes();
    await vm.apply(inputs({ pool: "web" }));
    expect(reads()).toBe(0);
    await vm.apply(inputs({ pool: "db" }));
    expect(writes()).toEqual(["PUT /pools"]);
    expect(fake().cluster.poolOf(100)).toBe("db");
    await vm.apply(inputs());
    expect(fake().cluster.poolOf(100)).toBeUndefined();
    writes();
    await vm.apply(inputs());
    expect(reads()).toBe(0);
  });
});

describe("high availability", () => {
  it("is set up, and removed only if an earlier run set it up", async () => {
    const vm = new Resource("vm");
    await vm.apply(inputs({ ha: {} }));
    expect(writes()).toEqual([CREATE, `POST ${HA}`]);
    await vm.apply(inputs());
    expect(writes()).toEqual([`DELETE ${HA}/vm%3A100`]);
    fake().cluster.ha.set("vm:100", { state: "started" });
    await vm.apply(inputs());
    expect(writes()).toEqual([]);
  });
});

describe("a lost answer", () => {
  it("does not create a second VM", async () => {
    let isLost = false;
    fake().inject(async ({ method }, next) => {
      const answer = await next();
      if (isLost || method !== "POST") return answer;
      isLost = true;
      return { ...answer, lost: true };
    });
    expect(await new Resource("vm").apply(inputs())).toMatchObject({ vmid: 100 });
    expect([...fake().cluster.guests.keys()]).toEqual([100]);
  });

  it("is an error without time for another attempt", async () => {
    fake().inject(async ({ method }, next) => ({ ...(await next()), lost: method === "POST" }));
    const connection = { ...fake().connection, retrySeconds: 0 };
    expect(await failureOf(new Resource("vm").apply(inputs({ connection })))).toContain(
      "POST /nodes/pve/qemu: no answer received",
    );
  });
});
