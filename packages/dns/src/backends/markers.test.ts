import { describe, expect, it } from "@jest/globals";
import { change, creation, observed, removal } from "../../tests/changes.ts";
import { type Change, keyOf, NOTHING, type Observed, type RrSetId } from "../rrset.ts";
import type { Backend } from "./backend.ts";
import { RFC2136_CAPABILITIES } from "./capabilities.ts";
import { formatMarker, isMarkerName, parseMarker, RecordMarkers } from "./markers.ts";

const ZONE = "2.0.192.in-addr.arpa.";

/** A server that has two zones, and notes what it is asked for. */
function serverWith(rrsets: readonly (RrSetId & { values: string[] })[]) {
  const asked: string[] = [];
  const applied: Change[] = [];
  const all = new Map<string, Observed>(
    rrsets.map((rrset) => [keyOf(rrset), { rrset: { ttl: 60, ...rrset }, owner: undefined }]),
  );
  const backend: Backend = {
    zone: ZONE,
    capabilities: RFC2136_CAPABILITIES,
    read: async (ids) => {
      asked.push(...ids.map(keyOf));
      return new Map([...all].filter(([key]) => ids.some((id) => keyOf(id) === key)));
    },
    apply: async (changes) => {
      applied.push(...changes);
      return "applied";
    },
    nameServers: async () => ["ns1.example.org."],
    findZone: async () => ZONE,
    close: async () => {},
  };
  return { asked, applied, markers: new RecordMarkers(backend) };
}

it("reads the owner of an RRset from its marker", async () => {
  const pointer = { name: `1.${ZONE}`, type: "PTR", values: ["web.example.org."] };
  const marker = { name: `1._ptr._owner.${ZONE}`, type: "TXT", values: ['"nixops4 owner=ours"'] };
  const { markers } = serverWith([pointer, marker]);
  expect((await markers.read([pointer])).get(keyOf(pointer))).toMatchObject({ owner: "ours" });
});

it("reads a name of another zone on the server, which has no marker in this one", async () => {
  const address = { name: "ns1.example.org.", type: "A", values: ["192.0.2.53"] };
  const { asked, markers } = serverWith([address]);
  const observed = await markers.read([address]);
  expect(observed.get(keyOf(address))?.rrset?.values).toEqual(["192.0.2.53"]);
  expect(asked).toEqual([keyOf(address)]);
});

describe("a read", () => {
  const text = (owner: string) => `"nixops4 owner=${owner}"`;
  const pointer = observed(`1.${ZONE}`, "PTR", ["web.example.org."], { ttl: 60 });
  const id = { name: `1.${ZONE}`, type: "PTR" };
  const stored = { ...id, values: ["web.example.org."] };
  const marker = (values: string[]) => ({ name: `1._ptr._owner.${ZONE}`, type: "TXT", values });

  it.each<[string, (RrSetId & { values: string[] })[], Observed | undefined]>([
    ["nothing", [], undefined],
    ["no marker", [stored], pointer],
    ["a marker", [stored, marker([text("ours")])], { ...pointer, owner: "ours" }],
    ["a marker beside another text", [stored, marker(['"x"', text("ours")])], { ...pointer, owner: "ours" }],
    ["another text", [stored, marker(['"x"'])], pointer],
    ["a marker alone", [marker([text("ours")])], { rrset: undefined, owner: "ours" }],
  ])("shows %s", async (_, rrsets, seen) => {
    expect((await serverWith(rrsets).markers.read([id])).get(keyOf(id))).toEqual(seen);
  });

  it("shows the other RRsets of a name, and no markers", async () => {
    const beside = { name: id.name, type: "TXT", values: ['"x"'] };
    const elsewhere = { name: `2.${ZONE}`, type: "PTR", values: ["other.example.org."] };
    const all = [stored, beside, elsewhere, marker([text("ours")])];
    const backend: Pick<Backend, "read"> = {
      read: async () => new Map(all.map((one) => [keyOf(one), observed(one.name, one.type, one.values)])),
    };
    const markers = new RecordMarkers({ ...backend, zone: ZONE } as Backend);
    const markerId = { name: `1._ptr._owner.${ZONE}`, type: "TXT" };
    expect([...(await markers.read([id, markerId])).keys()]).toEqual([keyOf(id), keyOf(beside)]);
  });
});

