import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { builtProvider, createResource, runOperation } from "@nixops4-providers/e2e";

const executable = builtProvider("local");
let folder: string;
let name: string;

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "file-"));
  name = join(folder, "file.txt");
});
afterEach(() => fs.rm(folder, { recursive: true }));

function write(inputs: object) {
  return createResource(executable, "file", { name, ...inputs });
}
async function modeOf(path: string) {
  return ((await fs.stat(path)).mode & 0o7777).toString(8);
}
async function identityOf(path: string) {
  const { ino, mtimeNs } = await fs.stat(path, { bigint: true });
  return `${ino} ${mtimeNs}`;
}

describe("file", () => {
  it("writes text, the empty one too, with the mode that the umask leaves", async () => {
    const umask = process.umask(0o027);
    try {
      expect(await write({ contents: "grüße\n" })).toEqual({});
    } finally {
      process.umask(umask);
    }
    expect(await fs.readFile(name, "utf8")).toBe("grüße\n");
    expect(await modeOf(name)).toBe("640");
    await write({ contents: "" });
    expect(await fs.readFile(name, "utf8")).toBe("");
  });

  const hasAcl = spawnSync("setfacl", ["--version"]).status === 0;
  (hasAcl ? it : it.skip)(
    "keeps access lists and extended attributes (skipped without setfacl)",
    async () => {
      const acl = () => execFileSync("getfacl", ["-cn", name], { encoding: "utf8", stdio: "pipe" });
      const note = () =>
        execFileSync("getfattr", ["--only-values", "-n", "user.note", name], {
          encoding: "utf8",
          stdio: "pipe",
        });
      await write({ contents: "one", mode: "0640" });
      execFileSync("setfacl", ["-m", "u:65534:r,g:1234:rw", name]);
      execFileSync("setfattr", ["-n", "user.note", "-v", "kept", name]);
      const before = acl();
      await write({ contents: "two" });
      expect([await fs.readFile(name, "utf8"), acl(), note()]).toEqual(["two", before, "kept"]);
      await write({ contents: "three", mode: "0664" });
      expect([acl(), note()]).toEqual([before.replace("other::---", "other::r--"), "kept"]);
      let log = "";
      const onStderr = (line: string) => (log += `${line}\n`);
      const inputs = { name, contents: "four", mode: "0600" };
      await runOperation(executable, (provider) => provider.create("file", inputs), { onStderr });
      expect(log).toContain(`${name} was replaced: its access list (ACL) is gone`);
      expect(acl()).toBe("user::rw-\ngroup::---\nother::---\n\n");
    },
  );

  it("writes any bytes from base64", async () => {
    const bytes = Buffer.from([0, 255, 128, 10, 13]);
    await write({ contents: bytes.toString("base64"), encoding: "base64" });
    expect(await fs.readFile(name)).toEqual(bytes);
    for (const contents of ["no base64!", "a", "AA=", "A===", "AA=A", "====", "A AA=A"]) {
      await expect(write({ contents, encoding: "base64" })).rejects.toThrow("contents: is not base64");
    }
  });

  it("writes 32 MB from base64 with line breaks", async () => {
    const bytes = Buffer.alloc(32_000_000, "grüße");
    const contents = bytes.toString("base64").replaceAll(/.{76}/g, "$&\n");
    await write({ contents, encoding: "base64" });
    expect((await fs.readFile(name)).equals(bytes)).toBe(true);
  });

  it("sets the mode, also of a file with the right contents, and keeps it when none is given", async () => {
    await write({ contents: "a", mode: "0600" });
    expect(await modeOf(name)).toBe("600");
    await write({ contents: "a", mode: "0644" });
    expect(await modeOf(name)).toBe("644");
    await fs.chmod(name, 0o4711);
    await write({ contents: "b" });
    expect([await modeOf(name), await fs.readFile(name, "utf8")]).toEqual(["4711", "b"]);
  });

  it("does not write to a file that is as it should be", async () => {
    await write({ contents: "a", mode: "0640" });
    const before = await identityOf(name);
    await write({ contents: "a", mode: "0640" });
    await write({ contents: "a" });
    expect(await identityOf(name)).toBe(before);
  });

  it("leaves nothing but the file in its folder, and removes what a killed run has left", async () => {
    const leftover = join(folder, ".nixops4-999999999-0123abcd.tmp");
    const young = join(folder, ".nixops4-999999998-0123abcd.tmp");
    const other = join(folder, ".nixops4-999999999-notours.tmp");
    for (const path of [leftover, young, other]) await fs.writeFile(path, "half");
    await fs.utimes(leftover, 0, 0);
    await write({ contents: "a" });
    expect((await fs.readdir(folder)).toSorted()).toEqual(
      [".nixops4-999999998-0123abcd.tmp", ".nixops4-999999999-notours.tmp", "file.txt"].toSorted(),
    );
  });

  it("writes through symbolic links, dangling ones too", async () => {
    const link = join(folder, "link");
    await fs.symlink("sub/../file.txt", link);
    await fs.mkdir(join(folder, "sub"));
    for (const contents of ["made", "changed"]) {
      await createResource(executable, "file", { name: link, contents });
      expect(await fs.readFile(name, "utf8")).toBe(contents);
    }
    expect((await fs.lstat(link)).isSymbolicLink()).toBe(true);
    await fs.symlink("loop", join(folder, "loop"));
    await expect(
      createResource(executable, "file", { name: join(folder, "loop"), contents: "" }),
    ).rejects.toThrow(/cannot write the file.*too many levels of symbolic links/);
  });

  it("writes into a device as into a file", async () => {
    expect(await createResource(executable, "file", { name: "/dev/null", contents: "gone" })).toEqual({});
    expect((await fs.stat("/dev/null")).isCharacterDevice()).toBe(true);
  });

  it("takes a relative name from the folder it runs in", async () => {
    const operation = runOperation(
      executable,
      (provider) => provider.create("file", { name: "relative.txt", contents: "here" }),
      { cwd: folder },
    );
    expect(await operation).toEqual({});
    expect(await fs.readFile(join(folder, "relative.txt"), "utf8")).toBe("here");
  });

  it("removes the file with ensure = absent, and is content when it is gone", async () => {
    await write({ contents: "a" });
    await write({ ensure: "absent", contents: "a" });
    await expect(fs.stat(name)).rejects.toThrow("ENOENT");
    expect(await write({ ensure: "absent" })).toEqual({});
  });

  it("has no update: it keeps no state", async () => {
    const request = { inputs: { name, contents: "new" }, previousInputs: { name, contents: "old" } };
    await expect(runOperation(executable, (provider) => provider.update("file", request))).rejects.toThrow(
      "Internal error: update called on stateless file resource",
    );
  });

  it("explains itself when it cannot write", async () => {
    await expect(write({})).rejects.toThrow("contents: is required");
    await expect(createResource(executable, "file", { name: "~/x", contents: "" })).rejects.toThrow(
      "name: must not begin with `~`, which is not expanded",
    );
    await expect(write({ contents: "a", mode: "rw-r--r--" })).rejects.toThrow(
      "mode: must be 3 or 4 octal digits",
    );
    name = join(folder, "missing", "file.txt");
    await expect(write({ contents: "a" })).rejects.toThrow(/cannot write the file .*missing.*ENOENT/);
    name = folder;
    await expect(write({ contents: "a" })).rejects.toThrow(/cannot write the file .*EISDIR/);
  });
});
