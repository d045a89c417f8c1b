import { describe, expect, it } from "@jest/globals";
import { BACKENDS, client, dnsServersAvailable, type LabBackend, Member, startForSuite } from "./lab.ts";

const suite = dnsServersAvailable ? describe : describe.skip;
const WRITERS = 20;
const ROUNDS = 3;

suite.each(BACKENDS)("20 writers that are killed at random, on $label", ({ start }) => {
  let backend: LabBackend;

  startForSuite(start, (started) => (backend = started));

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
        (_, index) => `update add foreign${index}.example.test. 777 A 192.0.2.${index}`,
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
    // The first round is not disturbed: it tells how long one takes while all are at work.
    const started = performance.now();
    await Promise.all(members.map((member, writer) => member.applyApart(inputs(writer, 0))));
    let typicalMs = performance.now() - started;
    for (const writer of members.keys()) acknowledged.set(writer, 0);
    const run = async (member: Member, writer: number, round: number) => {
      const isDoomed = (writer + round) % 2 === 0;
      const work = member.applyApart(inputs(writer, round));
      const { running } = member;
      const killing = isDoomed
        ? setTimeout(() => void running!.kill("SIGKILL"), Math.random() * typicalMs)
        : undefined;
      const outcome = await work.then(
        () => undefined,
        (error: unknown) => error,
      );
      clearTimeout(killing);
      if (outcome === undefined) acknowledged.set(writer, round);
      else if (isDoomed) killed += 1;
      else throw outcome;
      if (Math.random() < 0.2) member.loseState();
    };
    await Promise.all(
      members.map(async (member, writer) => {
        for (let round = 1; round < ROUNDS; round++) await run(member, writer, round);
      }),
    );
    // On a machine that was slower in the first round, most ended before they were to be killed.
    let last = ROUNDS;
    const wereEnough = () => killed >= WRITERS / 2;
    for (; !wereEnough(); last++) {
      typicalMs /= 2;
      await Promise.all(members.map((member, writer) => run(member, writer, last)));
    }
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
      const [text, ...moreTexts] = own(writer, "TXT");
      expect(moreTexts).toEqual([]);
      const textWritten = Number(/^"round (\d+)"$/.exec(text!)![1]);
      expect(textWritten).toBeGreaterThanOrEqual(round);
      // Killed between two steps, one of the two may be older.
      if (backend.atomicBatch) expect(textWritten).toBe(written);
    }
    expect(acknowledged.size).toBe(WRITERS);
    await Promise.all(members.map((member, writer) => member.apply(inputs(writer, last))));
    const after = await read();
    for (const writer of members.keys()) {
      const records = after.filter(({ name, type }) => name.startsWith(`writer${writer}.`) && type === "A");
      expect(records.map(({ value }) => value)).toEqual([`10.${last}.0.${writer}`]);
      const other = after.filter(
        ({ name, type }) => name.startsWith(`writer${writer}-b.`) && type === "CNAME",
      );
      expect(other.map(({ value }) => value)).toEqual([`writer${writer}.example.test.`]);
    }
    expect(foreign(after)).toEqual(before);
  }, 240_000);
});
