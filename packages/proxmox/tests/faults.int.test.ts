import { describe, expect, it } from "@jest/globals";
import { FakePve } from "./fake-pve/fake-pve.ts";
import type { Fault } from "./fake-pve/request.ts";
import { privileges, withoutPrivileges } from "./fake-pve/roles.ts";
import { failure, itFollowsTheOfficialSchema, Member, useFakePve, vmInputs } from "./lab.ts";

const fake = useFakePve();

/** The n-th request is carried out, but its answer is lost; with `forever`, all later answers, too. */
function loseAnswer(n: number, { forever = false } = {}): Fault {
  let count = 0;
  return async (_, next) => {
    const answer = await next();
    count++;
    return count === n || (forever && count > n) ? { ...answer, lost: true } : answer;
  };
}

const inputs = (more: object = {}) => vmInputs(fake(), { waitForIp: {}, ...more });

describe("a connection that breaks", () => {
  it("after any request of a creation leaves one VM, which the same run completes", async () => {
    await new Member("vm").apply(inputs());
    const requests = fake().requests.length;
    expect(requests).toBeGreaterThan(10);
    for (let n = 1; n <= requests; n++) {
      const name = `web${n}`;
      const heal = fake().inject(loseAnswer(n));
      const outputs = await new Member("vm").apply(inputs({ name }));
      heal();
      const named = [...fake().cluster.guests.values()].filter(({ config }) => config["name"] === name);
      expect(named.map(({ vmid, status }) => [vmid, status])).toEqual([[outputs["vmid"], "running"]]);
    }
  }, 300_000);

  it("permanently after any request of a creation leaves one VM, which the next apply completes", async () => {
    // The number of requests depends on the speed of the machine: goes on until a run has fewer.
    for (let n = 1; ; n++) {
      const name = `web${n}`;
      const heal = fake().inject(loseAnswer(n, { forever: true }));
      const connection = { ...fake().connection, retrySeconds: 0 };
      const error = await new Member("vm").apply(inputs({ name, connection })).then(
        () => undefined,
        (reason: unknown) => (reason as Error).message,
      );
      heal();
      if (error === undefined) {
        expect(n).toBeGreaterThan(10);
        break;
      }
      expect(error).toMatch(/no answer received|cannot connect/);
      const outputs = await new Member("vm").apply(inputs({ name }));
      const named = [...fake().cluster.guests.values()].filter(({ config }) => config["name"] === name);
      expect(named.map(({ vmid, status }) => [vmid, status])).toEqual([[outputs["vmid"], "running"]]);
    }
  }, 300_000);

  it("while the VM is being created makes the next apply wait for it", async () => {
    fake().cluster.tasks.durationMs = 1_500;
    const heal = fake().inject(async ({ method, path }, next) => {
      const answer = await next();
      return method === "POST" && path.endsWith("/qemu") ? { ...answer, lost: true } : answer;
    });
    const first = new Member("vm").apply(inputs({ connection: { ...fake().connection, timeoutSeconds: 5 } }));
    await first.catch(() => {});
    heal();
    await new Member("vm").apply(inputs());
    expect([...fake().cluster.guests.keys()]).toEqual([100]);
  });
});

describe("a daemon", () => {
  // With 595, the request did not reach the node. With 596 and 599, it may have.
  it.each([
    [595, "No route to host"],
    [596, "Connection timed out"],
    [599, "Connection broken"],
  ])("that answers %d for a moment gets the request again", async (status, reason) => {
    let failures = 3;
    fake().inject(async (_, next) => (failures-- > 0 ? { status, reason } : next()));
    expect(await new Member("vm").apply(inputs())).toMatchObject({ vmid: 100 });
    expect(fake().cluster.guests.size).toBe(1);
  });

  it.each([
    [596, "Connection timed out"],
    [599, "Connection broken"],
  ])("that answers %d to the creation of a VM may have created it", async (status, reason) => {
    let hangs = true;
    fake().inject(async ({ method }, next) => {
      const answer = await next();
      if (!hangs || method !== "POST") return answer;
      hangs = false;
      return { status, reason };
    });
    expect(await new Member("vm").apply(inputs())).toMatchObject({ vmid: 100 });
    expect(fake().cluster.guests.size).toBe(1);
  });

  it("that answers 595 to the creation of a VM gets the request again", async () => {
    let failures = 2;
    fake().inject(async ({ method }, next) =>
      method === "POST" && failures-- > 0 ? { status: 595, reason: "No route to host" } : next(),
    );
    expect(await new Member("vm").apply(inputs({ started: false, waitForIp: null }))).toMatchObject({
      vmid: 100,
    });
    expect(fake().writes.map(({ params }) => params["vmid"])).toEqual(["100", "100", "100"]);
  });

  it("that does not know a new task yet gets the request again", async () => {
    fake().cluster.tasks.unknownMs = 500;
    expect(await new Member("vm").apply(inputs())).toMatchObject({ vmid: 100 });
  });
});

