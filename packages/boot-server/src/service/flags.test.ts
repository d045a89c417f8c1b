import { describe, expect, it } from "@jest/globals";
import { applyFlags, settings } from "./flags.ts";

describe("settings", () => {
  it.each([
    ["store", "string", false],
    ["user", "string", false],
    ["log-format", "string", false],
    ["grpc-mode", "string", false],
    ["tftp-enable", "boolean", false],
    ["tftp-port", "integer", false],
    ["grace-seconds", "number", false],
    ["nbps", "map", false],
    ["grpc-tcp-port", "integer", false],
    ["grpc-tcp-key-file", "string", true],
  ])("--%s takes a value of kind %s; required: %p", (flag, kind, required) => {
    expect(settings.find((setting) => setting.flag === flag)).toMatchObject({ kind, required });
  });
});

describe("applyFlags", () => {
  it.each([
    [{}, { user: "1000" }, { user: "1000" }],
    [{}, { "grpc-mode": "0660" }, { grpc: { mode: "0660" } }],
    [{}, { "tftp-port": "69" }, { tftp: { port: 69 } }],
    [{}, { "tftp-port": "-1" }, { tftp: { port: -1 } }],
    [{}, { "tftp-port": "six" }, { tftp: { port: "six" } }],
    [{}, { "grace-seconds": "1.5" }, { graceSeconds: 1.5 }],
    [{}, { "tftp-enable": "true" }, { tftp: { enable: true } }],
    [{}, { "tftp-enable": "false" }, { tftp: { enable: false } }],
    [{}, { "tftp-enable": "yes" }, { tftp: { enable: "yes" } }],
    [{}, { nbps: ["a.efi=/b=c", "d.efi"] }, { nbps: { "a.efi": "/b=c", "d.efi": "" } }],
    [{ tftp: { port: 70, enable: true } }, { "tftp-port": "69" }, { tftp: { port: 69, enable: true } }],
    [{ tftp: null }, { "tftp-port": "69" }, { tftp: { port: 69 } }],
    [{ tftp: 5 }, { "tftp-port": "69" }, { tftp: 5 }],
    [{ tftp: [] }, { "tftp-port": "69" }, { tftp: [] }],
  ])("to %j with %j makes %j", (config, flags, expected) => {
    expect(applyFlags(config, flags)).toEqual(expected);
  });
});
