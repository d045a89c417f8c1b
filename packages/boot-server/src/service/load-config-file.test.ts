import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import { loadConfig } from "./load-config.ts";

const MAX_NBP_BYTES = 32 * 1024 * 1024;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "load-config-"));
  for (const [name, size] of [
    ["good.efi", MAX_NBP_BYTES],
    ["large.efi", MAX_NBP_BYTES + 1],
  ] as const) {
    await writeFile(join(folder, name), "");
    await truncate(join(folder, name), size);
  }
});
afterAll(() => rm(folder, { recursive: true }));

it("reads a file, which flags override", async () => {
  const path = join(folder, "config.json");
  await writeFile(path, '{ "user": "a", "group": "b" }');
  expect(await loadConfig(path, { user: "c" })).toMatchObject({ user: "c", group: "b" });
  expect(await loadConfig(undefined, { user: "c" })).toMatchObject({ user: "c" });
});

it.each(["[]", "null", "1"])("refuses the file %s, which is not an object", async (text) => {
  const path = join(folder, "config.json");
  await writeFile(path, text);
  expect(await loadConfig(path, {}).catch(describeError)).toMatch(/config.json is not a JSON object/);
});

it.each([
  ["good.efi", "good.efi", undefined],
  ["good.efi", "missing.efi", /^the configuration is not valid.*nbps.good.efi: ENOENT/s],
  ["a/b", "good.efi", /nbps.a\/b: the name must consist of/],
  [".", "good.efi", /nbps..: the name must consist of/],
  ["folder", ".", /nbps.folder: .* is not a file/],
  ["large.efi", "large.efi", /nbps.large.efi: .* has 33554433 bytes/],
])("checks the boot program %s with the path %s", async (name, file, message) => {
  const path = join(folder, file);
  const result = await loadConfig(undefined, { nbps: [`${name}=${path}`] }).catch(describeError);
  if (message === undefined) expect(result).toMatchObject({ nbps: { [name]: path } });
  else expect(result).toMatch(message);
});