describe("a lock", () => {
  const busy = async () => {
    const vm = new Member("vm");
    await vm.apply(inputs());
    return vm;
  };

  it("of another operation is waited for, whether the request or the task meets it", async () => {
    const vm = await busy();
    fake().vm(100).lock = "backup";
    const disks = { scsi0: { storage: "local-lvm", size: "9G" } };
    const change = vm.apply(inputs({ tags: ["a"], disks }));
    setTimeout(() => (fake().vm(100).lock = undefined), 2_000);
    await change;
    expect(fake().vm(100).config).toMatchObject({ tags: "a", scsi0: expect.stringContaining("size=9G") });
    fake().vm(100).lock = "snapshot";
    const stop = vm.apply(inputs({ tags: ["a"], disks, waitForIp: null, started: false }));
    setTimeout(() => (fake().vm(100).lock = undefined), 2_000);
    await stop;
    expect(fake().vm(100).status).toBe("stopped");
  });

  it("that stays is an error", async () => {
    const vm = await busy();
    fake().vm(100).lock = "migrate";
    const connection = { ...fake().connection, retrySeconds: 1 };
    expect(await failure(vm.apply(inputs({ tags: ["a"], connection })))).toContain("VM is locked (migrate)");
  });

  it("of the configuration file, which parallel runs wait for, is waited for", async () => {
    let locked = 4;
    fake().inject(async ({ method }, next) =>
      method === "POST" && locked-- > 0
        ? { status: 500, reason: "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout" }
        : next(),
    );
    expect(await new Member("vm").apply(inputs())).toMatchObject({ vmid: 100 });
  });
});

describe("another client", () => {
  it.each(["GET", "PUT"])(
    "that changes the VM between observation and write, before %s of its configuration, keeps its change",
    async (moment) => {
      const vm = new Member("vm");
      await vm.apply(inputs());
      let isFirst = true;
      fake().inject(async ({ method, path }, next) => {
        if (method === moment && path.endsWith("/config") && isFirst) {
          isFirst = false;
          fake().vm(100).config["net0"] = `${fake().vm(100).config["net0"]},queues=2`;
        }
        return next();
      });
      await vm.apply(inputs({ networks: [{ bridge: "vmbr0", vlan: 5 }] }));
      expect(isFirst).toBe(false);
      expect(fake().vm(100).config["net0"]).toMatch(/queues=2.*tag=5/);
    },
  );

  it("that migrates the VM between plan and change does not stop the change", async () => {
    fake().cluster.nodes.set("pve2", { isOnline: true, bridges: ["vmbr0"] });
    const vm = new Member("vm");
    await vm.apply(inputs());
    let isFirst = true;
    fake().inject(async ({ method, path }, next) => {
      if (method === "PUT" && path.endsWith("/config") && isFirst) {
        isFirst = false;
        fake().vm(100).node = "pve2";
      }
      return next();
    });
    expect(await vm.apply(inputs({ tags: ["a"] }))).toMatchObject({ vmid: 100, node: "pve2" });
    expect(fake().vm(100).config["tags"]).toBe("a");
  });

  it("that migrated the VM before does not stop the change, even if its first node is gone", async () => {
    fake().cluster.nodes.set("pve2", { isOnline: true, bridges: ["vmbr0"] });
    const vm = new Member("vm");
    await vm.apply(inputs());
    fake().vm(100).node = "pve2";
    fake().cluster.nodes.delete("pve");
    expect(await vm.apply(inputs({ tags: ["a"] }))).toMatchObject({ vmid: 100, node: "pve2" });
  });
});

