// What else happens to guests in a cluster: they are deleted by hand, their IDs are used again, answers are lost while tasks run.
import { describe, expect, it } from "@jest/globals";
import type { FakeRequest } from "./fake-pve/request.ts";
import { failure, itFollowsTheOfficialSchema, Member, useFakePve, vmInputs } from "./lab.ts";

const fake = useFakePve();
const inputs = (more: object = {}) => vmInputs(fake(), more as never);

/** Loses the answer to the first request that matches. */
function loseOne(matches: (request: FakeRequest) => boolean): void {
  let isLost = false;
  fake().inject(async (request, next) => {
    const answer = await next();
    if (isLost || !matches(request)) return answer;
    isLost = true;
    return { ...answer, lost: true };
  });
}

describe("an ID that another guest of the same owner has now", () => {
  const reused = async () => {
    const web = new Member("vm");
    await web.apply(inputs());
    fake().cluster.guests.delete(100);
    await new Member("vm").apply(inputs({ name: "db" }));
    fake().requests.length = 0;
    return web;
  };

  it("is not changed, and the old guest is reported as gone", async () => {
    const web = await reused();
    const message = await failure(web.apply(inputs({ cores: 4 })));
    expect(message).toContain("VM 100 (web) is gone");
    expect(message).toContain("VM 100 (db) on pve belongs to the owner nixops4 as db");
    expect(fake().writes).toEqual([]);
  });

  it("is not deleted with the old guest", async () => {
    const web = await reused();
    expect(await web.apply(inputs({ ensure: "absent" }))).toMatchObject({ vmid: null });
    expect(fake().writes).toEqual([]);
    expect(fake().vm(100).config["name"]).toBe("db");
  });

  it("is left to the other guest when a new one is created", async () => {
    const web = await reused();
    expect(await web.apply(inputs({ ifMissing: "create" }))).toMatchObject({ vmid: 101 });
    expect(fake().vm(100).config["name"]).toBe("db");
  });

  it("is refused where it is an input", async () => {
    await new Member("vm").apply(inputs({ vmid: 150, name: "db" }));
    fake().requests.length = 0;
    const message = await failure(new Member("vm").apply(inputs({ vmid: 150 })));
    expect(message).toContain("VM 150 (db) on pve belongs to the owner nixops4 as db");
    expect(fake().writes).toEqual([]);
  });

  it("stays the same when the name changes", async () => {
    const vm = new Member("vm");
    await vm.apply(inputs({ vmid: 150 }));
    expect(await vm.apply(inputs({ vmid: 150, name: "site" }))).toMatchObject({ vmid: 150 });
    expect(fake().vm(150).config["description"]).toContain("name=site");
  });
});

function inputsOf(type: string) {
  if (type === "vm") return inputs();
  const template = "local:vztmpl/debian.tar.zst";
  fake().cluster.addVolume(template, "vztmpl", 1_000);
  const { disks: _, ...rest } = inputs();
  return { ...rest, template, rootDisk: { storage: "local-lvm", size: "1G" } };
}

it("a VM that is gone is created again only once, even if the answer is lost", async () => {
  const vm = new Member("vm");
  await vm.apply(inputs());
  fake().cluster.guests.delete(100);
  await new Member("vm").apply(inputs({ name: "db" }));
  loseOne(({ method, path }) => method === "POST" && path.endsWith("/qemu"));
  expect(await vm.apply(inputs({ ifMissing: "create" }))).toMatchObject({ vmid: 101 });
  expect(fake().vm(101)).toMatchObject({ status: "running", config: { name: "web" } });
  expect(fake().cluster.guests.size).toBe(2);
});

describe("a lost answer, while its task goes on,", () => {
  it.each(["vm", "container"])("to the start of a %s does not make the run fail", async (type) => {
    const given = inputsOf(type);
    const member = new Member(type);
    await member.apply({ ...given, started: false });
    fake().cluster.tasks.durationMs = 1_000;
    loseOne(({ path }) => path.endsWith("/status/start"));
    await member.apply({ ...given, started: true });
    expect(fake().vm(100)).toMatchObject({ status: "running", starts: 1 });
  });

  it.each(["vm", "container"])("to the shutdown of a %s does not make the run fail", async (type) => {
    const given = inputsOf(type);
    const member = new Member(type);
    await member.apply(given);
    fake().cluster.tasks.durationMs = 1_000;
    loseOne(({ path }) => path.endsWith("/status/shutdown"));
    await member.apply({ ...given, started: false });
    expect(fake().vm(100).status).toBe("stopped");
  });

  it("to the deletion does not make the run fail", async () => {
    const vm = new Member("vm");
    await vm.apply(inputs({ started: false }));
    fake().cluster.tasks.durationMs = 1_000;
    loseOne(({ method }) => method === "DELETE");
    expect(await vm.apply(inputs({ started: false, ensure: "absent" }))).toMatchObject({ vmid: null });
    expect(fake().cluster.guests.size).toBe(0);
  });
});

it("a VM that starts again by itself late in a power cycle is not started twice", async () => {
  const vm = new Member("vm");
  await vm.apply(inputs());
  fake().vm(100).restartMs = 5_500;
  fake().cluster.tasks.durationMs = 1_500;
  await vm.apply(inputs({ cores: 4, rebootForChanges: true }));
  expect(fake().vm(100)).toMatchObject({ status: "running", starts: 2, pending: {} });
});

itFollowsTheOfficialSchema();
