import { expect, it } from "@jest/globals";
import { keyOf, type Observed, type RrSetId } from "../rrset.ts";
import type { Backend } from "./backend.ts";
import { RFC2136_CAPABILITIES } from "./capabilities.ts";
import { RecordMarkers } from "./markers.ts";

const ZONE = "2.0.192.in-addr.arpa.";

/** A server that has two zones, and notes what it is asked for. */
function serverWith(rrsets: readonly (RrSetId & { values: string[] })[]) {
  const asked: string[] = [];
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
    apply: async () => "applied",
    nameServers: async () => ["ns1.example.org."],
    findZone: async () => ZONE,
    close: async () => {},
  };
  return { asked, markers: new RecordMarkers(backend) };
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
