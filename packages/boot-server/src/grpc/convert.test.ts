import { describe, expect, it } from "@jest/globals";
import { bootServiceDefinition, type EntrySpec as ApiSpec } from "@nixops4-providers/boot-api";
import * as fc from "fast-check";
import type { Entry, EntrySpec } from "../core/model.ts";
import { Refusal } from "../core/refusal.ts";
import { assetFromApi, entryToApi, eventToApi, specFromApi } from "./convert.ts";

const { getEntry, putEntry } = bootServiceDefinition;
const asset = fc.record({ sha256: fc.string(), size: fc.maxSafeNat() });
const specs: fc.Arbitrary<EntrySpec> = fc.record({
  id: fc.string(),
  macs: fc.array(fc.string(), { minLength: 1 }),
  architecture: fc.constantFrom("x86_64", "aarch64"),
  kernel: asset,
  initrds: fc.array(asset),
  cmdline: fc.string({ unit: "grapheme" }),
  files: fc.array(
    fc.record({
      path: fc.string(),
      contents: fc.uint8Array().map((bytes) => Buffer.from(bytes).toString("base64")),
      mode: fc.nat(0o7777),
      secret: fc.boolean(),
    }),
  ),
  installGeneration: fc.nat(),
  onInterrupted: fc.constantFrom("hold", "retry"),
  biosLocalBoot: fc.constantFrom("sanboot", "exit"),
  expireSeconds: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  silenceSeconds: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  login: fc.constantFrom(undefined, "root@10.0.0.11"),
});

const scriptUrl = (mac: string) => `http://boot/${mac}`;

describe("converting entries", () => {
  it("keeps everything of a spec but the contents of files, there and back over the wire", () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const sent = getEntry.responseSerialize(
          entryToApi(entryWith({ ...spec, overlay: null }), 1, scriptUrl),
        );
        const received = specFromApi(getEntry.responseDeserialize(sent).spec);
        const files = spec.files.map((file) => ({ ...file, contents: "" }));
        expect(received).toEqual({ ...spec, files });
      }),
    );
  });

  it("takes the contents of files as they were sent", () => {
    const contents = Buffer.from([0, 1, 254, 255]);
    const file = { path: "/key", contents, mode: 0o600, secret: true };
    const sent = putEntry.requestSerialize({ spec: { ...plainSpec, files: [file] } });
    const [received] = specFromApi(putEntry.requestDeserialize(sent).spec).files;
    expect(received).toEqual({ ...file, contents: contents.toString("base64") });
  });

  it("fills in defaults for what is not set", () => {
    // Only the id is set.
    const sent = Buffer.from([0x0a, 5, 0x0a, 3, ...Buffer.from("web")]);
    expect(specFromApi(putEntry.requestDeserialize(sent).spec)).toEqual({
      id: "web",
      macs: [],
      architecture: "x86_64",
      kernel: { sha256: "", size: 0 },
      initrds: [],
      cmdline: "",
      files: [],
      installGeneration: 0,
      onInterrupted: "hold",
      biosLocalBoot: "sanboot",
      expireSeconds: 604_800,
      silenceSeconds: 1_800,
      login: undefined,
    });
  });

  it("refuses a missing spec and values that it does not know", () => {
    expect(() => specFromApi(null)).toThrow(new Refusal("invalid", "spec: must be set"));
    const architecture = 9 as unknown as "X86_64";
    expect(() => specFromApi({ ...plainSpec, architecture })).toThrow(/^architecture: .* value 9$/);
    const inherited = "constructor" as "X86_64";
    expect(() => specFromApi({ ...plainSpec, architecture: inherited })).toThrow(Refusal);
  });

  it("sends the whole story of an entry, without its secrets", () => {
    const sent = getEntry.responseSerialize(entryToApi(installedEntry, 42, scriptUrl));
    for (const secret of ["overlay-id", "installer-token", "hunter2", "digest-of-spec"]) {
      expect(sent.includes(secret)).toBe(false);
    }
    expect(getEntry.responseDeserialize(sent)).toMatchObject({
      phase: "INSTALLED",
      boot: { mac: "52:54:00:12:34:56", address: "10.0.0.9", firmware: "efi", startedAt: 2 },
      claim: { bootId: "kernel-boot", address: "10.0.0.9", claimedAt: 3 },
      report: { stage: "done", percent: 100, message: "bye", log: ["one", "two"], reportedAt: 4 },
      endedAt: 4,
      scriptUrl: "http://boot/52:54:00:12:34:56",
      cursor: 42,
    });
  });

  it("converts events", () => {
    const at = 7;
    const deleted = { kind: "step", cursor: 1, id: "web", at, entry: undefined } as const;
    expect(eventToApi({ ...deleted, event: { kind: "deleted", id: "web", at } }, scriptUrl)).toEqual({
      cursor: 1,
      entryId: "web",
      at,
      step: { kind: "deleted", entry: null },
    });
    const download = { name: "kernel", sent: 5, size: 6 };
    expect(eventToApi({ kind: "download", cursor: 1, id: "web", at, ...download }, scriptUrl)).toEqual({
      cursor: 1,
      entryId: "web",
      at,
      download,
    });
  });
});

const plainSpec: ApiSpec = {
  id: "web",
  macs: [],
  architecture: "X86_64",
  kernel: null,
  initrds: [],
  cmdline: "",
  files: [],
  installGeneration: 1,
  onInterrupted: "HOLD",
  biosLocalBoot: "SANBOOT",
  expireSeconds: 60,
  silenceSeconds: 60,
};

function entryWith(spec: Entry["spec"]): Entry {
  return { ...installedEntry, spec };
}

const installedEntry: Entry = {
  spec: {
    ...specFromApi(plainSpec),
    macs: ["52:54:00:12:34:56"],
    files: [{ path: "/key", mode: 0o600, secret: true }],
    overlay: { sha256: "hash-of-overlay", size: 7 },
  },
  digest: "digest-of-spec",
  phase: "installed",
  boots: 1,
  attempt: 1,
  armedAt: 1,
  expiresAt: 100,
  boot: {
    id: "overlay-id",
    token: "installer-token",
    mac: "52:54:00:12:34:56",
    address: "10.0.0.9",
    firmware: "efi",
    architecture: "x86_64",
    startedAt: 2,
    deliveredAt: 2,
  },
  claim: { bootId: "kernel-boot", address: "10.0.0.9", claimedAt: 3 },
  report: { stage: "done", percent: 100, message: "bye", log: ["one", "two"], reportedAt: 4 },
  endedAt: 4,
  reason: undefined,
};

describe("assetFromApi", () => {
  it.each([null, undefined])("refuses %p with its path", (missing) => {
    expect(() => assetFromApi("assets.0.asset", missing)).toThrow("assets.0.asset: must be set");
  });

  it("returns an asset", () => {
    const asset = { sha256: "ab", size: 1 };
    expect(assetFromApi("asset", asset)).toEqual(asset);
  });
});
