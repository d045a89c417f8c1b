import { describe, expect, it } from "@jest/globals";
import { entryIn, MAC, registryAfter, resultOf, specOf, START, STEPS } from "../../tests/entries.ts";
import { decideDelete, decidePut } from "./decide-entry.ts";
import { digestOf } from "./digest.ts";
import type { EntrySpec, Phase } from "./model.ts";
import { splitSpec } from "./overlay.ts";
import { apply, createRegistry, type Registry } from "./registry.ts";

const AT = START + 5;

function put(
  registry: Registry,
  changes: Partial<EntrySpec> = {},
  facts: Partial<Parameters<typeof decidePut>[1]> = {},
) {
  const request = specOf(changes);
  const { spec } = splitSpec(request);
  return decidePut(registry, {
    spec,
    digest: digestOf(request),
    missing: undefined,
    maxEntries: 2,
    at: AT,
    ...facts,
  });
}

function message(decide: () => unknown): string {
  try {
    decide();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

describe("a put", () => {
  it.each<[Phase, same: string]>([
    ["armed", "renewed"],
    ["booting", "renewed"],
    ["refused", "renewed"],
    ["installing", "nothing"],
    ["installed", "nothing"],
    ["failed", "nothing"],
    ["interrupted", "nothing"],
    ["expired", "renewed"],
  ])(
    "of the same entry when it is %s: %s; a changed or raised one is put, a lowered one refused",
    (phase, same) => {
      const registry = registryAfter(STEPS[phase]);
      const result = (changes: Partial<EntrySpec>) => resultOf(() => put(registry, changes));
      expect(result({})).toBe(same);
      expect(result({ cmdline: "quiet" })).toBe("put");
      expect(result({ installGeneration: 4 })).toBe("put");
      expect(result({ installGeneration: 2 })).toBe("refused: conflict");
      for (const event of put(registry, { cmdline: "quiet" }))
        expect(event).toMatchObject({ id: "web", at: AT });
    },
  );

  it("is refused for a network card of another entry, and taken for its own", () => {
    const registry = registryAfter([]);
    expect(message(() => put(registry, { id: "other" }))).toBe(
      `${MAC} belongs to the entry web: delete that entry first`,
    );
    expect(resultOf(() => put(registry, { id: "other", macs: ["52:54:00:00:00:01"] }))).toBe("put");
  });

  it.each([
    [2, "refused: conflict"],
    [3, "put"],
    [4, "put"],
  ])(
    "after an install in generation 3 of a deleted entry, of generation %i: %s",
    (installGeneration, expected) => {
      const registry = registryAfter([...STEPS.installed, { kind: "deleted" }]);
      const decide = () => put(registry, { id: "other", installGeneration });
      expect(resultOf(decide)).toBe(expected);
      if (expected !== "put") {
        expect(message(decide)).toBe(
          `installGeneration 2 is too low: ${MAC} was installed in generation 3 by the entry web. ` +
            "Set 3 to keep that install, or 4 to install again.",
        );
      }
    },
  );

  it.each([
    [0, "refused: limit"],
    [1, "refused: limit"],
    [2, "put"],
  ])("of a second entry with a limit of %i: %s; the first may still be changed", (maxEntries, expected) => {
    const registry = registryAfter([]);
    const second = { id: "other", macs: ["52:54:00:00:00:01"] };
    expect(resultOf(() => put(registry, second, { maxEntries }))).toBe(expected);
    expect(resultOf(() => put(registry, { cmdline: "quiet" }, { maxEntries }))).toBe("put");
  });

  it("is refused while an asset is missing, even of the same entry", () => {
    const missing = { path: "initrds.1", asset: { sha256: "ab", size: 7 } };
    for (const registry of [createRegistry(), registryAfter([]), registryAfter(STEPS.installed)]) {
      expect(message(() => put(registry, {}, { missing }))).toBe(
        "initrds.1: the asset ab (7 bytes) was not uploaded",
      );
    }
  });

  it("has the same digest whatever the order of the fields, and another with another value", () => {
    const spec = specOf();
    const reordered = Object.fromEntries(Object.entries(spec).toReversed()) as unknown as EntrySpec;
    expect(digestOf(reordered)).toBe(digestOf(spec));
    expect(digestOf(specOf({ initrds: spec.initrds.toReversed() }))).not.toBe(digestOf(spec));
    expect(digestOf(specOf({ login: "root@a" }))).not.toBe(digestOf(spec));
  });
});

describe("a deletion", () => {
  it("leads to nothing without an entry", () => {
    expect(decideDelete(undefined, AT)).toEqual([]);
    expect(decideDelete(entryIn("installed"), AT)).toEqual([{ kind: "deleted", id: "web", at: AT }]);
  });

  it("of an entry lets another one have its network card", () => {
    const registry = registryAfter([]);
    apply(registry, { kind: "deleted", id: "web", at: AT });
    expect(resultOf(() => put(registry, { id: "other" }))).toBe("put");
  });
});
