import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { describeError } from "./errors.ts";
import type { SecretRef } from "./schema.ts";
import { readSecret } from "./secret.ts";

const VARIABLE = "NIXOPS4_TEST_SECRET";
let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "secret-"))));
afterEach(async () => {
  delete process.env[VARIABLE];
  await rm(folder, { recursive: true });
});

const read = (ref: SecretRef, signal = new AbortController().signal) =>
  readSecret(ref, "the password", signal);
const failure = (ref: SecretRef, signal?: AbortSignal) =>
  read(ref, signal).then(
    () => "none",
    (error: unknown) => describeError(error),
  );

describe("readSecret", () => {
  it.each(["", "a", "a\n"])("takes the value %j as it is", async (value) => {
    expect(await read({ value })).toBe(value);
  });

  it.each(["", "a", "a\n"])("takes the environment variable %j as it is", async (value) => {
    process.env[VARIABLE] = value;
    expect(await read({ env: VARIABLE })).toBe(value);
  });

  it.each([
    ["", ""],
    ["a", "a"],
    ["a\n", "a"],
    ["a\r\n", "a"],
    ["a\n\n", "a\n"],
    ["a\nb", "a\nb"],
    ["\n", ""],
  ])("drops one final newline of %j in a file and of a command", async (text, secret) => {
    const file = join(folder, "secret");
    await writeFile(file, text);
    expect(await read({ file })).toBe(secret);
    expect(await read({ command: ["cat", file] })).toBe(secret);
  });

  it.each<[string, SecretRef, string]>([
    [
      "a variable that is not set",
      { env: VARIABLE },
      `cannot read the password: the environment variable ${VARIABLE} is not set`,
    ],
    [
      "a command that fails",
      { command: ["sh", "-c", "exit 3"] },
      "cannot read the password from the command sh: sh failed with exit code: 3",
    ],
    ["no command", { command: [] }, "no source is given for the password"],
    ["no source", {}, "no source is given for the password"],
  ])("says that it cannot read %s", async (_, ref, message) => {
    expect(await failure(ref)).toBe(message);
  });

  it("says that it cannot read a file that does not exist", async () => {
    await expect(read({ file: "/no/such/file" })).rejects.toMatchObject({
      message: "cannot read the password from the file /no/such/file",
      cause: { code: "ENOENT" },
    });
  });

  it("ends its command when the signal is aborted", async () => {
    const signal = AbortSignal.abort(new Error("by the test"));
    expect(await failure({ command: ["sleep", "60"] }, signal)).toBe(
      "cannot read the password from the command sleep: sleep was interrupted: by the test",
    );
  });
});
