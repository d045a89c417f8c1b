import { execFileSync, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { link, mkdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { startSshLab, type SshLab, TcpProxy, timeSince } from "@nixops4-providers/test-servers";
import { commandLines, create, describeWithSshd, eventually, start } from "./lab.ts";

const MIB = 1024 * 1024;
const isRoot = process.getuid?.() === 0;
const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");

describeWithSshd("ssh.file", () => {
  let lab: SshLab;
  let number = 0;
  let folder = "";
  let path = "";

  beforeAll(async () => void (lab = await startSshLab()));
  afterAll(() => lab.stop());
  beforeEach(async () => {
    folder = join(lab.folder, `a folder ${(number += 1)}`);
    path = join(folder, "it's a file");
    await mkdir(folder);
  });

  const file = (inputs: object) => create("file", { connection: lab.connection, path, ...inputs });
  const temporaryFiles = () => readdirSync(folder).filter((name) => name.startsWith(".nixops4-"));
  const modeOf = (name: string) => statSync(name).mode & 0o7777;

  it("writes contents", async () => {
    const { outputs, error } = await file({ contents: "hello\n" });
    expect(error).toBeUndefined();
    expect(outputs).toEqual({ sha256: sha256("hello\n") });
    expect(await readFile(path, "utf8")).toBe("hello\n");
    expect(modeOf(path)).toBe(0o644);
    expect(readdirSync(folder)).toEqual(["it's a file"]);
  });

  it("does not touch a file with the wanted contents and mode", async () => {
    await file({ contents: "same", mode: "0640" });
    const before = await stat(path, { bigint: true });
    const { outputs } = await file({ contents: "same", mode: "0640" });
    const after = await stat(path, { bigint: true });
    expect([after.ino, after.mtimeNs, after.ctimeNs]).toEqual([before.ino, before.mtimeNs, before.ctimeNs]);
    expect(outputs).toEqual({ sha256: sha256("same") });
  });

  it("sets only the mode when the contents are unchanged", async () => {
    await file({ contents: "same" });
    const before = await stat(path);
    await file({ contents: "same", mode: "4755" });
    expect(modeOf(path)).toBe(0o4755);
    expect((await stat(path)).ino).toBe(before.ino);
  });

  (isRoot ? it : it.skip)("sets the owner and the group, and keeps them (needs root)", async () => {
    const who = async () => {
      const { uid, gid, mode } = await stat(path);
      return [uid, gid, mode & 0o7777];
    };
    await file({ contents: "one", owner: "1234", group: "4321", mode: "4750" });
    expect(await who()).toEqual([1234, 4321, 0o4750]);
    await file({ contents: "two", mode: "4750" });
    expect(await who()).toEqual([1234, 4321, 0o4750]);
    await file({ contents: "two", owner: "root", mode: "4750" });
    expect(await who()).toEqual([0, 4321, 0o4750]);
  });

  const hasAcl = isRoot && spawnSync("setfacl", ["--version"]).status === 0;
  (hasAcl ? it : it.skip)("keeps access lists and extended attributes (needs root and setfacl)", async () => {
    await file({ contents: "one", mode: "0640" });
    execFileSync("setfacl", ["-m", "u:nobody:r,g:1234:rw", path]);
    execFileSync("setfattr", ["-n", "user.note", "-v", "kept", path]);
    const acl = () => execFileSync("getfacl", ["-cn", path], { encoding: "utf8", stdio: "pipe" });
    const note = () =>
      spawnSync("getfattr", ["--only-values", "-n", "user.note", path], { encoding: "utf8" }).stdout;
    expect(acl()).toContain("user:65534:r--");
    const before = acl();
    const mode = `0${modeOf(path).toString(8)}`;
    expect((await file({ contents: "two", mode })).stderr).not.toContain("warning");
    expect([await readFile(path, "utf8"), acl(), note()]).toEqual(["two", before, "kept"]);
    // More permissions for others: the list keeps its entries.
    await file({ contents: "three", mode: "0664" });
    expect(acl()).toContain("user:65534:r--");
    expect(modeOf(path)).toBe(0o664);
    // Fewer permissions: users in the list must not read the new contents.
    const { stderr } = await file({ secret: { value: "four" }, mode: "0600" });
    expect(stderr).toContain("was replaced: its access list (ACL) is gone");
    expect(acl()).toBe("user::rw-\ngroup::---\nother::---\n\n");
    // Nothing is kept from another user's file.
    execFileSync("chown", ["1234", path]);
    execFileSync("setfacl", ["-m", "u:nobody:r", path]);
    const taken = await file({ contents: "five", mode: "0644", owner: "root" });
    expect(taken.stderr).toContain("its access list (ACL) is gone");
    expect(acl()).not.toContain("65534");
  });

  it("follows a symbolic link, and keeps it", async () => {
    await mkdir(join(folder, "elsewhere"));
    await symlink("elsewhere/target", path);
    await file({ contents: "linked" });
    expect(await readlink(path)).toBe("elsewhere/target");
    expect(await readFile(join(folder, "elsewhere/target"), "utf8")).toBe("linked");
    expect(readdirSync(join(folder, "elsewhere"))).toEqual(["target"]);
  });

  it("does not change other names of the old file", async () => {
    await file({ contents: "old" });
    await link(path, join(folder, "other name"));
    await file({ contents: "new" });
    expect(await readFile(join(folder, "other name"), "utf8")).toBe("old");
  });

  it("refuses what is not a file", async () => {
    await mkdir(path);
    expect((await file({ contents: "x" })).error).toContain("exists and is not a regular file");
    expect((await file({ ensure: "absent" })).error).toContain("is a directory");
  });

  it("says when the folder is missing", async () => {
    path = join(folder, "none", "file");
    expect((await file({ contents: "x" })).error).toContain(`the folder ${folder}/none does not exist`);
  });

  it("removes a file, and a symbolic link but not its target", async () => {
    await writeFile(join(folder, "target"), "kept");
    await symlink("target", path);
    for (const state of ["there", "gone"]) {
      expect([state, await file({ ensure: "absent" })]).toEqual([
        state,
        expect.objectContaining({ outputs: { sha256: null } }),
      ]);
    }
    expect(readdirSync(folder)).toEqual(["target"]);
  });

  it.each([
    ["nothing to write", {}],
    ["two things to write", { contents: "a", source: "b" }],
  ])("refuses %s", async (_what, inputs) => {
    expect((await file(inputs)).error).toContain("exactly one of contents, source and secret is required");
  });

  it.each(["-R", "a:b", " a", "", "a\nb", "a/b"])("refuses %j as the name of an owner", async (owner) => {
    expect((await file({ contents: "x", owner })).error).toContain("owner: ");
  });

  it("refuses a relative path", async () => {
    path = "etc/file";
    expect((await file({ contents: "x" })).error).toContain(
      "path: must be an absolute path of a file, such as /etc/motd",
    );
  });

  it("does not leak a secret", async () => {
    const marker = `secret-${randomBytes(8).toString("hex")}`;
    // Large enough for the transfer to be observed.
    const secret = `${marker}\n${"padding ".repeat(4 * MIB)}\nend`;
    const source = join(lab.folder, "secret source");
    await writeFile(source, `${secret}\n`);
    let processes = "";
    const watch = setInterval(() => (processes += commandLines()), 20);
    const { outputs, stderr, error } = await file({ secret: { file: source } });
    const failed = await file({ path: join(folder, "none", "file"), secret: { value: marker } });
    clearInterval(watch);
    expect(error).toBeUndefined();
    expect((await readFile(path, "utf8")) === secret).toBe(true);
    expect(modeOf(path)).toBe(0o600);
    expect(outputs).toEqual({ sha256: sha256(secret) });
    expect(failed.error).toContain("does not exist");
    // No matchers that print their values, which include command lines of other users.
    expect(processes.includes("nixops4-watchdog")).toBe(true);
    for (const text of [processes, stderr, failed.error!, failed.stderr, lab.sshd.log()]) {
      expect([marker, sha256(secret), sha256(marker)].filter((part) => text.includes(part))).toEqual([]);
    }
  });

  (spawnSync("bindfs", ["--version"]).status === 0 ? it : it.skip)(
    "refuses a secret where the file system does not keep permissions (skipped without bindfs)",
    async () => {
      const shared = join(folder, "shared");
      await mkdir(shared);
      // Like FAT and many shared folders, this file system ignores chmod and reports success.
      execFileSync("bindfs", ["--chmod-ignore", "--perms=0755", shared, shared]);
      try {
        path = join(shared, "file");
        const failed = await file({ secret: { value: "secret" } });
        expect(failed.error).toContain("the file has mode 755 where 0600 was set");
        expect(readdirSync(shared)).toEqual([]);
        expect((await file({ contents: "public" })).error).toBeUndefined();
        expect(await readFile(path, "utf8")).toBe("public");
        expect((await file({ contents: "public" })).error).toBeUndefined();
        expect((await file({ contents: "public", mode: "0600" })).error).toContain(
          "does not keep permissions",
        );
      } finally {
        execFileSync("umount", [shared]);
      }
    },
  );

  it("never shows a part of the file, or lets others read a secret", async () => {
    const versions = ["a", "b"].map((letter) => letter.repeat(8 * MIB));
    const hashes = versions.map(sha256);
    await file({ secret: { value: versions[0] } });
    const stop = new AbortController();
    let reads = 0;
    const reader = async () => {
      while (!stop.signal.aborted) {
        expect(hashes).toContain(sha256(await readFile(path)));
        for (const name of readdirSync(folder)) {
          const stats = statSync(join(folder, name), { throwIfNoEntry: false });
          if (stats !== undefined) expect(stats.mode & 0o077).toBe(0);
        }
        reads += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const reading = reader();
    for (const value of [versions[1], versions[0], versions[1]]) {
      expect((await file({ secret: { value } })).error).toBeUndefined();
    }
    stop.abort();
    await reading;
    expect(reads).toBeGreaterThan(20);
  });

  it("can be written by many at once", async () => {
    const contents = Array.from({ length: 6 }, (_, index) => String(index).repeat(100_000));
    const results = await Promise.all(contents.map((text) => file({ contents: text })));
    expect(results.map(({ error }) => error)).toEqual(contents.map(() => undefined));
    expect(contents).toContain(await readFile(path, "utf8"));
    expect(temporaryFiles()).toEqual([]);
  });

  it.each(["mv", "stat"])(
    "has succeeded when another run replaces the file right after %s",
    async (program) => {
      const bin = join(lab.folder, `bin of ${program}`);
      await mkdir(bin);
      const replaceOurs = `if [ "$(cat "./it's a file" 2>/dev/null)" = ours ]; then
  printf other > other
  /bin/mv -fT other "./it's a file"
fi`;
      await writeFile(join(bin, program), `#!/bin/sh\n/bin/${program} "$@"\n${replaceOurs}\n`, {
        mode: 0o755,
      });
      await lab.sshd.reload({ extraConfig: [`SetEnv "PATH=${bin}:/usr/bin:/bin"`] });
      const { error } = await file({ contents: "ours" });
      await lab.sshd.reload({ extraConfig: [] });
      expect(error).toBeUndefined();
      expect(await readFile(path, "utf8")).toBe("other");
    },
  );

  it("sends 100 MiB quickly", async () => {
    const data = randomBytes(100 * MIB);
    const source = await bigSource(data);
    const started = Date.now();
    const { outputs } = await file({ source });
    expect(await timeSince(started)).toBeLessThan(15_000);
    expect(outputs).toEqual({ sha256: sha256(data) });
    expect(sha256(readFileSync(path))).toBe(sha256(data));
  });

  const bigSource = async (data: Buffer) => {
    const source = join(lab.folder, "big source");
    await writeFile(source, data);
    return source;
  };

  it.each([
    ["the provider is killed", "SIGKILL"],
    ["the provider is interrupted", "SIGTERM"],
    ["the connection breaks", "cut"],
  ] as const)("keeps the old file when %s while it sends, and converges afterwards", async (_what, how) => {
    await file({ contents: "old" });
    const source = await bigSource(randomBytes(60 * MIB));
    const proxy = await TcpProxy.start(lab.sshd.port);
    const provider = start();
    const request = provider.create("file", {
      connection: { ...lab.connection, port: proxy.port },
      path,
      source,
    });
    const failed = expect(request).rejects.toThrow();
    await eventually(() => temporaryFiles().some((name) => sizeOf(join(folder, name)) > MIB));
    const started = Date.now();
    if (how === "cut") proxy.cut();
    else await provider.kill(how);
    await failed;
    expect(await timeSince(started)).toBeLessThan(2_000);
    await eventually(() => temporaryFiles().length === 0);
    expect(await readFile(path, "utf8")).toBe("old");
    await provider.close();
    await proxy.stop();
    expect((await file({ source })).error).toBeUndefined();
    expect(sha256(readFileSync(path))).toBe(sha256(readFileSync(source)));
  });

  const sizeOf = (name: string) => statSync(name, { throwIfNoEntry: false })?.size ?? 0;

  it("removes what a crash of the host left behind", async () => {
    const source = await bigSource(randomBytes(60 * MIB));
    const provider = start();
    const request = provider.create("file", { connection: lab.connection, path, source });
    const failed = expect(request).rejects.toThrow();
    await eventually(() => temporaryFiles().some((name) => sizeOf(join(folder, name)) > MIB));
    const pid = Number(temporaryFiles()[0]!.split(".").at(-1));
    process.kill(pid, "SIGKILL");
    await failed;
    await provider.close();
    expect(temporaryFiles()).toHaveLength(1);
    await file({ contents: "new" });
    expect(readdirSync(folder)).toEqual(["it's a file"]);
  });

  it("says when the source cannot be read", async () => {
    const { error } = await file({ source: join(folder, "none") });
    expect(error).toMatch(/source: cannot read the file .*none on the deploying machine: ENOENT/);
  });
});

const hasSudo = execFileSync("sh", ["-c", "command -v sudo || true"], { encoding: "utf8" }) !== "";

(hasSudo ? describeWithSshd : describe.skip)(
  `ssh.file with sudo${hasSudo ? "" : " (skipped: sudo was not found)"}`,
  () => {
    it("writes, changes and removes a file as root", async () => {
      const lab = await startSshLab();
      const path = join(lab.folder, "root's file");
      const file = (inputs: object) =>
        create("file", { connection: lab.connection, path, sudo: true, ...inputs });
      expect((await file({ contents: "one" })).error).toBeUndefined();
      expect(await readFile(path, "utf8")).toBe("one");
      expect((await file({ contents: "one", mode: "0600", group: "1234" })).error).toBeUndefined();
      const { uid, gid, mode } = await stat(path);
      expect([uid, gid, mode & 0o7777]).toEqual([0, 1234, 0o600]);
      expect((await file({ ensure: "absent" })).outputs).toEqual({ sha256: null });
      await lab.stop();
    });
  },
);
