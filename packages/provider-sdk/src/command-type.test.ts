import { beforeEach, describe, expect, it } from "@jest/globals";
import { commandOperations } from "./command-type.ts";
import type { Context } from "./context.ts";

interface Inputs {
  once: boolean;
  parseJson: boolean;
  prints: string | Buffer;
}

/** The recorded output that each run was given. */
const runs: (string | undefined)[] = [];
const operations = commandOperations<Inputs>({
  run: async ({ prints }, recorded) => {
    runs.push(recorded);
    return prints;
  },
  name: () => "the command on web1",
});

const inputs = (given: Partial<Inputs>): Inputs => ({ once: false, parseJson: false, prints: "", ...given });
const context = (isStateful: boolean) => ({ isStateful }) as Context;
const createWith = (given: Partial<Inputs>, isStateful = false) =>
  operations.create({ inputs: inputs(given), previous: undefined }, context(isStateful));
const updateWith = (given: Partial<Inputs>, stdout?: string) =>
  operations.update(
    { inputs: inputs(given), previous: { inputs: {}, outputs: stdout === undefined ? {} : { stdout } } },
    context(true),
  );

beforeEach(() => void runs.splice(0));

describe("create", () => {
  it.each<[string, Partial<Inputs>, { stdout: string; json: unknown }]>([
    ["returns text", { prints: "a" }, { stdout: "a", json: null }],
    ["returns bytes as text", { prints: Buffer.from("ä\n") }, { stdout: "ä\n", json: null }],
    ["parses JSON only when asked", { prints: "[1]" }, { stdout: "[1]", json: null }],
    ["parses JSON", { prints: "[1]", parseJson: true }, { stdout: "[1]", json: [1] }],
    ["takes no output for no JSON", { prints: "", parseJson: true }, { stdout: "", json: null }],
  ])("%s", async (_, given, outputs) => {
    expect(await createWith(given)).toEqual(outputs);
    expect(runs).toEqual([undefined]);
  });

  it.each<[string, Partial<Inputs>, string]>([
    [
      "output that is not JSON",
      { prints: "{a}", parseJson: true },
      "the command on web1 printed 3 characters that are not JSON",
    ],
    [
      "bytes that are not UTF-8",
      { prints: Buffer.of(0xff) },
      "the command on web1 printed bytes that are not UTF-8",
    ],
  ])("refuses %s", async (_, given, message) => {
    await expect(createWith(given)).rejects.toThrow(new Error(message));
  });

  it("refuses `once` without state, and does not run", async () => {
    await expect(createWith({ once: true })).rejects.toThrow(
      new Error("exec resource with once=true requires state (use isStateful)"),
    );
    expect(runs).toEqual([]);
  });

  it("runs with `once` and state", async () => {
    expect(await createWith({ once: true, prints: "a" }, true)).toEqual({ stdout: "a", json: null });
  });
});

describe("update", () => {
  it.each(["old", undefined])("runs again, and knows the recorded output %j", async (recorded) => {
    expect(await updateWith({ prints: "new" }, recorded)).toEqual({ stdout: "new", json: null });
    expect(runs).toEqual([recorded]);
  });

  it.each(["[1]", ""])("keeps the recorded output %j with `once`, and does not run", async (recorded) => {
    const json = recorded === "" ? null : [1];
    expect(await updateWith({ once: true, parseJson: true, prints: "new" }, recorded)).toEqual({
      stdout: recorded,
      json,
    });
    expect(runs).toEqual([]);
  });

  it("refuses `once` when no output is recorded", async () => {
    await expect(updateWith({ once: true })).rejects.toThrow(
      new Error("cannot keep the outputs of an exec resource with once=true: none are recorded"),
    );
    expect(runs).toEqual([]);
  });
});
