import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { buildTestSystem } from "@nixops4-providers/test-servers";
import { builtProvider, ProviderProcess } from "../harness/index.ts";
import { missingForShellHost, type ShellHost, startShellHost } from "../lab/shell-host.ts";

/** Login shells, and the start file that each reads for a command over SSH, where it reads one. */
const SHELLS: Record<string, string | undefined> = {
  sh: undefined,
  dash: undefined,
  bash: ".bashrc",
  zsh: ".zshenv",
  ksh: undefined,
  mksh: undefined,
  fish: ".config/fish/config.fish",
  tcsh: ".cshrc",
  rc: undefined,
  elvish: undefined,
  nu: undefined,
};

const NUSHELL = join(import.meta.dirname, "..", "node_modules", "nushell", "bin", "nu");

function pathOf(shell: string): string | undefined {
  const path = spawnSync("sh", ["-c", `command -v ${shell}`], { encoding: "utf8" }).stdout.trim();
  if (path !== "") return path;
  return shell === "nu" && spawnSync(NUSHELL, ["--version"]).status === 0 ? NUSHELL : undefined;
}

/** What start files do that were not made for commands. */
const HABITS: { name: string; shell: string; files: Record<string, string>; fails?: RegExp }[] = [
  { name: "bash-prints", shell: "bash", files: { ".bashrc": "printf 'Debian 13'; echo oops >&2\n" } },
  { name: "zsh-prints", shell: "zsh", files: { ".zshenv": "echo Debian 13; echo oops >&2\n" } },
  {
    name: "fish-prints",
    shell: "fish",
    files: { ".config/fish/config.fish": "echo Debian 13; echo oops >&2\n" },
  },
  { name: "tcsh-prints", shell: "tcsh", files: { ".cshrc": "echo Debian 13\n" } },
  { name: "bash-reads", shell: "bash", files: { ".bashrc": "read -r answer\n" } },
  {
    name: "zsh-reads",
    shell: "zsh",
    files: { ".zshenv": '[ -n "$once" ] || read -r answer; export once=1\n' },
  },
  { name: "tcsh-reads", shell: "tcsh", files: { ".cshrc": "set answer = $<\n" } },
  {
    name: "bash-reads-all",
    shell: "bash",
    files: { ".bashrc": "cat >/dev/null\n" },
    fails: /cannot run commands there: nothing within/,
  },
  {
    name: "bash-reads-more",
    shell: "bash",
    files: { ".bashrc": "read -r one; read -r -t 1 two; true\n" },
  },
  { name: "bash-execs-zsh", shell: "bash", files: { ".bashrc": "exec zsh\n" } },
  { name: "bash-execs-dash", shell: "bash", files: { ".bashrc": "exec dash\n" } },
  { name: "bash-execs-bash", shell: "bash", files: { ".bashrc": "exec bash --norc\n" } },
  { name: "bash-runs-bash", shell: "bash", files: { ".bashrc": "bash --norc\n" } },
  { name: "bash-execs-tcsh", shell: "bash", files: { ".bashrc": "exec tcsh -f\n" } },
  {
    name: "bash-execs-fish",
    shell: "bash",
    files: { ".bashrc": "exec fish\n" },
    fails: /cannot run commands there: nothing within/,
  },
  { name: "bash-joins", shell: "bash", files: { ".bashrc": "exec 2>&1; echo Debian 13\n" } },
  { name: "zsh-joins", shell: "zsh", files: { ".zshenv": "exec 2>&1\n" } },
  { name: "bash-joins-tee", shell: "bash", files: { ".bashrc": "exec > >(tee -a /dev/null) 2>&1\n" } },
  { name: "bash-closes-errors", shell: "bash", files: { ".bashrc": "exec 2>/dev/null\n" } },
  {
    name: "bash-exits",
    shell: "bash",
    files: { ".bashrc": "echo no service today; exit 0\n" },
    fails: /cannot run commands there: no service today \(exit code 0\)/,
  },
];

const missing = missingForShellHost();
const title = (text: string) => `${text}${missing === undefined ? "" : ` (skipped: ${missing})`}`;
const shells = Object.keys(SHELLS).filter((shell) => pathOf(shell) !== undefined);
const absent = Object.keys(SHELLS).filter((shell) => pathOf(shell) === undefined);