describe("before the first change", () => {
  it("everything that is missing is reported at once", async () => {
    const message = await failure(
      new Member("vm").apply(
        inputs({
          disks: {
            scsi0: { storage: "nowhere", size: "8G" },
            scsi1: { storage: "local", importFrom: "local:import/nixos.qcow2" },
          },
          networks: [{ bridge: "vmbr9" }],
        }),
      ),
    );
    for (const text of [
      "cannot create the VM web: nothing was changed",
      "disks.scsi0.storage: the storage nowhere is not on pve",
      "disks.scsi1.storage: the storage local does not accept the content images (it accepts iso,vztmpl,backup)",
      "disks.scsi1.importFrom: the storage local does not accept the content import",
      "pvesm set local --content iso,vztmpl,backup,import",
      "networks[0].bridge: there is no bridge vmbr9 on pve; existing bridges: vmbr0, vmbr1",
    ]) {
      expect(message).toContain(text);
    }
    expect(fake().writes).toEqual([]);
  });

  it("missing images and nodes are reported, and nodes that are offline", async () => {
    const disks = { scsi0: { storage: "files", importFrom: "files:import/nixos.qcow2" } };
    expect(await failure(new Member("vm").apply(inputs({ disks })))).toContain(
      "disks.scsi0.importFrom: there is no volume files:import/nixos.qcow2 on pve",
    );
    expect(await failure(new Member("vm").apply(inputs({ node: "pve7" })))).toContain(
      "node: there is no node pve7; existing nodes: pve",
    );
    fake().cluster.nodes.set("pve7", { isOnline: false, bridges: [] });
    expect(await failure(new Member("vm").apply(inputs({ node: "pve7" })))).toContain(
      "node: pve7 is offline",
    );
    expect(fake().writes).toEqual([]);
  });

  it.each([
    "VM.Allocate",
    "VM.Config.Disk",
    "VM.Config.CPU",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.HWType",
    "VM.Config.Options",
    "VM.PowerMgmt",
    "Datastore.AllocateSpace",
    "SDN.Use",
  ])("it is reported that the token lacks %s", async (privilege) => {
    privileges(fake(), { "/": withoutPrivileges("9.2", [privilege]) });
    const message = await failure(new Member("vm").apply(inputs()));
    expect(message).toContain(`the token lacks the privilege ${privilege} on`);
    expect(fake().writes).toEqual([]);
  });

  it("privileges on a pool apply to its VMs", async () => {
    fake().cluster.pools.set("web", { comment: "", storages: new Set(), guests: new Set() });
    const all = withoutPrivileges("9.2", []);
    privileges(fake(), { "/pool/web": all, "/storage": all, "/sdn": all });
    expect(await new Member("vm").apply(inputs({ pool: "web" }))).toMatchObject({ vmid: 100 });
  });

  it("an ID of another owner is reported", async () => {
    await new Member("vm").apply(inputs());
    const message = await failure(
      new Member("vm").apply(inputs({ name: "mail", vmid: 100, owner: "other" })),
    );
    expect(message).toContain("VM 100 (web) on pve belongs to the owner nixops4");
    expect(message).toContain("choose another ID, or take it over with adopt = true");
  });

  it("a VM of the same name without our marker is neither taken over nor duplicated nor deleted", async () => {
    await new Member("vm").apply(inputs());
    fake().vm(100).config["description"] = "Made by hand";
    fake().requests.length = 0;
    expect(await failure(new Member("vm").apply(inputs()))).toContain(
      "VM 100 (web) on pve was not created by nixops4",
    );
    expect(await new Member("vm").apply(inputs({ ensure: "absent", waitForIp: null }))).toMatchObject({
      vmid: null,
    });
    expect(await failure(new Member("vm").apply(inputs({ vmid: 100, ensure: "absent" })))).toContain(
      "was not created by nixops4",
    );
    expect(fake().writes).toEqual([]);
  });

  it("protection is respected", async () => {
    const vm = new Member("vm");
    await vm.apply(inputs({ protection: true }));
    expect(await failure(vm.apply(inputs({ protection: true, ensure: "absent" })))).toContain(
      "VM 100 is protected",
    );
    await vm.apply(inputs({ protection: false }));
    await vm.apply(inputs({ protection: false, ensure: "absent" }));
    expect(fake().cluster.guests.size).toBe(0);
  });
});

