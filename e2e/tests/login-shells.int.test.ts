import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { buildTestSystem } from "@nixops4-providers/test-servers";
import { builtProvider, ProviderProcess } from "../harness/index.ts";
import { missingForShellHost, type ShellHost, startShellHost } from "../lab/shell-host.ts";

/** Nushell is not in Debian. It is tested when it is on the PATH (`npm install --global nushell`). */
const SHELLS = ["sh", "dash", "bash", "zsh", "ksh", "mksh", "fish", "tcsh", "rc", "elvish", "nu"];

function pathOf(shell: string): string | undefined {
  const path = spawnSync("sh", ["-c", `command -v ${shell}`], { encoding: "utf8" }).stdout.trim();
  return path === "" ? undefined : path;
}

/** What a start file does that was not written with SSH commands in mind. */
const KINDS = ["prints", "reads", "execs", "joins"] as const;
type Kind = (typeof KINDS)[number];

/** The start file that a shell reads for a command over SSH, if it reads one, and its contents for each kind. */
const START_FILES: Record<string, { path: string } & Partial<Record<Kind, string>>> = {
  bash: {
    path: ".bashrc",
    prints: "printf 'Debian 13'; echo oops >&2",
    reads: "read -r answer",
    execs: "exec zsh",
    joins: "exec 2>&1; echo Debian 13",
  },
  zsh: {
    path: ".zshenv",
    prints: "echo Debian 13; echo oops >&2",
    reads: '[ -n "$once" ] || read -r answer; export once=1',
    execs: '[ -n "$once" ] || { export once=1; exec bash }',
    joins: "exec 2>&1",
  },
  fish: {
    path: ".config/fish/config.fish",
    prints: "echo Debian 13; echo oops >&2",
    reads: "read answer",
    execs: "exec dash",
  },
  tcsh: {
    path: ".cshrc",
    prints: "echo Debian 13",
    reads: "set answer = $<",
    execs: "exec dash",
  },
};

/** Login shells that do the same and then become the real shell, for the remaining shells and kinds. */
const WRAPPERS: Record<Kind, string> = {
  prints: `printf 'Debian 13'; echo oops >&2; exec "$shell" "$@"`,
  reads: `read -r answer; exec "$shell" "$@"`,
  execs: `exec "$shell"`,
  joins: `exec 2>&1; echo Debian 13; exec "$shell" "$@"`,
};

interface Habit {
  name: string;
  shell: string;
  files?: Record<string, string>;
  wrapper?: string;
}

function habitOf(shell: string, kind: Kind): Habit {
  const name = `${shell}-${kind}`;
  const startFile = START_FILES[shell];
  const text = startFile?.[kind];
  if (text === undefined) return { name, shell, wrapper: WRAPPERS[kind] };
  return { name, shell, files: { [startFile!.path]: `${text}\n` } };
}

function bashHabit(name: string, text: string): Habit {
  return { name: `bash-${name}`, shell: "bash", files: { ".bashrc": `${text}\n` } };
}

const HABITS: Habit[] = [
  ...SHELLS.flatMap((shell) => KINDS.map((kind) => habitOf(shell, kind))),
  bashHabit("reads-all", "cat >/dev/null"),
  bashHabit("reads-more", "read -r one; read -r -t 1 two; true"),
  bashHabit("execs-bash", "exec bash --norc"),
  bashHabit("runs-bash", "bash --norc"),
  bashHabit("execs-tcsh", "exec tcsh -f"),
  bashHabit("execs-fish", "exec fish"),
  bashHabit("joins-tee", "exec > >(tee -a /dev/null) 2>&1"),
  bashHabit("closes-errors", "exec 2>/dev/null"),
  bashHabit("exits", "echo no service today; exit 0"),
].filter(({ shell }) => pathOf(shell) !== undefined);

/** The combinations in which no command can run, with the error. */
const FAILS: Record<string, RegExp> = {
  "bash-reads-all": /cannot run commands there: nothing within/,
  // The shell reads all its standard input before it runs any of it.
  "bash-execs-fish": /cannot run commands there: nothing within/,
  "nu-execs": /cannot run commands there: .*STDIN is not a TTY/,
  "bash-exits": /cannot run commands there: no service today \(exit code 0\)/,
};

