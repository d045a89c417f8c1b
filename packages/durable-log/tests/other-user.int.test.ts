import * as fs from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  OTHER_USER,
  OtherUserLab,
  SWAP_FILES,
  SWAP_FOLDER,
  UNTOUCHED,
} from "@nixops4-providers/test-servers";
import {
  changeMode,
  createLog,
  makeFolder,
  openLog,
  overwriteFile,
  removeFile,
  replaceFile,
} from "../src/index.ts";

// What root writes into a folder of another user, who does what he can to have it written elsewhere.

const suite = process.geteuid?.() === 0 ? describe : describe.skip;
const TRIES = 1_000;
const TIMEOUT_MS = 300_000;

suite("files in a folder of another user (root only)", () => {
  let lab: OtherUserLab;
  let path: string;

  beforeEach(async () => {
    lab = await OtherUserLab.start();
    path = join(lab.folder, "file");
  });
  afterEach(() => lab.stop());

  it(
    `are never written elsewhere when he swaps the folder for a link, in ${TRIES} tries`,
    async () => {
      const works = [
        () => replaceFile(path, "secret", { mode: 0o600 }),
        () => replaceFile(join(lab.folder, "made", "file"), "secret", { mode: 0o600, folderMode: 0o700 }),
        () => changeMode(path, 0o600),
        () => removeFile(path),
        () => createLog(path, { secret: 1 }),
        () => overwriteFile(path, "secret", 0o600),
        () => makeFolder(join(lab.folder, "made2"), 0o700),
        async () => {
          const log = await openLog(path, "held", { timeoutSeconds: 0 });
          try {
            await log.append({ secret: 2 });
            await log.replace([{ secret: 3 }]);
          } finally {
            await log.close();
          }
        },
      ];
      let written = 0;
      await lab.besides(SWAP_FOLDER, async () => {
        for (let i = 0; i < TRIES; i++) {
          await works[i % works.length]!().then(
            () => written++,
            () => {},
          );
        }
      });
      expect(written).toBeGreaterThan(0);
      expect(await lab.victimState()).toBe(UNTOUCHED);
    },
    TIMEOUT_MS,
  );

  it(
    `are neither read by him nor written elsewhere when he swaps the files, in ${TRIES} tries`,
    async () => {
      const output = await lab.besides(SWAP_FILES, async () => {
        for (let i = 0; i < TRIES; i++) {
          await replaceFile(path, "secret", { mode: 0o600 }).catch(() => {});
          await changeMode(path, 0o600).catch(() => {});
          await createLog(path, { secret: 1 }).catch(() => {});
          await overwriteFile(path, "secret", 0o600).catch(() => {});
        }
      });
      expect(output).not.toContain("secret");
      expect(await lab.victimState()).toBe(UNTOUCHED);
    },
    TIMEOUT_MS,
  );

  it("are refused behind a link of his, and not behind one of root's or into a folder of his own", async () => {
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

  it("are refused when he has put a pipe there, or a file into a folder that everybody can write to", async () => {
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
});
