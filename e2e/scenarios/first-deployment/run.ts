import { mkdir, readFile, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { findSshd, startInProcessSshd, startSshd, type SshServer } from "@nixops4-providers/test-servers";
import { ApplyError, applyDeployment, type ApplyEvent } from "../../harness/index.ts";
import {
  filesOf,
  firstDeployment,
  memberTypes,
  type FirstDeployment,
  type MemberName,
} from "./deployment.ts";
import { formatSeconds, type Display } from "./display.ts";
import { changedMembers, observe, type Observation } from "./observe.ts";

/** How long the server stays down while its resource waits, in milliseconds. */
const SERVER_DELAY_MS = 1_500;

/**
 * Applies the first deployment three times in a folder. Its SSH server starts while a resource waits for it. Checks the
 * changes of each apply, and rejects when they are wrong.
 */
export async function runFirstDeployment(
  folder: string,
  display: Display,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(join(folder, "server"));
  const deployment: FirstDeployment = {
    folder,
    port: await freePort(),
    user: userInfo().username,
    motd: "Welcome.\n",
  };
  const server = new Server(deployment, display, signal);
  try {
    display.heading("Apply 1: everything is new");
    const first = await apply(deployment, display, server.signal, (event) => server.follow(event));
    await verify(deployment);

    display.heading("Apply 2: nothing has changed");
    const second = await apply(deployment, display, server.signal);
    const changedBySecond = expectChanges("The second apply", first, second, []);
    display.line(
      "Nothing changed: the keys were skipped; no file was written, and all outputs are the same.",
    );

    const changed = { ...deployment, motd: "Welcome back.\n" };
    display.heading("Apply 3: the contents of motd are new");
    const third = await apply(changed, display, server.signal);
    const changedByThird = expectChanges("The third apply", second, third, ["motd"]);
    await verify(changed);
    display.line("Only motd changed.");

    showTable(display, first, [
      [second, changedBySecond],
      [third, changedByThird],
    ]);
  } catch (error) {
    throw server.explain(error);
  } finally {
    await server.stop();
  }
}

async function apply(
  deployment: FirstDeployment,
  display: Display,
  signal: AbortSignal,
  follow: (event: ApplyEvent) => void = () => {},
): Promise<Observation> {
  const results = await applyDeployment(firstDeployment(deployment), {
    signal,
    onEvent(event) {
      display.event(event);
      follow(event);
    },
  });
  return observe(results, filesOf(deployment.folder));
}

/** The SSH server that the deployment waits for: OpenSSH's if it is installed, or else one in this process. */
class Server {
  readonly #deployment: FirstDeployment;
  readonly #display: Display;
  readonly #failed = new AbortController();
  /** Aborted when the user interrupts, or when the server does not start. */
  readonly signal: AbortSignal;
  readonly #publicKeys = new Map<string, unknown>();
  #start: Promise<void> = Promise.resolve();
  #sshd: SshServer | undefined;

  constructor(deployment: FirstDeployment, display: Display, signal: AbortSignal) {
    this.#deployment = deployment;
    this.#display = display;
    this.signal = AbortSignal.any([signal, this.#failed.signal]);
  }

  /** Starts the server {@link SERVER_DELAY_MS} after its resource began to wait. */
  follow(event: ApplyEvent): void {
    if (event.kind === "created") this.#publicKeys.set(event.member, event.outputs["publicKey"]);
    if (event.kind !== "started" || event.member !== "server") return;
    this.#start = this.#startAfter(SERVER_DELAY_MS).catch((error: unknown) => this.#failed.abort(error));
  }

  /** Adds the server's log to an error that it may explain. */
  explain(error: unknown): unknown {
    if (this.signal.aborted) return this.signal.reason;
    const log = this.#sshd?.log().trimEnd().split("\n").slice(-10).join("\n  ");
    if (!(error instanceof ApplyError) || log === undefined) return error;
    return new Error(`${error.message}\nThe last lines that the SSH server logged:\n  ${log}`, {
      cause: error,
    });
  }

  async stop(): Promise<void> {
    this.#failed.abort();
    await this.#start;
    await this.#sshd?.stop();
  }

  async #startAfter(milliseconds: number): Promise<void> {
    await setTimeout(milliseconds, undefined, { signal: this.signal });
    const { folder, port } = this.#deployment;
    const options = {
      folder,
      port,
      hostKeyFiles: [filesOf(folder).hostKey],
      authorizedKeys: [String(this.#publicKeys.get("deployerKey"))],
    };
    const sshd = findSshd();
    this.#sshd = await (sshd === undefined ? startInProcessSshd : startSshd)(options);
    const what = sshd ?? "an SSH server in this process (there is no sshd)";
    this.#display.note("sshd", `listens on 127.0.0.1:${port}: ${what}`);
  }
}

/** Checks the files that the deployment should have made. */
async function verify({ folder, motd }: FirstDeployment): Promise<void> {
  const files = filesOf(folder);
  const written = await readFile(files.motd, "utf8");
  if (written !== motd)
    throw new Error(`${files.motd} holds ${JSON.stringify(written)}, not ${JSON.stringify(motd)}`);
  for (const key of [files.hostKey, files.deployerKey]) {
    const mode = (await stat(key)).mode & 0o777;
    if (mode !== 0o600) throw new Error(`${key} has mode ${mode.toString(8)}, not 600`);
  }
  const inventory = await readFile(files.inventory, "utf8");
  for (const part of ["ssh-ed25519 ", "SHA256:", process.platform === "linux" ? "Linux" : ""]) {
    if (!inventory.includes(part))
      throw new Error(`${files.inventory} lacks ${part}; it holds:\n${inventory}`);
  }
}

function expectChanges(
  what: string,
  before: Observation,
  after: Observation,
  expected: readonly string[],
): readonly string[] {
  const changed = changedMembers(before, after);
  if (changed.join() !== expected.join()) {
    throw new Error(`${what} changed ${listMembers(changed)}; expected: ${listMembers(expected)}`);
  }
  for (const key of ["hostKey", "deployerKey"]) {
    const action = after.results.get(key)?.action;
    if (action !== "skipped") throw new Error(`${what} did not skip ${key}: it was ${action}`);
  }
  return changed;
}

function listMembers(members: readonly string[]): string {
  return members.length === 0 ? "nothing" : members.join(", ");
}

function showTable(
  display: Display,
  first: Observation,
  later: readonly (readonly [Observation, readonly string[]])[],
): void {
  const rows = (Object.keys(memberTypes) as MemberName[]).map((member) => {
    const { action, seconds } = first.results.get(member)!;
    const cells = later.map(([{ results }, changed]) => {
      const { action, seconds } = results.get(member)!;
      const compared = changed.includes(member) ? "changed" : "unchanged";
      return cell(action === "ensured" ? compared : action, seconds);
    });
    return [member, memberTypes[member], cell(action, seconds), ...cells];
  });
  display.table(["Resource", "Type", "Apply 1", "Apply 2", "Apply 3"], rows);
}

function cell(word: string, seconds: number): string {
  return `${word.padEnd(9)} ${formatSeconds(seconds).padStart(4)}`;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" ? address?.port : undefined;
      server.close(() => (port === undefined ? reject(new Error("no free port")) : resolve(port)));
    });
  });
}
