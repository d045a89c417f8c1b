import { chmod, mkdtemp, mkdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { ProviderError } from "./errors.ts";
import { runProcess, type RunOptions } from "./process.ts";

let folder: string;
beforeEach(async () => void (folder = await realpath(await mkdtemp(join(tmpdir(), "start-failure-")))));
afterEach(() => rm(folder, { recursive: true }));

async function program(name: string, contents: string | Uint8Array, mode = 0o700): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, contents);
  await chmod(path, mode);
  return path;
}

/** Returns why a program cannot be run: the message, and the hint or the code of the cause. */
function failure(executable: string, options: RunOptions = {}): Promise<string> {
  return runProcess(executable, [], options).then(
    () => "it ran",
    ({ message, hint, cause }: ProviderError) =>
      `${message}\n${hint ?? (cause as NodeJS.ErrnoException).code}`,
  );
}

const WINDOWS_HINT = (path: string) =>
  `Save it with Unix line ends; \`sed -i 's/\\r$//' ${path}\` does that.`;
const INTERPRETER_HINT = "Correct its first line; `#!/usr/bin/env` finds programs on the PATH.";

describe("a program that cannot be started", () => {
  it("does not exist", async () => {
    expect(await failure("no-such-program")).toBe("cannot run no-such-program\nENOENT");
    const path = join(folder, "none");
    expect(await failure(path)).toBe(`cannot run ${path}\nENOENT`);
  });

  it("is not executable", async () => {
    const path = await program("data", "", 0o600);
    expect(await failure(path)).toBe(`cannot run ${path}\nEACCES`);
  });

  it("has a folder to run in that does not exist, or is none", async () => {
    const file = await program("file", "");
    expect(await failure("true", { cwd: join(folder, "none") })).toBe(
      `cannot run true: the folder to run it in, ${join(folder, "none")}, does not exist\nCheck \`cwd\`.`,
    );
    expect(await failure("true", { cwd: file })).toBe(
      `cannot run true: the folder to run it in, ${file}, is not a folder\nCheck \`cwd\`.`,
    );
    expect(await failure("true", { cwd: join(file, "below") })).toBe(
      `cannot run true: the folder to run it in, ${join(file, "below")}, cannot be read\nCheck \`cwd\`.`,
    );
  });

  it.each([
    ["#!/no/such/sh\necho", "/no/such/sh"],
    ["#! /no/such/sh -e\n", "/no/such/sh"],
    ["#!/no/such/sh", "/no/such/sh"],
  ])("is the script %j, whose interpreter does not exist", async (contents, interpreter) => {
    const path = await program("script", contents);
    expect(await failure(path)).toBe(
      `cannot run ${path}: the interpreter ${interpreter}, which ${path} names, does not exist\n${INTERPRETER_HINT}`,
    );
  });

  it("is a script with Windows line ends", async () => {
    const path = await program("script", "#!/bin/sh\r\necho\r\n");
    expect(await failure(path)).toBe(
      `cannot run ${path}: the script ${path} has Windows line ends (CRLF)\n${WINDOWS_HINT(path)}`,
    );
  });

  it("is found in a folder of the PATH, or from the folder that it is run in", async () => {
    await mkdir(join(folder, "bin"));
    const path = await program("bin/script", "#!/no/such/sh\n");
    const message = (name: string) =>
      `cannot run ${name}: the interpreter /no/such/sh, which ${path} names, does not exist\n${INTERPRETER_HINT}`;
    expect(await failure("script", { env: { PATH: `${folder}:${join(folder, "bin")}` } })).toBe(
      message("script"),
    );
    expect(await failure("./bin/script", { cwd: folder })).toBe(message("./bin/script"));
  });

  it("is a binary with a loader that does not exist", async () => {
    // The header of an executable for x86-64 with one segment, which names the loader.
    const path = await program("binary", elfWithLoader("/no/such/ld.so"));
    expect(await failure(path)).toBe(
      `cannot run ${path}: ${path} exists, but the loader that it names does not\n` +
        "It is made for another system, such as Debian where this is NixOS: run one that is made for this.",
    );
  });
});

/** Returns an ELF file with one program header, of the type PT_INTERP (elf(5)). */
function elfWithLoader(loader: string): Buffer {
  const name = Buffer.from(`${loader}\0`);
  const bytes = Buffer.alloc(64 + 56);
  bytes.write("\x7fELF\x02\x01\x01", "latin1");
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(process.arch === "arm64" ? 183 : 62, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(3, 64);
  bytes.writeBigUInt64LE(120n, 72);
  bytes.writeBigUInt64LE(BigInt(name.length), 96);
  return Buffer.concat([bytes, name]);
}
