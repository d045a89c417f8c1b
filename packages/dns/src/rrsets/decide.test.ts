import { describe, expect, it } from "@jest/globals";
import { decide, type Plan, type Removal } from "./decide.ts";
import { keyOf, NOTHING, type Observed, type RrSet } from "../rrset.ts";

const US = "us";
const rrset = (values: string[], more: Partial<RrSet> = {}): RrSet => ({
  name: "a.example.",
  type: "A",
  ttl: 300,
  values,
  ...more,
});
const OURS = rrset(["192.0.2.1"]);
const OTHER = rrset(["192.0.2.9"]);

function run(plan: Partial<Plan>, ...observed: Observed[]) {
  const whole: Plan = {
    desired: [],
    removed: [],
    previous: new Map(),
    onConflict: "refuse",
    owner: US,
    ...plan,
  };
  return decide(whole, new Map(observed.map((one) => [keyOf(one.rrset ?? OURS), one])));
}
const before = (...rrsets: RrSet[]) => new Map(rrsets.map((one) => [keyOf(one), one]));
const afters = ({ changes }: ReturnType<typeof decide>) => changes.map(({ after }) => after);

describe("a record set that is wanted", () => {
  it("is made with our marker where there is nothing", () => {
    const decision = run({ desired: [OURS] });
    expect(decision).toEqual({
      changes: [{ name: OURS.name, type: "A", before: NOTHING, after: { rrset: OURS, owner: US } }],
      conflicts: [],
      left: [],
    });
    expect(afters(run({ desired: [OURS], owner: undefined }))).toEqual([{ rrset: OURS, owner: undefined }]);
  });

  it("is left alone when it is as it should be, marker included", () => {
    expect(run({ desired: [OURS] }, { rrset: OURS, owner: US }).changes).toEqual([]);
    expect(run({ desired: [OURS], owner: undefined }, { rrset: OURS, owner: undefined }).changes).toEqual([]);
    expect(run({ desired: [OURS], owner: undefined }, { rrset: OURS, owner: US }).changes).toEqual([]);
  });

  it("gets other values or another TTL when it is ours", () => {
    const longer = { ...OURS, ttl: 600 };
    for (const seen of [OTHER, longer]) {
      expect(afters(run({ desired: [OURS] }, { rrset: seen, owner: US }))).toEqual([
        { rrset: OURS, owner: US },
      ]);
    }
  });

  const previous = before(OURS);
  it.each<[what: string, plan: Partial<Plan>, seen: Observed, isOurs: boolean]>([
    ["has another marker", { previous }, { rrset: OURS, owner: "them" }, false],
    ["has no marker and is not in the state", {}, { rrset: OURS, owner: undefined }, false],
    ["has no marker, but is as the state says", { previous }, { rrset: OURS, owner: undefined }, true],
    [
      "has no marker, and is as it should become",
      { previous: before(OTHER) },
      { rrset: OURS, owner: undefined },
      true,
    ],
    ["has no marker and was changed by others", { previous }, { rrset: OTHER, owner: undefined }, false],
    ["is in the state, without markers", { previous, owner: undefined }, { rrset: OTHER, owner: US }, true],
    [
      "is as it should be, without markers and state",
      { owner: undefined },
      { rrset: OURS, owner: undefined },
      true,
    ],
    [
      "is not as it should be, without markers and state",
      { owner: undefined },
      { rrset: OTHER, owner: undefined },
      false,
    ],
  ])("is refused unless it is ours: %s", (_, plan, seen, isOurs) => {
    const { changes, conflicts } = run({ desired: [OURS], ...plan }, seen);
    expect(conflicts).toHaveLength(isOurs ? 0 : 1);
    if (!isOurs) expect(changes).toEqual([]);
  });

  it("gets its missing marker back", () => {
    const decision = run({ desired: [OURS], previous }, { rrset: OURS, owner: undefined });
    expect(afters(decision)).toEqual([{ rrset: OURS, owner: US }]);
  });

  it("says who has it and how it differs when it is refused", () => {
    const seen = rrset(["192.0.2.9", "192.0.2.1"], { ttl: 60 });
    const wanted = rrset(["192.0.2.1", "192.0.2.2"]);
    expect(run({ desired: [wanted] }, { rrset: seen, owner: "them" }).conflicts).toEqual([
      [
        'a.example. A belongs to the owner "them":',
        "-     192.0.2.9",
        "      192.0.2.1",
        "+     192.0.2.2",
        "      TTL 60 s, wanted 300 s",
      ].join("\n"),
    ]);
    const { conflicts } = run({ desired: [OURS] }, { rrset: OTHER, owner: undefined });
    expect(conflicts[0]).toBe(
      "a.example. A belongs to somebody else (it has no marker):\n-     192.0.2.9\n+     192.0.2.1",
    );
  });

  it.each<[onConflict: Plan["onConflict"], seen: RrSet, after: RrSet | undefined]>([
    ["overwrite", OTHER, OURS],
    ["overwrite", OURS, OURS],
    ["adopt", OURS, OURS],
    ["adopt", { ...OURS, ttl: 60 }, OURS],
    ["adopt", OTHER, undefined],
    ["adopt", rrset(["192.0.2.1", "192.0.2.9"]), undefined],
  ])("of somebody else, with onConflict = %s", (onConflict, seen, after) => {
    const { changes, conflicts } = run({ desired: [OURS], onConflict }, { rrset: seen, owner: "them" });
    expect(changes.map((change) => change.after)).toEqual(
      after === undefined ? [] : [{ rrset: after, owner: US }],
    );
    expect(conflicts).toHaveLength(after === undefined ? 1 : 0);
  });
});