const missing = missingForShellHost();
const title = (text: string) => `${text}${missing === undefined ? "" : ` (skipped: ${missing})`}`;
const shells = SHELLS.filter((shell) => pathOf(shell) !== undefined);
const absent = SHELLS.filter((shell) => pathOf(shell) === undefined);

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

/** Checks that hold for all types, whatever the login shell and its start files do. */
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

  /** Checks that a file is written once, with the wanted owner and mode. */
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

  /** Checks that child processes of a command are killed at its deadline, and when the connection ends. */
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
    const odd = HABITS.map((habit) => ({ ...habit, shell: pathOf(habit.shell)!, root: false }));
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

  it.each(HABITS.map(({ name }) => name).filter((name) => FAILS[name] === undefined))(
    "%s: with and without sudo nothing of it is seen, whatever the type",
    async (user) => {
      const checks = new Checks(host, user, true);
      const copied = checks.closure(toplevel).then(() => checks.system(toplevel));
      const plain = new Checks(host, user, false);
      await Promise.all([copied, plain.wait(), plain.exec(), plain.file(), checks.exec()]);
      await checks.file();
      await checks.hostKey();
    },
    90 * SECONDS,
  );

  // All run at once, since each takes a minute.
  it(
    `${Object.keys(FAILS).join(", ")}: nothing is run, and nothing is a success`,
    async () => {
      const names = HABITS.map(({ name }) => name).filter((name) => FAILS[name] !== undefined);
      await Promise.all(names.map((name) => expectNothing(name, FAILS[name]!)));
    },
    120 * SECONDS,
  );

  async function expectNothing(user: string, message: RegExp): Promise<void> {
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
    const directory = host.folder;
    const cases: [string, string, object][] = [
      ["ssh", "wait", limits],
      ["ssh", "exec", command],
      ["ssh", "exec", { ...command, sudo: true }],
      ["ssh", "file", { path, contents: evil, sudo: true, ...limits }],
      ["ssh", "file", { path, ensure: "absent", sudo: true, ...limits }],
      ["ssh", "host_key", { directory, sudo: true, keepers: { user }, ...limits }],
      ["nixos", "closure", { path: toplevel, sudo: true }],
      ["nixos", "system", { toplevel, sudo: true }],
    ];
    const run = async ([provider, type, inputs]: (typeof cases)[number]) => {
      const { error, log } = await create(provider, type, { connection, ...inputs }, type === "host_key");
      expect([user, type, error]).toEqual([user, type, expect.stringMatching(message)]);
      expect(`${error}${log}`).not.toMatch(/tell-no-one|nixops4-[0-9a-f]{8}/);
    };
    await Promise.all(cases.map(run));
    host.sh("[ ! -e /run/was-run ] && [ ! -e /run/was-evaluated ]");
    host.sh(`[ ! -e ${path} ]`);
  }
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
    "users and groups of a directory: ssh.file takes their names",
    async () => {
      const host = await startShellHost({ users });
      try {
        const owners = ["alice@example.com", "EXAMPLE\\bob smith", "carol.o'hara$"];
        owners.forEach((name, index) =>
          host.sh(`cat >>/etc/passwd <<'END'\n${name}:x:${7001 + index}:7000::/:/bin/sh\nEND`),
        );
        host.sh("echo 'domain users:x:7000:' >>/etc/group");
        for (const [index, owner] of owners.entries()) {
          const path = "/run/a file";
          const inputs = { connection: host.connectionOf("user-sh"), sudo: true, path, contents: owner };
          const names = { owner, group: "domain users" };
          expect((await create("ssh", "file", { ...inputs, ...names })).error).toBeUndefined();
          expect(host.sh(`stat -c '%u %g' '${path}'`)).toBe(`${7001 + index} 7000`);
          const before = host.sh(`stat -c '%i %Z' '${path}'`);
          for (const again of [names, {}]) {
            expect((await create("ssh", "file", { ...inputs, ...again })).error).toBeUndefined();
            expect([owner, host.sh(`stat -c "%i %Z" "${path}"`)]).toEqual([owner, before]);
          }
        }
      } finally {
        await host.stop();
      }
    },
    120 * SECONDS,
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
        expect(error).toContain("closed the connection while user-sh logged in; it says: ");
        expect(error).toContain("System is booting up.");
        // The attempts are after 0, 2 and 6 s. With more, OpenSSH would block this address (PerSourcePenalties).
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
