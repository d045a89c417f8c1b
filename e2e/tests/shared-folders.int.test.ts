import { spawnSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { exfatFolder, missingForExfat } from "@nixops4-providers/test-servers";
import { builtProvider, ProviderProcess } from "../harness/index.ts";

const missing = missingForExfat();
const titleOf = (text: string) => (missing === undefined ? text : `${text} (skipped: ${missing})`);
const hasStrace = spawnSync("strace", ["-V"]).status === 0;

const patch = [{ op: "add", path: "/resources/a", value: 1 }];

async function withProvider<T>(
  work: (provider: ProviderProcess) => Promise<T>,
  executable = builtProvider("local"),
) {
  const provider = new ProviderProcess(executable, { onStderr: () => {} });
  try {
    return await work(provider);
  } finally {
    await provider.close();
  }
}

function record(provider: ProviderProcess, name: string) {
  const resource = { type: "state_file", inputProperties: { name } };
  return provider.stateEvent({ resource, event: "create", nixopsVersion: "1", patch });
}

async function resourcesIn(name: string) {
  const resource = { type: "state_file", inputProperties: { name } };
  const state = await withProvider((provider) => provider.stateRead(resource));
  return state["resources"];
}

(missing === undefined ? describe : describe.skip)(titleOf("a folder without hard links and modes"), () => {
  it("that only the owner can read: a state file works, also with several processes", async () => {
    const folder = exfatFolder("077");
    try {
      const name = join(folder.path, "state");
      const creations = [1, 2, 3, 4].map(() =>
        withProvider((provider) => provider.create("state_file", { name })),
      );
      expect(await Promise.all(creations)).toEqual([{}, {}, {}, {}]);
      await withProvider((provider) => record(provider, name));
      expect(await resourcesIn(name)).toEqual({ a: 1 });
      expect(await fs.readdir(folder.path)).toEqual(["state"]);
      expect(await fs.readFile(name, "utf8")).toMatch(/^\{\n {2}"index": 0,[^]*\n\{\n {2}"index": 1,/);
    } finally {
      folder.remove();
    }
  });

  it("that others can read: a secret file is refused before anything is written to it", async () => {
    const folder = exfatFolder("022");
    const other = exfatFolder("077");
    try {
      const name = join(folder.path, "state");
      await withProvider(async (provider) => {
        await expect(provider.create("state_file", { name })).rejects.toThrow(
          "the file system does not keep permissions: the file has mode 0755 where 0600 was set",
        );
        expect(await fs.readdir(folder.path)).toEqual([]);
        // An existing file, such as an older state.
        await fs.writeFile(name, "");
        await expect(provider.create("state_file", { name })).rejects.toThrow("does not keep permissions");
        await expect(record(provider, name)).rejects.toThrow("does not keep permissions");
        expect(await fs.readFile(name, "utf8")).toBe("");
        await provider.create("file", { name: join(folder.path, "public"), contents: "public" });
        const secret = { name: join(folder.path, "secret"), contents: "secret", mode: "0600" };
        await expect(provider.create("file", secret)).rejects.toThrow("does not keep permissions");
      });
      await withProvider(async (provider) => {
        const inputs = { privateKeyFile: join(folder.path, "key") };
        await expect(provider.create("keypair", inputs, true)).rejects.toThrow("does not keep permissions");
        const made = await provider.create("keypair", { privateKeyFile: join(other.path, "key") }, true);
        // The key was copied by other means.
        await fs.copyFile(join(other.path, "key"), join(folder.path, "key"));
        await expect(provider.create("keypair", inputs, true)).rejects.toThrow("other users can read it");
        const request = { inputs, previousInputs: inputs, previousOutputs: made };
        await expect(provider.update("keypair", request)).rejects.toThrow("does not keep permissions");
      }, builtProvider("ssh-keypair"));
      expect((await fs.readdir(folder.path)).toSorted()).toEqual(["key", "public", "state"]);
    } finally {
      other.remove();
      folder.remove();
    }
  });
});

describe("a folder that cannot be synchronized by itself", () => {
  let folder: string;
  beforeEach(async () => void (folder = await fs.mkdtemp(join(tmpdir(), "no-fsync-"))));
  afterEach(() => fs.rm(folder, { recursive: true }));

  (hasStrace ? it : it.skip)("is synchronized with its file system (skipped without strace)", async () => {
    const trace = join(folder, "trace");
    const executable = join(folder, "provider");
    await fs.mkdir(join(folder, "shared"));
    const options = `-f -o ${trace} -P ${join(folder, "shared")} -e trace=fsync,syncfs -e inject=fsync:error=EINVAL`;
    await fs.writeFile(executable, `#!/bin/sh\nexec strace ${options} ${builtProvider("local")} "$@"\n`, {
      mode: 0o755,
    });
    const name = join(folder, "shared", "state");
    await withProvider((provider) => provider.create("state_file", { name }), executable);
    await withProvider((provider) => record(provider, name));
    expect(await resourcesIn(name)).toEqual({ a: 1 });
    const calls = await fs.readFile(trace, "utf8");
    expect(calls).toMatch(/fsync\(\d+\) += -1 EINVAL .*\(INJECTED\)[^]*syncfs\(\d+\) += 0/);
  });
});
