import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Static } from "typebox/type";
import { describe, expect, it } from "@jest/globals";
import { stringifyJson } from "@nixops4-providers/json";
import { answer } from "./dispatch.ts";
import { ProviderError } from "./errors.ts";
import { privateFolder } from "./private-folder.ts";
import { converge, defineProvider, defineResource } from "./resource.ts";
import { fields, nullable, secretRef } from "./schema.ts";
import { Type } from "./type.ts";

const inputs = fields({
  name: Type.String(),
  times: Type.Integer({ minimum: 1, default: 1 }),
  style: Type.Enum(["plain", "loud"], { default: "plain" }),
  password: Type.Optional(secretRef("A password.")),
});
const outputs = fields({ text: Type.String() });

const echoInputs = fields({ value: Type.Unknown(), count: Type.Optional(Type.Integer()) });
const echoOutputs = fields({ value: Type.Unknown(), last: Type.Unknown(), none: nullable(Type.String()) });

const storeInputs = fields({ name: Type.String({ default: "a" }) });
const storeOutputs = fields({ isStateful: Type.Boolean() });
const events: object[] = [];

const provider = defineProvider({
  name: "test",
  executable: "test-provider",
  description: "For tests.",
  resources: [
    defineResource({
      type: "greeting",
      description: "Greets.",
      docs: "",
      stateful: false,
      inputs,
      outputs,
      check: ({ name }) => (name === "nobody" ? [{ path: "name", message: "is not a person" }] : []),
      ...converge<Static<typeof inputs>, Static<typeof outputs>>(async ({ inputs, previous }, context) => {
        if (inputs.name === "badly") return { text: 1 as unknown as string };
        if (inputs.name === "leak") {
          throw new ProviderError("cannot greet", {
            cause: new Error(`with ${await context.secret(inputs.password!, "the password")}`),
            hint: "Try another name.",
          });
        }
        return { text: `${previous?.outputs.text ?? "hello"} ${inputs.name} ${inputs.times}` };
      }),
    }),
    defineResource({
      type: "echo",
      description: "Returns what it is given.",
      docs: "",
      stateful: false,
      inputs: echoInputs,
      outputs: echoOutputs,
      ...converge<Static<typeof echoInputs>, Static<typeof echoOutputs>>(async ({ inputs, previous }) => {
        const returned = { value: inputs.value, ...(previous && { last: previous.outputs.value }) };
        return returned as Static<typeof echoOutputs>;
      }),
    }),
    defineResource({
      type: "kept",
      description: "Needs state.",
      docs: "",
      stateful: true,
      inputs: fields({}),
      outputs: fields({}),
      create: async () => ({}),
    }),
    defineResource({
      type: "store",
      description: "Stores state.",
      docs: "",
      stateful: false,
      inputs: storeInputs,
      outputs: storeOutputs,
      ...converge<object, Static<typeof storeOutputs>>(async (_, context) => ({
        isStateful: context.isStateful,
      })),
      state: {
        read: async (inputs, context) => ({ inputs, isStateful: context.isStateful }),
        event: async (inputs, event, context) =>
          void events.push({ inputs, event, isStateful: context.isStateful }),
      },
    }),
    ...[true, false].map((waitsForOrphans) =>
      defineResource({
        type: waitsForOrphans ? "waiting" : "instant",
        description: "Returns how many processes have recorded their work.",
        docs: "",
        stateful: false,
        waitsForOrphans,
        inputs: fields({}),
        outputs: fields({ records: Type.Integer() }),
        ...converge<object, { records: number }>(async () => ({
          records: (await readdir((await privateFolder())!)).length,
        })),
      }),
    ),
  ],
});

function ask(request: unknown) {
  const line = typeof request === "string" ? request : JSON.stringify(request);
  return answer(provider, line, new AbortController().signal);
}
function create(inputProperties: object, type = "greeting") {
  return ask({ createResourceRequest: { type, inputProperties, isStateful: false } });
}
async function errorOf(response: ReturnType<typeof ask>): Promise<string> {
  const { errorResponse } = (await response) as { errorResponse: { message: string } };
  return errorResponse.message;
}

