import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { BootClient } from "@nixops4-providers/boot-api";
import { type Context, describeError } from "@nixops4-providers/provider-sdk";
import { takeHardwareReport } from "./hardware-report.ts";
import type { Inputs } from "./schema.ts";

let folder: string;
beforeEach(async () => (folder = await fs.mkdtemp(join(tmpdir(), "hardware-report-"))));
afterEach(() => fs.rm(folder, { recursive: true }));

const REPORT = '{"version":1,"system":"x86_64-linux","hardware":{}}';

async function take(inputs: object, gzip: Uint8Array) {
  const warnings: string[] = [];
  let requests = 0;
  const client = {
    getHardwareReport: async () => {
      requests++;
      return { gzip };
    },
  } as unknown as BootClient;
  const context = {
    signal: new AbortController().signal,
    log: { warn: (line: string) => void warnings.push(line) },
  } as unknown as Context;
  const report = await takeHardwareReport(
    client,
    { entryId: "web", hardwareReport: false, ...inputs } as Inputs,
    context,
  ).catch(describeError);
  return { report, warnings, requests };
}

describe("the report", () => {
  it("is not fetched if nobody wants it", async () => {
    expect(await take({}, gzipSync(REPORT))).toEqual({ report: null, warnings: [], requests: 0 });
  });

  it("is an output", async () => {
    const { report } = await take({ hardwareReport: true }, gzipSync(`\n${REPORT.replace(",", ",\n\t")} `));
    expect(report).toBe(REPORT.replace(",", ",  "));
    expect(await fs.readdir(folder)).toEqual([]);
  });

  it("is a file, which ends with a line feed, and no output", async () => {
    const hardwareReportFile = join(folder, "facter.json");
    expect((await take({ hardwareReportFile }, gzipSync(REPORT))).report).toBeNull();
    expect(await fs.readFile(hardwareReportFile, "utf8")).toBe(`${REPORT}\n`);
  });

  it("is both", async () => {
    const hardwareReportFile = join(folder, "facter.json");
    expect((await take({ hardwareReport: true, hardwareReportFile }, gzipSync(REPORT))).report).toBe(REPORT);
    expect(await fs.readFile(hardwareReportFile, "utf8")).toBe(`${REPORT}\n`);
  });

  it("may be missing", async () => {
    expect(await take({ hardwareReport: true }, new Uint8Array())).toEqual({
      report: null,
      warnings: ["the installer of web has not reported what hardware it found"],
      requests: 1,
    });
  });

  it("has escapes for all that is not ASCII", async () => {
    const text = REPORT.replace("{}", '{"a":"\u009b2J ü\ud83d\ude00\u007f"}');
    const { report } = await take({ hardwareReport: true }, gzipSync(text));
    expect(report).toBe(REPORT.replace("{}", '{"a":"\\u009b2J \\u00fc\\ud83d\\ude00\\u007f"}'));
  });
});

const what = "cannot use what the installer of web has reported of its hardware: ";
const hint = "\nSet neither hardwareReport nor hardwareReportFile to go on without it.";
const FIELDS = "it is not a report of nixos-facter: version, system or hardware is missing";
it.each([
  ["is not JSON", "secret", "it is not JSON"],
  ["is null", "null", FIELDS],
  ["has no version", REPORT.replace("version", "v"), FIELDS],
  ["has a version that is text", REPORT.replace("1", '"1"'), FIELDS],
  ["has no system", REPORT.replace("system", "s"), FIELDS],
  ["has no hardware", REPORT.replace("hardware", "h"), FIELDS],
  ["has hardware that is null", REPORT.replace("{}", "null"), FIELDS],
  ["has hardware that is a list", REPORT.replace("{}", "[]"), FIELDS],
])("a report that %s is an error", async (_, text, message) => {
  expect((await take({ hardwareReport: true }, gzipSync(text))).report).toBe(`${what}${message}${hint}`);
});

it("a report of more than 4 MiB is an error", async () => {
  const padded = (length: number) => gzipSync(REPORT.padEnd(length));
  expect((await take({ hardwareReport: true }, padded(4 * 1024 ** 2))).report).toBe(REPORT);
  expect((await take({ hardwareReport: true }, padded(4 * 1024 ** 2 + 1))).report).toMatch(what);
});

it("a report whose file cannot be written is an error", async () => {
  const hardwareReportFile = join(folder, "none", "facter.json");
  expect((await take({ hardwareReportFile }, gzipSync(REPORT))).report).toMatch(
    `hardwareReportFile: cannot write the hardware report to ${hardwareReportFile}: `,
  );
});
