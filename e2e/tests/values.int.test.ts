// Tests values of all kinds, through a provider and a state file, like nixops4.
import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { parseJson, stringifyJson } from "@nixops4-providers/json";
import {
  applyDeployment,
  builtProvider,
  graph,
  type Json,
  type Member,
  ProviderProcess,
} from "../harness/index.ts";
import { temporaryFolders } from "./temporary-folder.ts";

/** Numbers in the notation of nixops4. */
const NUMBERS =
  "0 1 -1 2.0 -0.0 0.1 1.5 1e16 1e300 5e-324 1.7976931348623157e308 100000.0 1e-7 0.30000000000000004 " +
  "9007199254740991 9007199254740992 9007199254740993 -9007199254740993 9223372036854775807 -9223372036854775808";
const VALUES = [
  ...NUMBERS.split(" "),
  "null",
  "true",
  '""',
  '"grüße \\n\\t\\"\\\\ 😀 \\u0001"',
  '"1.0"',
  '"__proto__"',
  "[]",
  "{}",
  "[1,1.0,[2,{}]]",
  '{"a":{"b":[1.0,{"c":null}]}}',
  '{"__proto__":{"x":1.0},"constructor":1,"hasOwnProperty":2,"prototype":{"y":[{"__proto__":[1]}]},"toString":null}',
  '{"":1,"a/b":2,"a~b":3,"~0":4,"ä":5}',
];

const NAMES = [...VALUES.keys()].map((index) => `value${index}`);
const SPECIAL_NAMES = [
  "prototype",
  "constructor",
  "__proto__",
  "toString",
  "hasOwnProperty",
  "a/b",
  "a~1b",
  "ä",
];

function members(folder: string, executable: string): Record<string, Member<string>> {
  const provider = { executable };
  const memo = (value: string): Member<string> => ({
    provider,
    type: "memo",
    state: "state",
    inputs: { initialize_with: parseJson(value) as Json },
  });
  return Object.fromEntries([
    ["state", { provider, type: "state_file", inputs: { name: join(folder, "state.json") } }],
    ...VALUES.map((value, index) => [NAMES[index], memo(value)] as const),
    ...SPECIAL_NAMES.map((name) => [name, memo(`{"${name}":1.0}`)] as const),
  ]);
}

async function applyAll(folder: string, executable: string) {
  const results = await applyDeployment(graph(members(folder, executable)), { onEvent: () => {} });
  const memos = results.filter(({ member }) => member !== "state");
  return new Map(memos.map(({ member, action, outputs }) => [member, { action, value: outputs["value"] }]));
}

const temporaryFolder = temporaryFolders();
const upstream = join(process.env["NIXOPS4_UPSTREAM_BIN"] ?? "", "nixops4-resources-local");
const withUpstream = existsSync(upstream) ? it : it.skip;

describe("values and names", () => {
  it("are returned as they were sent, also from the state, and are no change in the next apply", async () => {
    const folder = temporaryFolder();
    for (const action of ["created", "skipped"]) {
      const applied = await applyAll(folder, builtProvider("local"));
      for (const [index, value] of VALUES.entries()) {
        const { action: done, value: returned } = applied.get(NAMES[index]!)!;
        expect({ done, returned: stringifyJson(returned) }).toEqual({ done: action, returned: value });
      }
      for (const name of SPECIAL_NAMES) {
        const { action: done, value: returned } = applied.get(name)!;
        expect({ done, returned: stringifyJson(returned) }).toEqual({
          done: action,
          returned: `{"${name}":1.0}`,
        });
      }
    }
  }, 120_000);

  withUpstream(
    "come back from nixops4's own provider in the same bytes (skipped without NIXOPS4_UPSTREAM_BIN)",
    async () => {
      const ours = new ProviderProcess(builtProvider("local"));
      const theirs = new ProviderProcess(upstream);
      for (const value of VALUES) {
        const request = `{"createResourceRequest":{"type":"memo","inputProperties":{"initialize_with":${value}},"isStateful":true}}`;
        const [one, other] = await Promise.all([ours.requestLine(request), theirs.requestLine(request)]);
        expect(one).toBe(other);
      }
      await Promise.all([ours.close(), theirs.close()]);
    },
  );

  withUpstream(
    "are read by each from the other's state file (skipped without NIXOPS4_UPSTREAM_BIN)",
    async () => {
      for (const [writer, reader] of [
        [builtProvider("local"), upstream],
        [upstream, builtProvider("local")],
      ] as const) {
        const folder = temporaryFolder();
        await applyAll(folder, writer);
        const applied = await applyAll(folder, reader);
        expect([...applied.values()].map(({ action }) => action)).toEqual([...applied].map(() => "skipped"));
        for (const [index, value] of VALUES.entries()) {
          expect(stringifyJson(applied.get(NAMES[index]!)!.value)).toBe(value);
        }
        expect(await fs.readFile(join(folder, "state.json"), "utf8")).toContain("9223372036854775807");
      }
    },
    120_000,
  );
});