describe("answer", () => {
  it("creates with defaults and updates with what was before", async () => {
    expect(await create({ name: "you", times: null })).toEqual({
      createResourceResponse: { outputProperties: { text: "hello you 1" } },
    });
    const resource = { type: "greeting", inputProperties: {}, outputProperties: { text: "again" } };
    expect(await ask({ updateResourceRequest: { resource, inputProperties: { name: "me" } } })).toEqual({
      updateResourceResponse: { outputProperties: { text: "again me 1" } },
    });
  });

  it("reports every violation with its path, and no value", async () => {
    const message = await errorOf(
      create({ times: 0, style: "s3cret", password: { env: "A", file: "B" }, nmae: "typo" }),
    );
    expect(message.split("\n").toSorted()).toEqual(
      [
        "invalid inputs for resource type greeting:",
        "  name: is required",
        "  times: must be >= 1",
        '  style: must be one of "plain", "loud"',
        "  password: must have exactly one of value, file, env, command",
        "  nmae: unknown field; known fields are name, times, style, password",
      ].toSorted(),
    );
  });

  it("reports a wrong type by both types", async () => {
    expect(await errorOf(create({ name: ["s3cret"] }))).toContain("name: must be string, is array");
  });

  it("applies a type's own rules", async () => {
    expect(await errorOf(create({ name: "nobody" }))).toContain("name: is not a person");
  });

  it("keeps secrets out of errors, whatever the cause says", async () => {
    const message = await errorOf(create({ name: "leak", password: { value: "hunter2" } }));
    expect(message).toBe("cannot greet: with [secret]\nTry another name.");
  });

  it("does not send outputs that break the schema", async () => {
    expect(await errorOf(create({ name: "badly" }))).toMatch(
      /cannot be returned.*\n {2}text: must be string/,
    );
  });

  const echo = async (value: string, more = "") =>
    stringifyJson(
      await ask(
        `{"createResourceRequest":{"type":"echo","isStateful":false,"inputProperties":{"value":${value}${more}}}}`,
      ),
    );

  it.each(["2.0", "-0.0", "9007199254740993", "9223372036854775807", "-9223372036854775808", "1e16", "0.10"])(
    "returns the number %s as it came",
    async (number) => {
      const value = `{"a":[${number}],"__proto__":{"constructor":${number}},"prototype":1}`;
      expect(await echo(value)).toBe(
        `{"createResourceResponse":{"outputProperties":{"value":${value},"last":null,"none":null}}}`,
      );
      const line = `{"updateResourceRequest":{"resource":{"type":"echo","inputProperties":{},"outputProperties":{"value":${value}}},"inputProperties":{"value":1}}}`;
      expect(stringifyJson(await ask(line))).toContain(`"last":${value}`);
    },
  );

  it.each([
    ["9223372036854775808", "value.a: is an integer of more than 64 bits"],
    ["-9223372036854775809", "value.a: is an integer of more than 64 bits"],
    ["10000000000000000000", "value.a: is an integer of more than 64 bits"],
    ["1e999", "value.a: is a number beyond 1.8e308"],
    ['"\\ud800"', "value.a: is text with half a character"],
  ])("refuses %s, which nixops4 could not read or would change", async (value, message) => {
    expect(await echo(`{"a":${value}}`)).toContain(message);
  });

  it("takes a number of any writing where the schema wants one, and refuses one that it would change", async () => {
    expect(await echo("1", ',"count":22.0')).toContain('"value":1');
    expect(await echo("1", ',"count":9007199254740993')).toContain(
      "count: must be integer, is a number with more digits than can be kept",
    );
    expect(await echo("1", ',"count":1.5')).toContain("count: must be integer");
  });

  it("refuses unknown types and names the known ones", async () => {
    expect(await errorOf(create({}, "constructor"))).toBe(
      'unknown resource type "constructor": the test provider has greeting, echo, kept, store, waiting, instant',
    );
  });

  it("refuses a stateless create of a type that needs state, and an update of one that keeps none", async () => {
    expect(await errorOf(create({}, "kept"))).toContain(
      "kept resources require state (isStateful must be true)",
    );
    const resource = { type: "kept", inputProperties: {}, outputProperties: {} };
    expect(await errorOf(ask({ updateResourceRequest: { resource, inputProperties: {} } }))).toContain(
      "Internal error: update called on stateless kept resource",
    );
  });

  it("refuses state operations of a type that stores none", async () => {
    const resource = { type: "kept", inputProperties: {} };
    const message = "a kept resource does not store state";
    expect(await errorOf(ask({ stateResourceReadRequest: { resource } }))).toContain(message);
    const event = { resource, event: "create", nixopsVersion: "4", patch: [] };
    expect(await errorOf(ask({ stateResourceEvent: event }))).toContain(message);
  });

  it("creates a resource that needs state when it has state", async () => {
    const createResourceRequest = { type: "kept", inputProperties: {}, isStateful: true };
    expect(await ask({ createResourceRequest })).toEqual({
      createResourceResponse: { outputProperties: {} },
    });
  });

  it.each([true, false])("says whether there is state: %s on create", async (isStateful) => {
    const createResourceRequest = { type: "store", inputProperties: {}, isStateful };
    expect(await ask({ createResourceRequest })).toEqual({
      createResourceResponse: { outputProperties: { isStateful } },
    });
  });

  it("says on update that there is state", async () => {
    const resource = { type: "store", inputProperties: {}, outputProperties: null };
    expect(await ask({ updateResourceRequest: { resource, inputProperties: {} } })).toEqual({
      updateResourceResponse: { outputProperties: { isStateful: true } },
    });
  });

  it("reads the state and records events, with defaults and without a state of its own", async () => {
    const resource = { type: "store", inputProperties: {} };
    const common = { inputs: { name: "a" }, isStateful: false };
    expect(await ask({ stateResourceReadRequest: { resource } })).toEqual({
      stateResourceReadResponse: { state: common },
    });
    const event = { event: "create", nixopsVersion: "4", patch: [{ op: "test" }] };
    expect(await ask({ stateResourceEvent: { resource, ...event } })).toEqual({
      stateResourceEventResponse: {},
    });
    expect(events).toEqual([{ ...common, event }]);
  });

  it.each([
    ["waiting", 1],
    ["instant", 0],
  ])("records the work of a type that waits for orphans only: %s", async (type, records) => {
    const before = process.env["XDG_RUNTIME_DIR"];
    const runtime = await mkdtemp(join(tmpdir(), "dispatch-"));
    process.env["XDG_RUNTIME_DIR"] = runtime;
    try {
      expect(await create({}, type)).toEqual({ createResourceResponse: { outputProperties: { records } } });
    } finally {
      if (before === undefined) delete process.env["XDG_RUNTIME_DIR"];
      else process.env["XDG_RUNTIME_DIR"] = before;
      await rm(runtime, { recursive: true });
    }
  });

  it("answers a malformed request with an error that does not quote it", async () => {
    expect(await errorOf(ask("{ not json, s3cret"))).toBe(
      "cannot understand the request: the line of 18 characters is not JSON",
    );
  });
});
