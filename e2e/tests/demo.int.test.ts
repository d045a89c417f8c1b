import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { findSshd, timeSince } from "@nixops4-providers/test-servers";

const sshd = findSshd();
/** A command that runs another one in a mount namespace in which sshd is not executable. */
const hideSshd = ["unshare", "--mount", "sh", "-c", `mount --bind /dev/null ${sshd}; exec "$@"`, "sh"];
const canHide = sshd !== undefined && spawnSync(hideSshd[0]!, [...hideSshd.slice(1), "true"]).status === 0;

interface Demo {
  code: number | null;
  stdout: string;
  stderr: string;
  folder: string;
}

interface How {
  /** A command that runs the demo as its arguments. */
  prefix?: string[];
  env?: Record<string, string>;
}

/** The SSH servers that the demo can use, each with the prefix that makes it use this one. */
const servers: [name: string, prefix: string[]][] = [
  ...(sshd === undefined ? [] : [[sshd, []] as [string, string[]]]),
  ...(sshd === undefined || canHide
    ? [["an SSH server in this process", sshd === undefined ? [] : hideSshd] as [string, string[]]]
    : []),
];

/** Runs the demo. Sends SIGINT when its output matches `interrupt`. */
function runDemo(args: string[], interrupt?: RegExp, { prefix = [], env = {} }: How = {}): Promise<Demo> {
  return new Promise((resolve) => {
    // --no-build, since other suites use the executables that a build would replace.
    const command = [process.execPath, "--import", "tsx", "scripts/demo.ts", "--no-build", ...args];
    const [program = "", ...rest] = [...prefix, ...command];
    const child = spawn(program, rest, {
      cwd: join(import.meta.dirname, "../.."),
      env: { ...process.env, ...env },
    });
    const demo: Demo = { code: null, stdout: "", stderr: "", folder: "" };
    let interrupted = false;
    child.stdout.on("data", (chunk: Buffer) => {
      demo.stdout += chunk.toString("utf8");
      demo.folder = /^A first deployment, in (.*)$/m.exec(demo.stdout)?.[1] ?? "";
      if (interrupt?.test(demo.stdout) === true && !interrupted) interrupted = child.kill("SIGINT");
    });
    child.stderr.on("data", (chunk: Buffer) => (demo.stderr += chunk.toString("utf8")));
    child.on("close", (code) => resolve({ ...demo, code }));
  });
}

function rowsOf({ stdout }: Demo): Record<string, string[]> {
  const rows = stdout
    .slice(stdout.indexOf("\nResource "))
    .split("\n")
    .map((line) => line.split(/\s+/))
    .filter((cells) => cells.length === 8 && cells[0] !== "Resource");
  return Object.fromEntries(
    rows.map(([member = "", , first = "", , second = "", , third = ""]) => [member, [first, second, third]]),
  );
}

/** Returns the command lines of running processes that contain a text. */
function processesWith(text: string): string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => {
      try {
        return readFileSync(join("/proc", pid, "cmdline"), "utf8").replaceAll("\0", " ");
      } catch {
        return "";
      }
    })
    .filter((commandLine) => commandLine.includes(text));
}

describe.each(servers)("the demo, which deploys to %s", (server, prefix) => {
  it("deploys, then changes nothing, then only what was added", async () => {
    const start = Date.now();
    const demo = await runDemo([], undefined, { prefix });
    expect(demo).toMatchObject({ code: 0, stderr: "" });
    expect(demo.stdout.replaceAll(/\s+/g, " ")).toContain(
      `127.0.0.1:${/127\.0\.0\.1:(\d+)/.exec(demo.stdout)![1]}: ${server}`,
    );
    expect(await timeSince(start)).toBeLessThan(30_000);
    expect(rowsOf(demo)).toEqual({
      state: ["ensured", "unchanged", "unchanged"],
      hostKey: ["created", "skipped", "skipped"],
      deployerKey: ["created", "skipped", "skipped"],
      server: ["ensured", "unchanged", "unchanged"],
      system: ["ensured", "unchanged", "unchanged"],
      motd: ["ensured", "unchanged", "changed"],
      inventory: ["ensured", "unchanged", "unchanged"],
    });
    // The resource waits for the server before it is started.
    const [waiting, listening, ensured] = ["▸ server", "• sshd", "✓ server"].map((mark) =>
      demo.stdout.indexOf(mark),
    );
    expect(waiting).toBeGreaterThan(0);
    expect(listening).toBeGreaterThan(waiting!);
    expect(ensured).toBeGreaterThan(listening!);
    // The output is readable when it is piped.
    expect(demo.stdout).not.toContain("\u001B");
    for (const line of demo.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);

    expect(demo.folder).not.toBe("");
    expect(existsSync(demo.folder)).toBe(false);
    expect(processesWith(demo.folder)).toEqual([]);
  }, 240_000);

  it("keeps its files with --keep", async () => {
    const demo = await runDemo(["--keep"], undefined, { prefix });
    try {
      expect(demo.code).toBe(0);
      expect(readFileSync(join(demo.folder, "server/motd"), "utf8")).toBe("Welcome back.\n");
      for (const key of ["host", "deployer"]) {
        expect(statSync(join(demo.folder, "keys", key)).mode & 0o777).toBe(0o600);
      }
      const inventory = JSON.parse(readFileSync(join(demo.folder, "inventory.json"), "utf8")) as object;
      expect(Object.keys(inventory)).toEqual(["address", "hostPublicKey", "deployer", "system"]);
    } finally {
      rmSync(demo.folder, { recursive: true, force: true });
    }
  }, 240_000);

  it.each([
    ["the server is waited for", /▸ server/],
    ["the server is used", /▸ motd/],
  ])(
    "cleans up when it is interrupted while %s",
    async (_, moment) => {
      const demo = await runDemo([], moment, { prefix });
      expect(demo.code).toBe(130);
      expect(demo.stderr).toContain("interrupted by SIGINT");
      expect(existsSync(demo.folder)).toBe(false);
      expect(processesWith(demo.folder)).toEqual([]);
    },
    240_000,
  );
});

it("takes --keep from npm, which handles it when there is no -- before it", async () => {
  const demo = await runDemo([], undefined, { env: { npm_config_keep: "true" } });
  expect(demo.code).toBe(0);
  expect(existsSync(demo.folder)).toBe(true);
  rmSync(demo.folder, { recursive: true });
});