const SECONDS = 1000;

async function create(provider: string, type: string, inputs: object, isStateful = false) {
  const process = new ProviderProcess(builtProvider(provider), { onStderr: () => {} });
  try {
    const outputs: Record<string, unknown> = await process.create(type, inputs, isStateful);
    return { outputs, error: undefined, log: process.stderr };
  } catch (error) {
    const outputs: Record<string, unknown> = {};
    return { outputs, error: (error as Error).message, log: process.stderr };
  } finally {
    await process.close();
  }
}

async function eventually(holds: () => boolean, seconds = 20): Promise<void> {
  const deadline = performance.now() + seconds * SECONDS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`it did not come true: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What holds for all types, whatever the login shell and its start files do. */
class Checks {
  readonly #host: ShellHost;
  readonly #user: string;
  readonly #sudo: boolean;
  readonly #common: object;

  constructor(host: ShellHost, user: string, sudo: boolean) {
    this.#host = host;
    this.#user = user;
    this.#sudo = sudo;
    this.#common = { connection: { ...host.connectionOf(user), connectTimeoutSeconds: 20 }, sudo };
  }

  async wait(): Promise<void> {
    const { outputs, error } = await create("ssh", "wait", {
      connection: this.#host.connectionOf(this.#user),
    });
    expect(error).toBeUndefined();
    expect(outputs["bootId"]).toBe(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  }

  async exec(): Promise<void> {
    const { outputs, error, log } = await create("ssh", "exec", {
      ...this.#common,
      command: 'id -u >&2; echo "warning: \\"" >&2; printf "[\\"%s\\", " "$VALUE"; cat; printf \']\'',
      env: { VALUE: "it's $HOME !x" },
      stdin: '"touch /run/was-evaluated"',
      parseJson: true,
    });
    expect(error).toBeUndefined();
    expect(outputs["json"]).toEqual(["it's $HOME !x", "touch /run/was-evaluated"]);
    if (!this.#user.includes("closes")) {
      expect(log).toContain(`\n${this.#isRoot ? "0" : "5"}`);
      expect(log).toContain('\nwarning: "\n');
    }
    expect(log).not.toMatch(/Debian 13|oops|nixops4-[0-9a-f]/);
    this.#host.sh("[ ! -e /run/was-evaluated ]");
  }

  /** Written once, with the owner and mode that are asked for, and then left alone. */
  async file(): Promise<void> {
    const path = this.#isRoot
      ? `/run/${this.#user}.file`
      : join(this.#host.folder, "home", this.#user, "a file");
    const file = (inputs: object) => create("ssh", "file", { ...this.#common, path, ...inputs });
    const stat = () => this.#host.sh(`stat -c '%a %u %i %Z' '${path}'; cat '${path}'`);
    expect((await file({ secret: { value: "a secret\n" } })).error).toBeUndefined();
    expect(stat()).toMatch(this.#isRoot ? /^600 0 .*\na secret$/ : /^600 5\d+ .*\na secret$/);
    const before = stat();
    expect((await file({ secret: { value: "a secret\n" } })).error).toBeUndefined();
    expect(stat()).toBe(before);
    expect((await file({ ensure: "absent" })).error).toBeUndefined();
    this.#host.sh(`[ ! -e '${path}' ]`);
  }

  async hostKey(): Promise<void> {
    const inputs = { ...this.#common, directory: this.#host.folder, timeoutSeconds: 30 };
    const keepers = { user: this.#user };
    const { outputs, error } = await create("ssh", "host_key", { ...inputs, keepers }, true);
    expect(error).toBeUndefined();
    this.#host.setHostPublicKey(outputs["hostPublicKey"] as string);
  }

  /** What it starts is ended with it: by its deadline, and when the connection ends. */
  async end(): Promise<void> {
    const sleeper = `sleep 6${Math.floor(Math.random() * 1e6)}`;
    const running = () => execFileSync("ps", ["-eww", "-o", "args"], { encoding: "utf8" }).includes(sleeper);
    const command = `trap '' HUP PIPE; ${sleeper}; ${sleeper}`;
    const late = await create("ssh", "exec", { ...this.#common, command, timeoutSeconds: 1 });
    expect(late.error).toContain("did not finish within 1 s and was ended");
    await eventually(() => !running());
    const cut = new ProviderProcess(builtProvider("ssh"), { onStderr: () => {} });
    cut.create("exec", { ...this.#common, command: `${command}; true` }, false).catch(() => {});
    await eventually(running);
    await cut.kill("SIGKILL");
    await eventually(() => !running());
  }

  async closure(path: string): Promise<void> {
    this.#host.sh("rm -rf /nix/var/nix/db; chmod -R u+w /nix/store; rm -rf /nix/store/*");
    const inputs = { ...this.#common, path, substituteOnDestination: false };
    expect(await create("nixos", "closure", inputs)).toMatchObject({ error: undefined, outputs: { path } });
    this.#host.sh(`nix-store --check-validity ${path}`);
  }

  async system(toplevel: string): Promise<void> {
    this.#host.sh("rm -f /run/current-system /nix/var/nix/profiles/system*");
    const inputs = { ...this.#common, toplevel, substituteOnDestination: false };
    const { error, outputs } = await create("nixos", "system", inputs);
    expect(error).toBeUndefined();
    expect(outputs).toMatchObject({ generation: 1, rebootNeeded: false });
    expect(this.#host.sh("readlink -f /run/current-system")).toBe(toplevel);
  }

  get #isRoot(): boolean {
    return this.#sudo || this.#user.startsWith("root-");
  }
}

(missing === undefined ? describe : describe.skip)(title("hosts with all kinds of login shells"), () => {
  let host: ShellHost;
  let toplevel: string;

  beforeAll(async () => {
    toplevel = await buildTestSystem({ name: "login-shells" });
    const plain = shells.flatMap((shell) => [
      { name: `root-${shell}`, shell: pathOf(shell)!, root: true },
      { name: `user-${shell}`, shell: pathOf(shell)!, root: false },
    ]);
    const habits = HABITS.filter(({ shell }) => pathOf(shell) !== undefined);
    const odd = habits.map(({ name, shell, files }) => ({ name, shell: pathOf(shell)!, root: false, files }));
    host = await startShellHost({ users: [...plain, ...odd] });
  }, 60 * SECONDS);
  afterAll(() => host.stop());

  if (absent.length > 0) it.skip(`${absent.join(", ")}: not installed`, () => {});

  const cases = shells.flatMap((shell) => [
    [shell, "root", `root-${shell}`, false] as const,
    [shell, "a user with sudo", `user-${shell}`, true] as const,
  ]);
  it.each(cases)(
    "%s as the login shell of %s: every type works",
    async (_shell, _who, user, sudo) => {
      const checks = new Checks(host, user, sudo);
      await checks.wait();
      await checks.exec();
      await checks.file();
      await checks.closure(toplevel);
      await checks.system(toplevel);
      await checks.hostKey();
    },
    90 * SECONDS,
  );

  it.each(HABITS.filter(({ fails }) => fails === undefined).map(({ name }) => name))(
    "%s: with and without sudo nothing of it is seen",
    async (user) => {
      await new Checks(host, user, false).wait();
      for (const sudo of [false, true]) {
        const checks = new Checks(host, user, sudo);
        await checks.exec();
        await checks.file();
      }
    },
    60 * SECONDS,
  );

  it.each(
    HABITS.filter(({ fails }) => fails !== undefined).map(({ name, fails }) => [name, fails!] as const),
  )(
    "%s: nothing is run, and nothing is a success",
    async (user, message) => {
      const connection = { ...host.connectionOf(user), connectTimeoutSeconds: 3 };
      const path = `/run/${user}.file`;
      const limits = { timeoutSeconds: 3 };
      const evil = "touch /run/was-evaluated\n";
      const command = {
        command: "touch /run/was-run",
        stdin: evil,
        env: { VALUE: "tell-no-one" },
        ...limits,
      };
      const cases: [string, string, object][] = [
        ["ssh", "wait", limits],
        ["ssh", "exec", command],
        ["ssh", "exec", { ...command, sudo: true }],
        ["ssh", "file", { path, contents: evil, sudo: true, ...limits }],
        ["ssh", "file", { path, ensure: "absent", sudo: true, ...limits }],
        ["nixos", "closure", { path: toplevel, sudo: true }],
        ["nixos", "system", { toplevel, sudo: true }],
      ];
      const run = async ([provider, type, inputs]: (typeof cases)[number]) => {
        const { error, log } = await create(provider, type, { connection, ...inputs });
        expect([type, error]).toEqual([type, expect.stringMatching(message)]);
        expect(`${error}${log}`).not.toMatch(/tell-no-one|nixops4-[0-9a-f]{8}/);
      };
      await Promise.all(cases.map(run));
      host.sh("[ ! -e /run/was-run ] && [ ! -e /run/was-evaluated ]");
      host.sh(`[ ! -e ${path} ]`);
    },
    120 * SECONDS,
  );
});

const SYSTEM_SHELLS = ["busybox", "bash", "ksh", "mksh"];

(missing === undefined ? describe : describe.skip)(title("hosts with other kinds of sh"), () => {
  it.each(SYSTEM_SHELLS.filter((shell) => pathOf(shell) !== undefined))(
    "%s as /bin/sh: every type works",
    async (shell) => {
      const toplevel = await buildTestSystem({ name: "other-sh" });
      const users = [
        { name: "root-sh", shell: "/bin/sh", root: true },
        { name: "user-sh", shell: "/bin/sh", root: false },
      ];
      const host = await startShellHost({ users, sh: pathOf(shell)! });
      try {
        for (const [user, sudo] of [
          ["root-sh", false],
          ["user-sh", true],
        ] as const) {
          const checks = new Checks(host, user, sudo);
          await checks.wait();
          await checks.exec();
          await checks.file();
          await checks.end();
          await checks.closure(toplevel);
          await checks.system(toplevel);
          await checks.hostKey();
        }
      } finally {
        await host.stop();
      }
    },
    180 * SECONDS,
  );
});

(missing === undefined ? describe : describe.skip)(title("other SSH servers"), () => {
  const users = [
    { name: "root-sh", shell: "/bin/sh", root: true },
    { name: "user-sh", shell: "/bin/sh", root: false },
  ];

  it.each([1, 2])(
    "sshd with MaxSessions %d: every type works",
    async (sessions) => {
      const toplevel = await buildTestSystem({ name: "few-sessions" });
      const host = await startShellHost({ users, config: [`MaxSessions ${sessions}`] });
      try {
        const checks = new Checks(host, "user-sh", true);
        await checks.wait();
        await checks.exec();
        await checks.file();
        await checks.end();
        await checks.closure(toplevel);
        await checks.system(toplevel);
        await checks.hostKey();
      } finally {
        await host.stop();
      }
    },
    180 * SECONDS,
  );

  (pathOf("dropbear") === undefined ? it.skip : it)(
    "Dropbear: every type works that does not change OpenSSH",
    async () => {
      const toplevel = await buildTestSystem({ name: "dropbear" });
      const host = await startShellHost({ users, server: "dropbear" });
      try {
        for (const [user, sudo] of [
          ["root-sh", false],
          ["user-sh", true],
        ] as const) {
          const checks = new Checks(host, user, sudo);
          await checks.wait();
          await checks.exec();
          await checks.file();
          await checks.end();
          await checks.closure(toplevel);
          await checks.system(toplevel);
        }
      } finally {
        await host.stop();
      }
    },
    180 * SECONDS,
  );

  it(
    "a host that is starting and lets nobody in (pam_nologin): ssh.wait waits, with few attempts, and tells why",
    async () => {
      const host = await startShellHost({ users, config: ["UsePAM yes"] });
      try {
        host.sh("echo 'System is booting up.' >/run/nologin");
        const connection = host.connectionOf("user-sh");
        const waiting = create("ssh", "wait", { connection, timeoutSeconds: 12 });
        const { error } = await waiting;
        expect(error).toContain("ended the connection while user-sh logged in; it says: ");
        expect(error).toContain("System is booting up.");
        // After 0, 2 and 6 s; OpenSSH's penalties for more would shut this address out.
        expect(host.log().split("Connection from").length - 1).toBeLessThanOrEqual(4);
        const later = create("ssh", "wait", { connection, timeoutSeconds: 60 });
        await eventually(() => host.log().split("Connection from").length - 1 >= 5);
        host.sh("rm /run/nologin");
        expect((await later).error).toBeUndefined();
      } finally {
        await host.stop();
      }
    },
    120 * SECONDS,
  );
});
