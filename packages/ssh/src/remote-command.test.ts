import { execFileSync } from "node:child_process";
import { describe, expect, it } from "@jest/globals";
import { remoteCommand } from "./remote-command.ts";

function runInShell(argv: string[], env: Record<string, string>, stdin = ""): string {
  const { command, preamble } = remoteCommand(argv, env);
  return execFileSync("sh", ["-c", command], { input: preamble + stdin, encoding: "utf8" });
}

describe("remoteCommand", () => {
  const hard = ["", "it's", "two\nlines\n", "\n", '\\n $HOME `id` "', "ä€😀", "*", " spaces "];

  it("passes arguments on exactly", () => {
    const printed = runInShell(["printf", "%s\\0", ...hard], {});
    expect(printed.split("\0").slice(0, -1)).toEqual(hard);
  });

  it("sets variables exactly, and nothing else", () => {
    const env = Object.fromEntries(hard.map((value, index) => [`V${index}`, value]));
    const printed = runInShell([process.execPath, "-p", "JSON.stringify(process.env)"], env);
    const { PWD: _pwd, OLDPWD: _oldpwd, SHLVL: _shlvl, _: _last, ...seen } = JSON.parse(printed);
    const inherited = { ...process.env };
    for (const name of ["PWD", "OLDPWD", "SHLVL", "_"]) delete inherited[name];
    expect(seen).toEqual({ ...inherited, ...env });
  });

  it("leaves all of the input to the program", () => {
    expect(runInShell(["cat"], { A: "x\ny" }, "first\nsecond\n")).toBe("first\nsecond\n");
  });

  it("keeps values off the command line", () => {
    expect(remoteCommand(["secret-argument"], { A: "secret-value" }).command).not.toContain("secret");
  });

  it("does not run a program whose line was cut off", () => {
    const { command, preamble } = remoteCommand(["echo", "ran"]);
    const run = () => execFileSync("sh", ["-c", command], { input: preamble.slice(0, -1), stdio: "pipe" });
    expect(run).toThrow("Command failed");
  });
});
