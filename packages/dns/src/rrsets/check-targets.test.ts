import { describe, expect, it } from "@jest/globals";
import { observed } from "../../tests/changes.ts";
import { MemoryBackend } from "../../tests/memory-backend.ts";
import type { Observed, RrSet } from "../rrset.ts";
import { checkTargets } from "./check-targets.ts";

const ZONE = "example.test.";

/** `mail A`, `@ MX 10 mail`: names without a final dot are in the zone. */
function rrset(line: string): RrSet {
  const [relative, type, ...value] = line.split(" ");
  const absolute = (name: string) => (name.endsWith(".") ? name : `${name}.${ZONE}`);
  const values = { A: ["192.0.2.1"], AAAA: ["2001:db8::1"], TXT: ['"x"'] }[type!] ?? [
    [...value.slice(0, -1), absolute(value.at(-1)!)].join(" "),
  ];
  return { name: relative === "@" ? ZONE : absolute(relative!), type: type!, ttl: 300, values };
}

const stored = (line: string): Observed => {
  const { name, type, values } = rrset(line);
  return observed(name, type, values);
};

async function problemsOf(desired: string[], there: string[], removed: string[] = []): Promise<string[]> {
  const plan = {
    desired: desired.map(rrset),
    removed: removed.map(rrset),
    previous: new Map(),
    onConflict: "refuse" as const,
    owner: undefined,
  };
  const error = await checkTargets(new MemoryBackend(there.map(stored)), plan).then(
    () => undefined,
    (reason: Error) => reason,
  );
  if (error === undefined) return [];
  const [first, ...lines] = error.message.split("\n");
  expect(first).toBe("these records would not work:");
  return lines;
}

describe("records", () => {
  it.each<[string, string[], string[], string[]?]>([
    ["an MX with an address in the zone", ["@ MX 10 mail"], ["mail A"]],
    ["an MX with an IPv6 address in the zone", ["@ MX 10 mail"], ["mail AAAA"]],
    ["an MX with an address that comes with it", ["@ MX 10 mail", "mail A"], []],
    ["no MX (RFC 7505)", ["@ MX 0 ."], []],
    ["an MX outside of the zone", ["@ MX 10 mail.example.net."], []],
    ["an NS below a delegation", ["@ NS ns1.sub"], ["sub NS ns.example.net."]],
    ["an NS below a delegation of a parent", ["@ NS a.b.sub"], ["sub NS ns.example.net."]],
    ["an SRV below a wildcard of the zone", ["_x SRV 0 0 1 host"], ["* A"]],
    ["an SRV below a wildcard that is a CNAME", ["_x SRV 0 0 1 host"], ["* CNAME x.example.net."]],
    ["an SRV below a wildcard of a parent", ["_x SRV 0 0 1 host.sub"], ["*.sub AAAA"]],
    [
      "an MX whose target has been a CNAME",
      ["@ MX 10 mail", "mail A"],
      ["mail CNAME other"],
      ["mail CNAME other"],
    ],
    ["a CNAME", ["www CNAME other"], []],
    ["a CNAME of a CNAME", ["www CNAME other"], ["other CNAME third", "third A"]],
    ["a CNAME of a loop of others", ["www CNAME a"], ["a CNAME b", "b CNAME a"]],
    ["a CNAME whose loop goes", ["www CNAME other"], ["other CNAME www"], ["other CNAME www"]],
    ["other types", ["www TXT", "www A"], []],
  ])("may be %s", async (...[, desired, there, removed]) => {
    expect(await problemsOf(desired, there, removed)).toEqual([]);
  });

  const noAddress = (name: string, id = "example.test. MX") =>
    `  ${id}: the target ${name}.${ZONE} has no address in the zone`;

  it.each<[string, string[], string[], string[], string[]?]>([
    ["an MX without an address", ["@ MX 10 mail"], [], [noAddress("mail")]],
    ["an MX with another type", ["@ MX 10 mail"], ["mail TXT"], [noAddress("mail")]],
    ["an MX whose address goes", ["@ MX 10 mail"], ["mail A"], [noAddress("mail")], ["mail A"]],
    ["an NS without an address", ["@ NS ns1"], [], [noAddress("ns1", "example.test. NS")]],
    [
      "an SRV without an address",
      ["_x SRV 0 0 1 host"],
      ["*.sub A"],
      [noAddress("host", "_x.example.test. SRV")],
    ],
    ["an MX at a delegation itself", ["@ MX 10 sub"], ["sub NS ns.example.net."], [noAddress("sub")]],
    ["an MX of the zone's own name servers", ["@ MX 10 mail"], ["@ NS ns.example.net."], [noAddress("mail")]],
    [
      "an MX at a CNAME",
      ["@ MX 10 mail"],
      ["mail CNAME other"],
      [`  example.test. MX: the target mail.${ZONE} is a CNAME`],
    ],
    [
      "an MX at a CNAME that comes with it",
      ["@ MX 10 mail", "mail CNAME other"],
      [],
      [`  example.test. MX: the target mail.${ZONE} is a CNAME`],
    ],
    ["a CNAME of itself", ["www CNAME www"], [], [`  www.${ZONE} CNAME: its CNAME records make a loop`]],
    [
      "a loop of two",
      ["www CNAME other"],
      ["other CNAME www"],
      [`  www.${ZONE} CNAME: its CNAME records make a loop`],
    ],
    [
      "two problems",
      ["@ MX 10 mail", "www CNAME www"],
      [],
      [noAddress("mail"), `  www.${ZONE} CNAME: its CNAME records make a loop`],
    ],
  ])("may not be %s", async (...[, desired, there, problems, removed]) => {
    expect(await problemsOf(desired, there, removed)).toEqual(problems);
  });

  const chain = (length: number) => [
    ...Array.from({ length: length - 1 }, (_, index) => `c${index} CNAME c${index + 1}`),
    `c${length - 1} CNAME www`,
  ];

  it.each([
    [15, true],
    [16, false],
  ])("are followed up to a limit: a loop of %d others is found: %s", async (length, isFound) => {
    expect((await problemsOf(["www CNAME c0"], chain(length))).length).toBe(isFound ? 1 : 0);
  });

  it("are read once", async () => {
    const backend = new MemoryBackend([stored("mail A")]);
    const desired = ["@ MX 10 mail", "sub MX 10 mail"].map(rrset);
    await checkTargets(backend, {
      desired,
      removed: [],
      previous: new Map(),
      onConflict: "refuse",
      owner: undefined,
    });
    expect(backend.reads).toEqual([
      [`sub.${ZONE} NS`],
      ["CNAME", "A", "AAAA"].map((type) => `mail.${ZONE} ${type}`),
    ]);
  });
});
