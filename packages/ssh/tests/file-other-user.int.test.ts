import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import {
  findSshd,
  OTHER_USER,
  OtherUserLab,
  type SshLab,
  startSshLab,
  SWAP_FILES,
  SWAP_FOLDER,
  UNTOUCHED,
} from "@nixops4-providers/test-servers";
import { REMOVE, REPLACE, SET_ATTRIBUTES } from "../src/file/scripts.ts";
import { create } from "./lab.ts";

// Tests ssh.file as root in a folder of another user, who tries to have the file written elsewhere, or to read it.

const canRun = process.geteuid?.() === 0 && findSshd() !== undefined;
const suite = canRun ? describe : describe.skip;
const TRIES = 1_000;
const TIMEOUT_MS = 600_000;
const other = String(OTHER_USER);
const hasBusybox = spawnSync("busybox", ["true"]).status === 0;

suite("ssh.file in a folder of another user (root and sshd only)", () => {
  const lab = new OtherUserLab();
  let ssh: SshLab;
  let path: string;

  beforeAll(async () => void (ssh = await startSshLab()));
  afterAll(() => ssh.stop());
  beforeEach(async () => {
    await lab.start();
    path = join(lab.folder, "file");
  });
  afterEach(() => lab.stop());

  const file = (inputs: object) => create("file", { connection: ssh.connection, path, ...inputs });
  const asOther = (program: string, ...args: string[]) =>
    execFileSync(program, args, { uid: OTHER_USER, gid: OTHER_USER, cwd: lab.folder });

  async function runScript(
    shell: string[],
    script: string,
    args: string[],
    stdin = "",
  ): Promise<number | null> {
    const sha256 = createHash("sha256").update(stdin).digest("hex");
    const child = spawn(shell[0]!, [...shell.slice(1), "-c", script, "sh", ...args], {
      env: { ...process.env, sha256 },
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.stdin.on("error", () => {}).end(stdin);
    const [code] = (await once(child, "close")) as [number | null];
    return code;
  }

  const shells = [["sh"], ...(hasBusybox ? [["busybox", "sh"]] : [])];

  it.each(shells)(
    `is never written elsewhere, nor read by him, whatever he swaps, in ${TRIES} tries (%s)`,
    async (...shell) => {
      const temporary = () => [".nixops4-0123456789abcdef", randomBytes(16).toString("hex")];
      const works = [
        () => runScript(shell, REPLACE, [path, "", "", "0600", "", "", ...temporary()], "secret"),
        () => runScript(shell, REPLACE, [path, other, "", "0600", other, "", ...temporary()], "public"),
        () => runScript(shell, SET_ATTRIBUTES, [path, other, "", "0604", other, ""]),
        () => runScript(shell, REMOVE, [path, other, "link"]),
      ];
      let successes = 0;
      let output = "";
      for (const program of [SWAP_FOLDER, SWAP_FILES]) {
        output += await lab.besides(program, async () => {
          for (let i = 0; i < TRIES / 2; i++) if ((await works[i % works.length]!()) === 0) successes++;
        });
      }
      expect(successes).toBeGreaterThan(0);
      expect(output).not.toContain("secret");
      expect(await lab.victimState()).toBe(UNTOUCHED);
    },
    TIMEOUT_MS,
  );

  const inVictim = {
    "a relative link to a file": () => ["../../victim/file", "file"],
    "an absolute link to a file": () => [join(lab.victim, "file"), "file"],
    "a relative link to a folder": () => ["../../victim", "there"],
    "an absolute link to a folder": () => [lab.victim, "there"],
    "an absolute link behind an absolute link": () => [join(lab.folder, "second"), "there"],
  };
  it.each(Object.entries(inVictim))("refuses %s of his that leads to one of root", async (_, make) => {
    asOther("ln", "-s", lab.victim, "second");
    const [target, name] = make();
    asOther("ln", "-s", target!, name!);
    const through = name === "there" ? { path: join(lab.folder, "there", "file") } : {};
    for (const ensure of ["present", "absent"]) {
      if (ensure === "absent" && name === "file") continue;
      const contents = ensure === "present" ? { contents: "x", mode: "0600", group: other } : {};
      const { error } = await file({ ...contents, ensure, owner: other, ...through });
      expect(error).toMatch(/uid 65534/);
    }
    expect(await lab.victimState()).toBe(UNTOUCHED);
  });

  it("follows a link of the other user to a folder of the same user", async () => {
    asOther("mkdir", "own");
    asOther("ln", "-s", join(lab.folder, "own"), "absolute");
    asOther("ln", "-s", "own", "relative");
    for (const name of ["absolute", "relative"]) {
      const { error } = await file({ contents: name, owner: other, path: join(lab.folder, name, "file") });
      expect(error).toBeUndefined();
      expect(await fs.readFile(join(lab.folder, "own", "file"), "utf8")).toBe(name);
    }
  });

  it("refuses the other user's folder for a file of root, and accepts it for a file of that user", async () => {
    expect((await file({ secret: { value: "top secret" } })).error).toMatch(
      /home is a folder of another user \(uid 65534\).*Set the file's owner to that user/,
    );
    expect(await fs.readdir(lab.folder)).toEqual([]);
    expect((await file({ contents: "his", owner: other, mode: "0640" })).error).toBeUndefined();
    const { uid, mode } = await fs.stat(path);
    expect([uid, mode & 0o777, await fs.readFile(path, "utf8")]).toEqual([OTHER_USER, 0o640, "his"]);
  });

  it("refuses the other user's folder at the path of the file, and that user's files in a public folder", async () => {
    asOther("mkdir", "file");
    expect((await file({ contents: "x", owner: other })).error).toContain("is not a regular file");
    await fs.rm(path, { recursive: true });
    await fs.chown(lab.folder, 0, 0);
    await fs.chown(join(lab.base, "home"), 0, 0);
    await fs.chmod(lab.folder, 0o1777);
    asOther("touch", "file");
    expect((await file({ secret: { value: "top secret" } })).error).toMatch(
      /belongs to another user \(uid 65534\), in a folder that others can write to/,
    );
    expect(await fs.readFile(path, "utf8")).toBe("");
  });
});
