import { execFile, spawnSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { binFolder, createResource } from "../harness/index.ts";

const run = promisify(execFile);
const executables = (await fs.readdir(binFolder)).toSorted();
let folder: string;

/** A Node module that records the modules that a program loads, other than Node's built-in ones. */
const recorder = `
const Module = require("node:module");
const { appendFileSync } = require("node:fs");
const load = Module._load;
Module._load = function (request, parent, isMain) {
  if (!isMain && !Module.isBuiltin(request)) appendFileSync(__dirname + "/requests", request + "\\n");
  return load.apply(this, arguments);
};
`;
const nodeOptions = process.env["NODE_OPTIONS"];

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "executables-"));
  for (const name of executables) await fs.copyFile(join(binFolder, name), join(folder, name));
  await fs.writeFile(join(folder, "recorder.cjs"), recorder);
  await fs.writeFile(join(folder, "requests"), "");
  process.env["NODE_OPTIONS"] = `${nodeOptions ?? ""} --require=${join(folder, "recorder.cjs")}`;
});
afterAll(async () => {
  process.env["NODE_OPTIONS"] = nodeOptions;
  await fs.rm(folder, { recursive: true });
});

it("there is one for each provider and service", async () => {
  const manifests = join(import.meta.dirname, "../../nix/providers");
  const names = (await fs.readdir(manifests)).map(async (name) => {
    const manifest = JSON.parse(await fs.readFile(join(manifests, name), "utf8")) as { executable: string };
    return manifest.executable;
  });
  expect(executables).toEqual(["nixops4-boot-server", ...(await Promise.all(names))].toSorted());
});

describe.each(executables)("%s, copied elsewhere", (name) => {
  it("is executable and says what it is for", async () => {
    const { stdout } = await run(join(folder, name), ["--help"], { cwd: "/" });
    expect(stdout).toContain(name);
    await expect(run(join(folder, name), ["--frobnicate"])).rejects.toMatchObject({ code: 2, stdout: "" });
  });

  it("says its version", async () => {
    const { stdout } = await run(join(folder, name), ["--version"], { cwd: "/" });
    expect(stdout).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\n$`));
  });

  it("names no folder of the machine that built it", async () => {
    const code = await fs.readFile(join(folder, name), "utf8");
    expect(code).not.toContain(dirname(dirname(binFolder)));
  });
});

const hasScript = spawnSync("script", ["--version"]).status === 0;
(hasScript ? it : it.skip)("tells a person at a terminal what it waits for (needs script)", () => {
  const command = join(folder, "nixops4-resources-local");
  const atTerminal = spawnSync("script", ["--quiet", "--command", command, "/dev/null"], { input: "" });
  expect(atTerminal.stdout.toString()).toContain(
    "nixops4-resources-local is run by nixops4 and reads requests from standard input",
  );
  const piped = spawnSync(command, { input: "", encoding: "utf8" });
  expect(piped).toMatchObject({ status: 0, stdout: "", stderr: "" });
  expect(spawnSync(command, { stdio: ["ignore", "pipe", "pipe"] }).stderr.toString()).toBe("");
});

describe("what an executable loads only when needed", () => {
  it("local: patches", async () => {
    const name = join(folder, "state.json");
    expect(await createResource(join(folder, "nixops4-resources-local"), "state_file", { name })).toEqual({});
    await createResource(join(folder, "nixops4-resources-local"), "state_file", { name });
  });

  it("ssh-keypair: passphrase and age encryption", async () => {
    const inputs = {
      passphrase: { value: "correct horse" },
      ageRecipients: ["age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg"],
    };
    const outputs = await createResource(
      join(folder, "nixops4-resources-ssh-keypair"),
      "keypair",
      inputs,
      true,
    );
    expect(outputs["privateKeyEncrypted"]).toContain("BEGIN AGE ENCRYPTED FILE");
  });

  it("ssh: the SSH library", async () => {
    const privateKeyFile = join(folder, "key");
    await createResource(join(folder, "nixops4-resources-ssh-keypair"), "keypair", { privateKeyFile }, true);
    const connection = {
      host: "127.0.0.1",
      port: 1,
      privateKey: { file: privateKeyFile },
      hostPublicKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"],
    };
    const work = createResource(join(folder, "nixops4-resources-ssh"), "exec", {
      connection,
      command: "true",
    });
    await expect(work).rejects.toThrow(/127\.0\.0\.1.*ECONNREFUSED/s);
  });

  it("pxe-nbp: gRPC, and the files of other servers", async () => {
    const provider = join(folder, "nixops4-resources-pxe-nbp");
    const server = { socket: join(folder, "nobody.sock"), connectTimeoutSeconds: 0 };
    await expect(createResource(provider, "installed", { server, entryId: "web" })).rejects.toThrow(
      /nobody\.sock.*ENOENT/s,
    );
    const inputs = { root: folder, macs: ["52:54:00:12:34:56"], kernel: "linux", formats: ["pxelinux"] };
    const { paths } = await createResource(provider, "tftp_entry", inputs);
    expect(paths).toEqual([join(folder, "pxelinux.cfg", "01-52-54-00-12-34-56")]);
  });
});

it("looks for no module outside of the executable, where another user could have put one", async () => {
  expect(await fs.readFile(join(folder, "requests"), "utf8")).toBe("");
});
