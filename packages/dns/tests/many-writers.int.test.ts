import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { BACKENDS, client, dnsServersAvailable, type LabBackend, Member, temporaryFolder } from "./lab.ts";

const suite = dnsServersAvailable ? describe : describe.skip;
const WRITERS = 20;
const ROUNDS = 3;

suite.each(BACKENDS)("20 writers that are killed at random, on $label", ({ start }) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let backend: LabBackend;

  beforeAll(async () => {
    folder = await temporaryFolder();
    backend = await start(folder.path);
  });
  afterAll(async () => {
    await backend?.stop();
    await folder?.remove();
  });

  const read = async () => {
    const dns = client(backend.target);
    const all = await dns.transfer("example.test.");
    await dns.close();
    return all;
  };

  it("lose no acknowledged record, change no foreign one, and converge", async () => {
    await backend.foreign(
      Array.from(
        { length: 20 },
        (_, index) => `update add foreign${index}.example.test. 77 A 192.0.2.${index}`,
      ),
    );
    const foreign = (all: Awaited<ReturnType<typeof read>>) =>
      all
        .filter(({ name }) => name.startsWith("foreign"))
        .map(({ name, ttl, value }) => `${name} ${ttl} ${value}`)
        .toSorted();
    const before = foreign(await read());
    const members = Array.from({ length: WRITERS }, () => new Member(backend, "records"));
    const acknowledged = new Map<number, number>();
    let killed = 0;
    const inputs = (writer: number, round: number) => ({
      records: {
        [`writer${writer}`]: {
          A: { values: [`10.${round}.0.${writer}`] },
          TXT: { values: [`round ${round}`] },
        },
        [`writer${writer}-b`]: { CNAME: { values: [`writer${writer}`] } },
      },
    });
    await Promise.all(
      members.map(async (member, writer) => {
        for (let round = 0; round < ROUNDS; round++) {
          const work = member.applyApart(inputs(writer, round));
          const killing = sleep(Math.random() * 6000).then(() => member.running?.kill("SIGKILL"));
          await work.then(
            () => void acknowledged.set(writer, round),
            () => void (killed += 1),
          );
          if (Math.random() < 0.2) member.loseState();
          void killing;
        }
      }),
    );
    const all = await read();
    const own = (writer: number, type: string) =>
      all
        .filter(({ name, type: one }) => name === `writer${writer}.example.test.` && one === type)
        .map(({ value }) => value!);
    for (const [writer, round] of acknowledged) {
      // A later write may have been made though it was killed before its answer.
      const [value, ...more] = own(writer, "A");
      expect(more).toEqual([]);
      const written = Number(value!.split(".")[1]);
      expect(written).toBeGreaterThanOrEqual(round);
      expect(own(writer, "TXT")).toEqual([`"round ${written}"`]);
    }
    expect(killed + acknowledged.size).toBeGreaterThan(0);
    await Promise.all(members.map((member, writer) => member.apply(inputs(writer, ROUNDS))));
    const after = await read();
    for (const writer of members.keys()) {
      const records = after.filter(({ name, type }) => name.startsWith(`writer${writer}.`) && type === "A");
      expect(records.map(({ value }) => value)).toEqual([`10.${ROUNDS}.0.${writer}`]);
    }
    expect(foreign(after)).toEqual(before);
  }, 240_000);
});