describe("onConflict = merge", () => {
  const merge = (plan: Partial<Plan>, seen: RrSet) =>
    afters(run({ onConflict: "merge", ...plan }, { rrset: seen, owner: "them" }))[0];

  it("adds to the values of others, and keeps their TTL and marker", () => {
    expect(merge({ desired: [OURS] }, { ...OTHER, ttl: 60 })).toEqual({
      rrset: rrset(["192.0.2.1", "192.0.2.9"], { ttl: 60 }),
      owner: "them",
    });
  });

  it("replaces what the last run added", () => {
    const seen = rrset(["192.0.2.1", "192.0.2.9"]);
    const wanted = rrset(["192.0.2.2"]);
    expect(merge({ desired: [wanted], previous: before(OURS) }, seen)?.rrset?.values).toEqual([
      "192.0.2.2",
      "192.0.2.9",
    ]);
  });

  it("takes its own TTL where others have no value", () => {
    expect(merge({ desired: [OURS] }, { ...OURS, ttl: 60 })?.rrset?.ttl).toBe(300);
  });

  it("takes its own values out again, and the record set with the last one", () => {
    const removed = [{ name: OURS.name, type: "A", values: OURS.values }];
    expect(merge({ removed }, rrset(["192.0.2.1", "192.0.2.9"]))).toEqual({ rrset: OTHER, owner: "them" });
    expect(merge({ removed }, OURS)).toEqual(NOTHING);
    expect(merge({ removed }, OTHER)).toBeUndefined();
  });
});

describe("a record set that is not wanted any longer", () => {
  const removed: Removal[] = [{ name: OURS.name, type: "A" }];
  const remove = (plan: Partial<Plan>, seen: Observed) => run({ removed, ...plan }, seen);

  it("is removed when it is ours, with its marker", () => {
    expect(afters(remove({}, { rrset: OTHER, owner: US }))).toEqual([NOTHING]);
    expect(afters(remove({}, { rrset: undefined, owner: US }))).toEqual([NOTHING]);
  });

  it("is left alone, and named, when it belongs to somebody else", () => {
    const { changes, left } = remove({}, { rrset: OTHER, owner: "them" });
    expect(changes).toEqual([]);
    expect(left).toEqual(['a.example. A belongs to the owner "them": 300 A 192.0.2.9']);
    expect(afters(remove({ onConflict: "overwrite" }, { rrset: OTHER, owner: "them" }))).toEqual([NOTHING]);
  });

  it("may be gone already, also with the marker of somebody else", () => {
    for (const owner of [undefined, "them"])
      expect(remove({}, { rrset: undefined, owner })).toEqual({ changes: [], conflicts: [], left: [] });
    const seen = { rrset: undefined, owner: undefined };
    expect(remove({ owner: undefined }, seen).changes).toEqual([]);
  });

  it("stays when it has other values and may only be removed with its own", () => {
    const onlyIfSame = [{ ...removed[0]!, values: OURS.values, onlyIfSame: true }];
    expect(remove({ removed: onlyIfSame }, { rrset: OTHER, owner: US }).changes).toEqual([]);
    expect(afters(remove({ removed: onlyIfSame }, { rrset: OURS, owner: US }))).toEqual([NOTHING]);
  });
});

describe("a CNAME and other records of its name", () => {
  const cname = rrset(["b.example."], { type: "CNAME" });
  const text = rrset(['"text"'], { type: "TXT" });

  it.each<[desired: RrSet, seen: RrSet, words: string]>([
    [cname, text, "a.example. CNAME: the name has records, which allow no CNAME, of the owner"],
    [text, cname, "a.example. TXT: the name has a CNAME, which allows nothing beside it, of the owner"],
  ])("exclude each other", (desired, seen, words) => {
    expect(run({ desired: [desired] }, { rrset: seen, owner: "them" }).conflicts[0]).toContain(words);
    const decision = run({ desired: [desired], onConflict: "overwrite" }, { rrset: seen, owner: "them" });
    expect(decision.changes.map(({ type, after }) => [type, after.rrset])).toEqual([
      [desired.type, desired],
      [seen.type, undefined],
    ]);
  });

  it("do not, where the other one is removed in the same run, has another name or signs", () => {
    const removed = [{ name: text.name, type: "TXT" }];
    expect(run({ desired: [cname], removed }, { rrset: text, owner: US }).conflicts).toEqual([]);
    const elsewhere = { ...text, name: "b.example." };
    expect(run({ desired: [cname] }, { rrset: elsewhere, owner: US }).conflicts).toEqual([]);
    expect(run({ desired: [text] }, { rrset: OURS, owner: "them" }).conflicts).toEqual([]);
    for (const type of ["RRSIG", "NSEC", "TYPE46", "TYPE47"])
      expect(run({ desired: [cname] }, { rrset: { ...text, type }, owner: "them" }).conflicts).toEqual([]);
  });
});
