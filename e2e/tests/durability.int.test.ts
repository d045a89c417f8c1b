import { spawnSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { builtProvider, ProviderProcess } from "../harness/index.ts";

// A power cut right after the answer would undo the changes of folders and files that were not synchronized before it.

const hasStrace = spawnSync("strace", ["-V"]).status === 0;
const suite = hasStrace ? describe : describe.skip;

suite(`what is answered is on the disk${hasStrace ? "" : " (skipped without strace)"}`, () => {
  let folder: string;
  beforeEach(async () => void (folder = await fs.mkdtemp(join(tmpdir(), "durability-"))));
  afterEach(() => fs.rm(folder, { recursive: true }));

  async function unsynced(
    provider: "local" | "ssh-keypair",
    type: string,
    inputs: object,
  ): Promise<string[]> {
    const trace = join(folder, "..", `${folder.split("/").at(-1)}.trace`);
    const calls = "openat,mkdir,rename,link,unlink,write,pwrite64,fchmod,fsync";
    const args = ["-f", "-y", "-s", "40", "-o", trace, "-e", `trace=${calls}`, builtProvider(provider)];
    const process = new ProviderProcess("strace", { args, onStderr: () => {} });
    try {
      await process.create(type, inputs, provider === "ssh-keypair");
    } finally {
      await process.close();
    }
    const lines = joinResumed((await fs.readFile(trace, "utf8")).split("\n"));
    await fs.rm(trace);
    return pendingAtAnswer(lines, folder);
  }

  it("with ssh-keypair.keypair, in folders that it makes", async () => {
    const privateKeyFile = join(folder, "new", "deeper", "key");
    expect(await unsynced("ssh-keypair", "keypair", { privateKeyFile })).toEqual([]);
  });

  it("with local.file: new, replaced, with another mode, and removed", async () => {
    const name = join(folder, "file");
    for (const inputs of [
      { contents: "one" },
      { contents: "two", mode: "0600" },
      { contents: "two", mode: "0640" },
      { ensure: "absent" },
    ]) {
      expect(await unsynced("local", "file", { name, ...inputs })).toEqual([]);
    }
  });

  it("with local.state_file, in folders that it makes", async () => {
    const name = join(folder, "new", "state.json");
    expect(await unsynced("local", "state_file", { name })).toEqual([]);
  });
});

/** Joins the two halves of a call that strace split because of a line from another thread. */
function joinResumed(lines: readonly string[]): string[] {
  const begun = new Map<string, string>();
  return lines.flatMap((line) => {
    const [, thread = "", call = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (call.endsWith("<unfinished ...>")) {
      begun.set(thread, call.replace(/ *<unfinished \.\.\.>$/, ""));
      return [];
    }
    const rest = /^<\.\.\. \w+ resumed>(.*)$/.exec(call)?.[1];
    return [rest === undefined ? call : (begun.get(thread) ?? "") + rest];
  });
}

/** Returns the paths below `base` whose last change was not followed by fsync(2) before the answer. */
function pendingAtAnswer(calls: readonly string[], base: string): string[] {
  const open = new Map<string, string>();
  const pending = new Set<string>();
  let changes = 0;
  const resolved = (path: string) =>
    path.replace(/^\/proc\/self\/fd\/(\d+)/, (_, fd: string) => open.get(fd) ?? "?");
  for (const call of calls) {
    const opened = /^openat\(.* = (\d+)<(.*)>$/.exec(call);
    if (opened !== null) open.set(opened[1]!, opened[2]!);
    const [, name = "", rest = ""] = /^(\w+)\((.*)\) += \d+(?:<.*>)?$/.exec(call) ?? [];
    const [, fd = "", file = ""] = /^(\d+)<([^>]*)>/.exec(rest) ?? [];
    if (name === "write" && fd === "1" && rest.includes("Response")) {
      expect(changes).toBeGreaterThan(0);
      return [...pending];
    }
    if (name === "fsync") pending.delete(file);
    else if (fd !== "" && file.startsWith(base) && name !== "openat") pending.add(file);
    else if (["mkdir", "rename", "link", "unlink"].includes(name)) {
      const target = resolved([...rest.matchAll(/"([^"]*)"/g)].at(-1)![1]!);
      if (!target.startsWith(base)) continue;
      changes++;
      pending.add(dirname(target));
      if (name === "rename") pending.delete(target);
    } else continue;
    if (name === "fchmod") changes++;
  }
  throw new Error("there is no answer in the trace");
}