describe("a write", () => {
  const ours = (values: string[], owner?: string) => observed(`1.${ZONE}`, "PTR", values, { owner });
  const plain = (values: string[]) => ours(values);
  const markerId = { name: `1._ptr._owner.${ZONE}`, type: "TXT" };
  const markerOf = (owner: string, ttl = 3600) =>
    observed(markerId.name, "TXT", [`"nixops4 owner=${owner}"`], { ttl });
  const own = (before: Observed, after: Observed) => ({ ...change(before, after), group: `1.${ZONE}` });
  const noted = (before: Observed, after: Observed) => ({ ...markerId, before, after, group: `1.${ZONE}` });

  it.each<[string, string[], Change, Change[]]>([
    [
      "a new RRset: its marker first",
      [],
      creation(ours(["a."], "ours")),
      [noted(NOTHING, markerOf("ours")), own(NOTHING, plain(["a."]))],
    ],
    [
      "a removal: its marker last",
      ['"nixops4 owner=ours"'],
      removal(ours(["a."], "ours")),
      [own(plain(["a."]), NOTHING), noted(markerOf("ours", 60), NOTHING)],
    ],
    [
      "values alone",
      ['"nixops4 owner=ours"'],
      change(ours(["a."], "ours"), ours(["b."], "ours")),
      [own(plain(["a."]), plain(["b."]))],
    ],
    ["an RRset without an owner", [], creation(plain(["a."])), [own(NOTHING, plain(["a."]))]],
  ])("of %s", async (_, values, one, written) => {
    const rrsets = values.length === 0 ? [] : [{ ...markerId, values }];
    const { markers, applied } = serverWith(rrsets);
    await markers.read([one]);
    expect(await markers.apply([one])).toBe("applied");
    expect(applied).toEqual(written);
  });

  it("of an owner alone leaves the RRset as it is", async () => {
    const { markers, applied } = serverWith([]);
    const before = plain(["a."]);
    const id = { name: `1.${ZONE}`, type: "PTR" };
    await markers.apply([{ ...id, before, after: { ...before, owner: "ours" } }]);
    expect(applied).toEqual([noted(NOTHING, markerOf("ours"))]);
  });

  it("keeps the group of a change", async () => {
    const { markers, applied } = serverWith([]);
    await markers.apply([{ ...creation(ours(["a."], "ours")), group: "g." }]);
    expect(applied.map(({ group }) => group)).toEqual(["g.", "g."]);
  });

  it.each<[string, string[], boolean]>([
    ["the marker of another", ['"nixops4 owner=theirs"'], true],
    ["another text", ['"v=spf1 -all"'], false],
  ])("in place of %s", async (_, values, isWritten) => {
    const { markers } = serverWith([{ ...markerId, values }]);
    const one = creation(ours(["a."], "ours"));
    await markers.read([one]);
    if (isWritten) expect(await markers.apply([one])).toBe("applied");
    else
      expect(() => markers.apply([one])).toThrow(
        `the name ${markerId.name} of the marker has other TXT records`,
      );
  });
});

it.each([
  ["@", "A", "_a._owner"],
  ["www", "AAAA", "www._aaaa._owner"],
  ["*", "A", "_wildcard._a._owner"],
  ["*.sub", "A", "_wildcard.sub._a._owner"],
  ["a*b", "A", "a*b._a._owner"],
])("the marker of %s %s is at %s", async (relative, type, marker) => {
  const { asked, markers } = serverWith([]);
  const name = relative === "@" ? ZONE : `${relative}.${ZONE}`;
  await markers.read([{ name, type }]);
  expect(asked).toEqual([`${name} ${type}`, `${marker}.${ZONE} TXT`]);
});

it.each([
  [`_owner.${ZONE}`, true],
  [`1._ptr._owner.${ZONE}`, true],
  [`x_owner.${ZONE}`, false],
  [ZONE, false],
  ["_owner.example.org.", false],
])("%s is reserved for markers: %s", (name, isReserved) => {
  expect(isMarkerName(name, ZONE)).toBe(isReserved);
});

it.each([
  [formatMarker("ours"), "ours"],
  [`"${formatMarker("ours")}"`, "ours"],
  ["nixops4 owner=", undefined],
  ["nixops4 owner=a b", undefined],
  ["x nixops4 owner=ours", undefined],
])("%j is the marker of %s", (text, owner) => {
  expect(parseMarker(text)).toBe(owner);
});