describe("the server", () => {
  it("whose certificate has another fingerprint gets no token", async () => {
    const tlsFingerprint = fake().fingerprint.replace(/^../, (first) => (first === "AA" ? "BB" : "AA"));
    const message = await failure(
      new Member("vm").apply(inputs({ connection: { ...fake().connection, tlsFingerprint } })),
    );
    expect(message).toContain(
      `the server's certificate has the fingerprint ${fake().fingerprint}, not the one expected`,
    );
    expect(fake().connections).toBe(1);
    expect(fake().requestsSeen).toBe(0);
  });

  it.each([
    ["with another fingerprint", { tlsFingerprint: Array(32).fill("00").join(":") }],
    ["of no CA that is trusted", { tlsFingerprint: undefined }],
  ])("whose certificate is refused, %s, gets no second attempt", async (_, refused) => {
    // With the default retrySeconds, 120 s.
    const connection = { ...fake().connection, ...refused };
    await failure(new Member("vm").apply(inputs({ connection })));
    expect(fake().connections).toBe(1);
    expect(fake().requestsSeen).toBe(0);
  });

  it("is trusted by its CA, or with insecure", async () => {
    const { tlsFingerprint: _, ...connection } = fake().connection;
    expect(await failure(new Member("vm").apply(inputs({ connection })))).toMatch(
      /cannot connect to .*self-signed certificate/,
    );
    expect(fake().requestsSeen).toBe(0);
    const caCertificate = fake().certificate;
    await new Member("vm").apply(inputs({ connection: { ...connection, caCertificate } }));
    await new Member("vm").apply(inputs({ connection: { ...connection, insecure: true } }));
    const both = { ...fake().connection, caCertificate };
    expect(await failure(new Member("vm").apply(inputs({ connection: both })))).toContain(
      "must have at most one of tlsFingerprint, caCertificate, insecure",
    );
  });

  it("that refuses the token is reported, without the token", async () => {
    const secret = "11111111-2222-3333-4444-555555555555";
    const vm = new Member("vm");
    const message = await failure(
      vm.apply(inputs({ connection: { ...fake().connection, tokenSecret: { value: secret } } })),
    );
    expect(message).toContain("401 Authentication failed!");
    expect(message).toContain("Check connection.tokenId");
    expect(message + vm.log).not.toContain(secret);
  });

  it("that does not run is reported soon", async () => {
    const gone = await FakePve.start();
    await gone.close();
    const connection = { ...gone.connection, retrySeconds: 1 };
    expect(await failure(new Member("vm").apply(inputs({ connection })))).toMatch(
      /cannot connect to .*ECONNREFUSED/,
    );
  });
});

describe("high availability", () => {
  it("is set up, changed and removed", async () => {
    const vm = new Member("vm");
    await vm.apply(inputs({ waitForIp: null, ha: {} }));
    expect(fake().cluster.ha.get("vm:100")).toMatchObject({ state: "started", max_restart: "1" });
    expect(fake().vm(100).status).toBe("running");
    fake().requests.length = 0;
    await vm.apply(inputs({ waitForIp: null, ha: {} }));
    expect(fake().writes).toEqual([]);
    await vm.apply(inputs({ waitForIp: null, ha: { maxRestart: 3 } }));
    expect(fake().cluster.ha.get("vm:100")).toMatchObject({ max_restart: "3" });
    await vm.apply(inputs());
    expect(fake().cluster.ha.size).toBe(0);
    await vm.apply(inputs({ waitForIp: null, ha: {} }));
    await vm.apply(inputs({ waitForIp: null, ha: {}, ensure: "absent" }));
    expect(fake().cluster.ha.size).toBe(0);
  });
});

describe("a pool", () => {
  it("gets the VM, passes it on and loses it, and a change without effect is an error", async () => {
    for (const pool of ["a", "b/c"])
      fake().cluster.pools.set(pool, { comment: "", storages: new Set(), guests: new Set() });
    const vm = new Member("vm");
    await vm.apply(inputs({ pool: "a" }));
    expect(fake().cluster.poolOf(100)).toBe("a");
    await vm.apply(inputs({ pool: "b/c" }));
    expect(fake().cluster.poolOf(100)).toBe("b/c");
    await vm.apply(inputs());
    expect(fake().cluster.poolOf(100)).toBeUndefined();
    fake().inject(async ({ method, path }, next) =>
      method === "PUT" && path === "/pools" ? { status: 200 } : next(),
    );
    expect(await failure(vm.apply(inputs({ pool: "a" })))).toContain(
      "reported success, but did not add VM 100 to the pool a",
    );
  });
});

itFollowsTheOfficialSchema();
