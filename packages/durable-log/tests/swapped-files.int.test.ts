import * as fs from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import { SWAP_FILES, SWAP_FOLDER, UNTOUCHED } from "@nixops4-providers/test-servers";
import {
  changeMode,
  createLog,
  openLog,
  overwriteFile,
  readRegularFile,
  removeFile,
  replaceFile,
} from "../src/index.ts";
import { describeInFolderOfOtherUser } from "./folder-of-other-user.ts";

// What root writes into a folder of another user, who exchanges folders and files meanwhile.

const TRIES = 1_000;
const TIMEOUT_MS = 300_000;

describeInFolderOfOtherUser((lab, path) => {
  const readAndChangeMode = async (mode: number) => {
    const read = await readRegularFile(path);
    if (read !== undefined) await changeMode(path, mode, read);
  };

  it(
    `are never written elsewhere while the other user swaps the folder for a link, in ${TRIES} tries`,
    async () => {
      const works = [
        () => replaceFile(path, "secret", { mode: 0o600 }),
        () => replaceFile(join(lab.folder, "made", "file"), "secret", { mode: 0o600, folderMode: 0o700 }),
        () => readAndChangeMode(0o600),
        () => removeFile(path),
        () => createLog(path, { secret: 1 }),
        () => overwriteFile(path, "secret", 0o600),
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
      // A log removes what its repairs have moved here.
      await fs.writeFile(join(lab.victim, "file.torn-1"), "remains");
      const before = await lab.victimState();
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
      expect(await lab.victimState()).toBe(before);
    },
    TIMEOUT_MS,
  );

  it(
    `are neither read by the other user nor written elsewhere while that user swaps the files, in ${TRIES} tries`,
    async () => {
      const output = await lab.besides(SWAP_FILES, async () => {
        for (let i = 0; i < TRIES; i++) {
          await replaceFile(path, "secret", { mode: 0o600 }).catch(() => {});
          await readAndChangeMode(0o600).catch(() => {});
          await createLog(path, { secret: 1 }).catch(() => {});
          await overwriteFile(path, "secret", 0o600).catch(() => {});
        }
      });
      expect(output).not.toContain("secret");
      expect(await lab.victimState()).toBe(UNTOUCHED);
    },
    TIMEOUT_MS,
  );
});
