import { beforeEach, describe, expect, it } from "@jest/globals";
import type { HetznerFake } from "./cloud/hetzner-fake.ts";
import { broken, lagging, lostAnswer, quota, tooMany } from "./cloud/faults.ts";
import { CLOUDS, dig, dnsServersAvailable, type LabBackend, Member, startForSuite } from "./lab.ts";

const suite = dnsServersAvailable ? describe : describe.skip;

suite.each(CLOUDS)("faults of $label", ({ start }) => {
  let backend: LabBackend;
  let count = 0;
  let names: string[];

  startForSuite(start, (started) => (backend = started));
  beforeEach(() => {
    backend.fake!.faults = [];
    backend.fake!.requests.length = 0;
    count += 1;
    names = [`one${count}`, `two${count}`];
  });

  const records = (value: string) => ({
    ttl: 900,
    records: {
      [names[0]!]: { A: { values: [value] } },
      [names[1]!]: { TXT: { values: [value] }, A: { values: [value] } },
    },
  });
  const see = async () => [
    await dig(backend.target, `${names[0]}.example.test`, "A"),
    await dig(backend.target, `${names[1]}.example.test`, "TXT"),
    await dig(backend.target, `${names[1]}.example.test`, "A"),
  ];
  const served = (value: string) => [[value], [`"${value}"`], [value]];
  /** Creates and changes. */
  const applyTwice = async () => {
    const member = new Member(backend, "records");
    await member.apply(records("192.0.2.1"));
    expect(await see()).toEqual(served("192.0.2.1"));
    await member.apply(records("192.0.2.2"));
    expect(await see()).toEqual(served("192.0.2.2"));
  };

  it.each([
    { what: "429 with Retry-After", fault: () => tooMany(4) },
    {
      what: "429 with a date in Retry-After",
      fault: () => tooMany(6, { "retry-after": new Date(Date.now() + 2000).toUTCString() }),
    },
    { what: "lost answers of writes", fault: () => lostAnswer(2) },
    { what: "503 now and then", fault: () => broken() },
    { what: "reads that lag behind", fault: () => lagging(1000) },
  ])("is right in the end with $what", async ({ fault }) => {
    backend.fake!.faults = [fault()];
    await applyTwice();
  });

  it("neither doubles nor loses with lost answers and reads that lag behind at once", async () => {
    backend.fake!.faults = [lostAnswer(2), lagging(700)];
    await applyTwice();
  });

  it.each([
    {
      field: "RateLimit-Remaining and seconds in RateLimit-Reset",
      tell: (left: number, seconds: number) => ({
        "ratelimit-remaining": String(left),
        "ratelimit-reset": String(seconds),
      }),
    },
    {
      field: "RateLimit-Remaining and a time in RateLimit-Reset",
      tell: (left: number, seconds: number) => ({
        "ratelimit-remaining": String(left),
        "ratelimit-reset": String(Math.ceil(Date.now() / 1000) + seconds),
      }),
    },
    {
      field: "RateLimit",
      tell: (left: number, seconds: number) => ({ ratelimit: `"default";r=${left};t=${seconds}` }),
    },
  ])("slows down by $field before it is refused", async ({ tell }) => {
    let refused = 0;
    backend.fake!.faults = [
      async (request, next) => {
        const answer = await next(request);
        if (answer?.status === 429) refused += 1;
        return answer;
      },
      quota(8, tell),
    ];
    await new Member(backend, "records").apply(records("192.0.2.3"));
    expect(await see()).toEqual(served("192.0.2.3"));
    expect(refused).toBe(0);
  });

  it("says when a quota is used up for long", async () => {
    backend.fake!.faults = [tooMany(1, { "retry-after": "40000" })];
    await expect(new Member(backend, "records").apply(records("192.0.2.4"))).rejects.toThrow(
      /asks to wait for 40000 s more; its quota is used up/,
    );
  });

  it("says that a token is wrong, without showing it", async () => {
    const [[kind, settings]] = Object.entries(backend.server) as [[string, object]];
    const server = { [kind]: { ...settings, token: { value: "a-wrong-token" } } };
    const refused = new Member(backend, "records").apply({ ...records("192.0.2.4"), server });
    await expect(refused).rejects.toThrow(/failed: 401/);
    await expect(refused).rejects.not.toThrow(/a-wrong-token/);
  });

  it("says that the account has no such zone, and does not take it for an empty one", async () => {
    const wrong = new Member(backend).apply({
      zone: "nowhere.test",
      name: "x",
      type: "A",
      ttl: 900,
      values: [],
    });
    await expect(wrong).rejects.toThrow(/404|no zone nowhere\.test\./);
  });

  it("keeps what others have noted beside the values", async () => {
    const { fake } = backend;
    const edit = (of: (key: string) => boolean) =>
      fake!.change("example.test", (rrsets) => {
        for (const [key, rrset] of rrsets)
          if (of(key)) rrsets.set(key, { ...rrset, labels: { ...rrset.labels, team: "web" } });
      });
    const member = new Member(backend, "records");
    await member.apply(records("192.0.2.5"));
    await edit((key) => key === `${names[0]} A`);
    await member.apply(records("192.0.2.6"));
    await member.apply({ ...records("192.0.2.6"), marker: { owner: "another" }, onConflict: "overwrite" });
    if ("hetzner" in backend.server) {
      expect(fake!.zones.get("example.test")!.get(`${names[0]} A`)!.labels).toEqual({
        team: "web",
        "nixops4-owner": "another",
      });
    }
    expect(await see()).toEqual(served("192.0.2.6"));
  });

  if (CLOUDS.find(({ start: one }) => one === start)!.label.startsWith("desec")) {
    it("writes all in one request", async () => {
      const many = Object.fromEntries(
        Array.from({ length: 40 }, (_, index) => [`many${index}`, { A: { values: ["192.0.2.1"] } }]),
      );
      await new Member(backend, "records").apply({ ttl: 900, records: many });
      expect(backend.fake!.requests.filter(({ method }) => method !== "GET")).toHaveLength(1);
    });
  }

  if (CLOUDS.find(({ start: one }) => one === start)!.label.startsWith("hetzner")) {
    it("waits for actions, and tells of one that fails", async () => {
      const fake = backend.fake as HetznerFake;
      fake.actionMs = 600;
      await new Member(backend).apply({
        name: names[0],
        type: "A",
        ttl: 900,
        values: ["192.0.2.1"],
        verify: { authoritative: false },
      });
      expect(await dig(backend.target, `${names[0]}.example.test`, "A")).toEqual(["192.0.2.1"]);
      fake.failingActions = 1;
      await expect(
        new Member(backend).apply({ name: names[1], type: "A", ttl: 900, values: ["192.0.2.1"] }),
      ).rejects.toThrow('the action "create_rrset" of Hetzner failed: "action_failed": "made to fail"');
      fake.actionMs = 20;
    });
  }

  if (CLOUDS.find(({ start: one }) => one === start)!.label.startsWith("cloudflare")) {
    it("proxies what it is told to, and does not wait for its addresses", async () => {
      const { cloudflare } = backend.server as { cloudflare: object };
      const server = { cloudflare: { ...cloudflare, proxied: true } };
      const member = new Member(backend);
      const inputs = { server, name: names[0], type: "A", values: ["192.0.2.1"] };
      await expect(member.apply(inputs)).rejects.toThrow("ttl: must be 1 (automatic) for what is proxied");
      await member.apply({ ...inputs, ttl: 1 });
      expect(await dig(backend.target, `${names[0]}.example.test`, "A")).toEqual(["198.51.100.1"]);
      const writes = () => backend.fake!.requests.filter(({ method }) => method !== "GET").length;
      const before = writes();
      await member.apply({ ...inputs, ttl: 1 });
      expect(writes()).toBe(before);
      await member.apply({ ...inputs, server: backend.server, ttl: 300 });
      expect(await dig(backend.target, `${names[0]}.example.test`, "A")).toEqual(["192.0.2.1"]);
    });
  }
});
