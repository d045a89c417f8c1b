import { join } from "node:path";
import { afterEach, beforeEach, describe } from "@jest/globals";
import { OtherUserLab } from "@nixops4-providers/test-servers";

/**
 * Describes what root does with a file in a folder of another user. Each test starts without the file. Skips the tests,
 * visibly, without root.
 */
export function describeInFolderOfOtherUser(tests: (lab: OtherUserLab, path: string) => void): void {
  const suite = process.geteuid?.() === 0 ? describe : describe.skip;
  suite("files in a folder of another user (root only)", () => {
    const lab = new OtherUserLab();
    beforeEach(() => lab.start());
    afterEach(() => lab.stop());
    tests(lab, join(lab.folder, "file"));
  });
}
