import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { refuseExposedFile } from "./exposed-file.ts";

const OTHER_USER = 65534;
const asRoot = process.geteuid?.() === 0 ? it : it.skip;

describe("refuseExposedFile", () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "exposed-file-"));
    file = join(folder, "key");
    await writeFile(file, "");
  });
  afterEach(() => rm(folder, { recursive: true }));

  it.each([0o600, 0o400, 0o700, 0o4600])("takes a file of mode %o", async (mode) => {
    await chmod(file, mode);
    await refuseExposedFile({ file }, "the key");
  });

  it.each([
    [0o640, "0640"],
    [0o604, "0604"],
    [0o610, "0610"],
    [0o601, "0601"],
    [0o4620, "4620"],
    [0o666, "0666"],
  ])("refuses a file of mode %o", async (mode, octal) => {
    await chmod(file, mode);
    await expect(refuseExposedFile({ file }, "the key")).rejects.toMatchObject({
      message: `cannot use the key: others may read the file ${file} (owner: uid ${process.getuid!()}, mode: ${octal})`,
      hint: `\`chmod 600 ${file}\` makes it private. If others could use the machine before, make a new key.`,
    });
  });

  asRoot("leaves it to another owner who may read the file (root only)", async () => {
    await chmod(file, 0o644);
    await chown(file, OTHER_USER, OTHER_USER);
    await refuseExposedFile({ file }, "the key");
  });

  it("takes a secret that is in no file", async () => {
    await refuseExposedFile({ env: "KEY" }, "the key");
  });

  it("says that a file does not exist", async () => {
    await rm(file);
    await expect(refuseExposedFile({ file }, "the key")).rejects.toMatchObject({
      message: "cannot use the key",
      cause: { code: "ENOENT" },
    });
  });
});
