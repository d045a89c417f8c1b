import { execFileSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { OTHER_USER, UNTOUCHED } from "@nixops4-providers/test-servers";
import { changeMode, makePrivateFolder, readRegularFile, overwriteFile, replaceFile } from "../src/index.ts";
import { describeInFolderOfOtherUser } from "./folder-of-other-user.ts";

// What root writes into a folder of another user, who prepares links, pipes and files there.

describeInFolderOfOtherUser((lab, path) => {
  it("are refused behind a link of the other user, and not behind a link of root or into a folder of the other user", async () => {
    const [link, own] = [join(lab.base, "home", "link"), join(lab.base, "home", "own")];
    await fs.symlink(lab.victim, link);
    await fs.symlink(lab.folder, own);
    for (const name of [link, own]) await fs.lchown(name, OTHER_USER, OTHER_USER);
    await expect(replaceFile(join(link, "file"), "new")).rejects.toThrow(
      /home\/link is a symbolic link of another user \(uid 65534\) and leads to a folder of uid 0/,
    );
    expect(await lab.victimState()).toBe(UNTOUCHED);
    await replaceFile(join(own, "file"), "new");
    expect(await fs.readFile(path, "utf8")).toBe("new");
    await fs.lchown(link, 0, 0);
    await replaceFile(join(link, "file"), "new");
    expect(await lab.victimState()).toBe("file 0 644 new");
  });

  it("are refused if the other user has put a pipe in their place, or a file into a folder that everybody can write to", async () => {
    await fs.chown(lab.folder, 0, 0);
    await fs.chmod(lab.folder, 0o1777);
    const put = (program: string) =>
      lab.besides(`${program}; require("node:fs").writeSync(1, "done")`, async () => {});
    await put(`require("node:fs").writeFileSync("home/folder/file", "bait")`);
    await expect(replaceFile(path, "secret", { mode: 0o600 })).rejects.toThrow(
      /folder\/file belongs to another user \(uid 65534\), in a folder that others can write to/,
    );
    await fs.unlink(path);
    await put(`require("node:child_process").execFileSync("mkfifo", ["home/folder/file"])`);
    await expect(replaceFile(path, "secret", { mode: 0o600 })).rejects.toThrow("is a pipe of another user");
  });

  describe("in the place of a file", () => {
    const asOther = (program: string, ...args: string[]) =>
      execFileSync(program, args, { uid: OTHER_USER, gid: OTHER_USER, cwd: lab.folder });
    const pipe = () => join(lab.base, "home", "pipe");

    it("a link of the other user to a device or a pipe is not written to", async () => {
      const device = join(lab.victim, "device");
      execFileSync("mknod", ["-m", "600", device, "c", "1", "3"]);
      asOther("mkfifo", pipe());
      for (const target of [device, pipe()]) {
        asOther("ln", "-sfn", target, path);
        await expect(replaceFile(path, "secret", { mode: 0o600 })).rejects.toThrow(
          "folder/file is not a regular file, and another user could have put it there",
        );
      }
    });

    it("a pipe or a folder is neither written to nor waited for", async () => {
      asOther("mkfifo", path);
      await expect(replaceFile(path, "secret")).rejects.toThrow("is a pipe of another user (uid 65534)");
      // A pipe without a reader cannot be opened.
      await expect(overwriteFile(path, "secret", 0o600)).rejects.toThrow("ENXIO");
      expect(await readRegularFile(path)).toBeUndefined();
      await fs.unlink(path);
      asOther("mkdir", path);
      await expect(overwriteFile(path, "secret", 0o600)).rejects.toThrow("EISDIR");
      await expect(replaceFile(path, "secret")).rejects.toThrow("not a regular file, and another user");
    });

    it("a link of the other user is neither read nor written through", async () => {
      asOther("ln", "-s", join(lab.victim, "file"), path);
      for (const work of [readRegularFile(path), overwriteFile(path, "secret", 0o600)]) {
        await expect(work).rejects.toThrow("is a symbolic link of another user (uid 65534)");
      }
      expect(await lab.victimState()).toBe(UNTOUCHED);
    });

    it("another file of root keeps its mode and its access list", async () => {
      await replaceFile(path, "public", { mode: 0o600 });
      const read = await readRegularFile(path);
      await fs.writeFile(join(lab.folder, "private"), "private", { mode: 0o600 });
      asOther("mv", "private", "file");
      await expect(changeMode(path, 0o644, read!)).rejects.toThrow("was replaced by another file meanwhile");
      expect((await fs.stat(path)).mode & 0o777).toBe(0o600);
    });

    it("a second name of a file of root is not changed, only replaced", async () => {
      await fs.link(join(lab.victim, "file"), path);
      const read = await readRegularFile(path);
      await expect(changeMode(path, 0o600, read!)).rejects.toThrow("has another name");
      await expect(overwriteFile(path, "secret", 0o600)).rejects.toThrow("has another name");
      await replaceFile(path, "new", { mode: 0o600 });
      expect(await lab.victimState()).toBe(UNTOUCHED);
    });

    it("a folder with the name of a leftover keeps no file from being written", async () => {
      const leftover = join(lab.folder, ".nixops4-4194303-0123456789abcdef.tmp");
      asOther("mkdir", leftover);
      await fs.utimes(leftover, 0, 0);
      await replaceFile(path, "new");
      expect(await fs.readdir(leftover)).toEqual([]);
    });
  });

  it("get folders with exactly the requested mode", async () => {
    const umask = process.umask(0o077);
    try {
      await replaceFile(join(lab.folder, "made", "file"), "new", { folderMode: 0o755 });
    } finally {
      process.umask(umask);
    }
    expect((await fs.stat(join(lab.folder, "made"))).mode & 0o7777).toBe(0o755);
  });

  it("are refused in a folder that must be private, if the other user can change any part of the path", async () => {
    const make = (...names: string[]) => makePrivateFolder(join(lab.base, ...names), 0o700);
    expect(await make("root", "deep")).toBe(join(lab.base, "root", "deep"));
    await expect(make("home")).rejects.toThrow(
      "home belongs to another user (uid 65534): others could change",
    );
    await expect(make("home", "new")).rejects.toThrow("home belongs to another user");
    await fs.symlink(lab.victim, join(lab.base, "root", "link"));
    expect(await make("root", "link")).toBe(lab.victim);
    await fs.lchown(join(lab.base, "root", "link"), OTHER_USER, OTHER_USER);
    await expect(make("root", "link", "deep")).rejects.toThrow("link is a symbolic link of another user");
    await fs.chmod(join(lab.base, "root"), 0o775);
    await expect(make("root", "deep")).rejects.toThrow("root has mode 0775: others could change");
    await fs.chmod(join(lab.base, "root"), 0o1777);
    expect(await make("root", "deep")).toBe(join(lab.base, "root", "deep"));
    expect(await fs.readdir(join(lab.base, "home"))).toEqual(["folder"]);
    expect(await lab.victimState()).toBe(UNTOUCHED);
  });

  it("stay below a folder that no link may lead out of, whoever made the link", async () => {
    const below = lab.folder;
    for (const [name, target] of Object.entries({ out: "../../victim", up: "..", whole: lab.victim })) {
      await fs.symlink(target, join(below, name));
      await expect(replaceFile(join(below, name, "file"), "new", { below })).rejects.toThrow(
        `${join(below, name)} leads out of ${below}, to `,
      );
    }
    await fs.mkdir(join(below, "inner"));
    await fs.symlink("inner", join(below, "in"));
    expect(await replaceFile(join(below, "in", "file"), "new", { below })).toBe(join(below, "inner", "file"));
    expect(await lab.victimState()).toBe(UNTOUCHED);
  });
});
