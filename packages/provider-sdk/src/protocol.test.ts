import { describe, expect, it } from "@jest/globals";
import { parseRequest } from "./protocol.ts";

const properties = { name: "a" };
const resource = { type: "thing", inputProperties: properties };
const event = { event: "create", nixopsVersion: "4", patch: [{ op: "test" }] };
const create = { type: "thing", inputProperties: properties, isStateful: false };

describe("parseRequest", () => {
  it.each<[string, object, object]>([
    ["a create", { createResourceRequest: create }, { kind: "create", ...create }],
    ...[undefined, null].map((outputProperties): [string, object, object] => [
      `an update after a run without outputs (${outputProperties})`,
      { updateResourceRequest: { resource: { ...resource, outputProperties }, inputProperties: {} } },
      { kind: "update", resource, inputProperties: {} },
    ]),
    [
      "an update",
      {
        updateResourceRequest: { resource: { ...resource, outputProperties: { b: 1 } }, inputProperties: {} },
      },
      { kind: "update", resource: { ...resource, outputProperties: { b: 1 } }, inputProperties: {} },
    ],
    ["a read of the state", { stateResourceReadRequest: { resource } }, { kind: "stateRead", resource }],
    [
      "an event of the state",
      { stateResourceEvent: { resource, ...event } },
      { kind: "stateEvent", resource, event },
    ],
  ])("takes %s", (_, request, expected) => {
    expect(parseRequest(JSON.stringify(request))).toEqual(expected);
  });

  const unknown =
    "unknown request: expected an object with one of the fields createResourceRequest, updateResourceRequest, " +
    "stateResourceReadRequest, stateResourceEvent";
  const update = (more: object) => ({ updateResourceRequest: { resource, inputProperties: {}, ...more } });

  it.each<[string, string]>([
    ["", "cannot understand the request: the line of 0 characters is not JSON"],
    ["{ s3cret", "cannot understand the request: the line of 8 characters is not JSON"],
    ["null", unknown],
    ["7", unknown],
    ["1.0", unknown],
    ["[]", unknown],
    ["{}", unknown],
    ['{"deleteResourceRequest":{}}', unknown],
    ['{"constructor":{}}', unknown],
    [JSON.stringify({ createResourceRequest: create, stateResourceEvent: {} }), unknown],
    ['{"createResourceRequest":1}', "createResourceRequest: must be an object"],
    ['{"createResourceRequest":null}', "createResourceRequest: must be an object"],
    ['{"createResourceRequest":[]}', "createResourceRequest: must be an object"],
    [
      JSON.stringify({ createResourceRequest: { ...create, type: 1 } }),
      "createResourceRequest.type: must be a string",
    ],
    [
      JSON.stringify({ createResourceRequest: { ...create, isStateful: "false" } }),
      "createResourceRequest.isStateful: must be a boolean",
    ],
    [
      JSON.stringify({ createResourceRequest: { ...create, inputProperties: null } }),
      "createResourceRequest.inputProperties: must be an object",
    ],
    [JSON.stringify(update({ resource: undefined })), "updateResourceRequest.resource: must be an object"],
    [
      JSON.stringify(update({ resource: { ...resource, type: undefined } })),
      "updateResourceRequest.resource.type: must be a string",
    ],
    [
      JSON.stringify(update({ resource: { ...resource, outputProperties: [] } })),
      "updateResourceRequest.resource.outputProperties: must be an object",
    ],
    [
      JSON.stringify({ stateResourceEvent: { resource, ...event, patch: {} } }),
      "stateResourceEvent.patch: must be a list",
    ],
  ])("refuses %s", (line, message) => {
    expect(() => parseRequest(line)).toThrow(new Error(message));
  });
});
