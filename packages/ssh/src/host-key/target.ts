import type { Duplex } from "node:stream";
import { type Context, ProviderError, withDeadline } from "@nixops4-providers/provider-sdk";
import { openScript, runScript, type SshConnection } from "@nixops4-providers/ssh-client";
import type { Inputs } from "./schema.ts";
import * as scripts from "./scripts.ts";
import { NAMESPACE } from "./statement.ts";

/** A host key file of sshd. Keys are lines without comment; empty if the file cannot be read. */
export interface KeyFile {
  path: string;
  key: string;
  /** The key beside it, which is to replace it. */
  newKey: string;
}

/** A host certificate. */
export interface Certificate {
  keyFingerprint: string;
  path: string;
}

export interface Observed {
  /** The command line of the listening sshd; empty if another program, such as systemd, listens for it. */
  sshd: string;
  files: KeyFile[];
}

/** Limits the record of an unverified host. */
const MAX_RECORD_BYTES = 1024 * 1024;

const MAX_SAID_LINES = 100;

const LOCK_GRACE_SECONDS = 60;

export async function readRecord(ssh: SshConnection, { directory, timeoutSeconds }: Inputs): Promise<string> {
  const limits = { timeoutSeconds, maxOutputBytes: MAX_RECORD_BYTES };
  const doing = "read the record of rotations";
  const { stdout } = await runScript(ssh, {
    script: scripts.READ_RECORD,
    args: [directory],
    doing,
    ...limits,
  });
  return stdout.toString("utf8");
}

/** The host keys of the host at the other end of a connection. */
export class Target {
  readonly ssh: SshConnection;
  readonly #inputs: Inputs;

  constructor(ssh: SshConnection, inputs: Inputs) {
    this.ssh = ssh;
    this.#inputs = inputs;
  }

  /**
   * Locks the folder of the keys against other runs, until the connection ends. Use a separate connection: sshd may allow
   * only one session for each.
   */
  async lock(context: Context): Promise<void> {
    const { directory, timeoutSeconds } = this.#inputs;
    const { label } = this.ssh;
    const said: string[] = [];
    const args = [directory, String(Math.ceil(timeoutSeconds))];
    // The script waits for the lock, and then holds it.
    const limitSeconds = 2 * timeoutSeconds + LOCK_GRACE_SECONDS;
    const channel = await this.#open("lock its host keys", scripts.LOCK, args, said, limitSeconds);
    let waiting: { done(): void } | undefined;
    const locked = new Promise<void>((resolve, reject) => {
      let printed = "";
      channel.on("data", (chunk: Buffer) => {
        printed = (printed + chunk.toString("latin1")).slice(-100);
        if (printed.endsWith("locked\n")) return resolve();
        waiting ??= context.progress(`waiting for another run that uses the host keys of ${label}`);
      });
      channel.on("close", () =>
        reject(new ProviderError(`cannot lock ${directory} on ${label}`, { cause: said.join("\n") })),
      );
    });
    const message = `another run still uses the host keys of ${label}`;
    const hint = "Apply again when it has ended.";
    const deadline = withDeadline(locked, timeoutSeconds, message, context.signal, hint);
    await deadline.finally(() => waiting?.done());
  }

  async observe(): Promise<Observed> {
    const printed = await this.#run("find its host keys", scripts.OBSERVE, []);
    const [sshd = "", ...lines] = printed.split("\n");
    const files: KeyFile[] = [];
    for (let index = 0; index + 2 < lines.length; index += 3) {
      const [path = "", key = "", newKey = ""] = lines.slice(index);
      files.push({ path, key, newKey });
    }
    return { sshd, files };
  }

  /** Returns the certificates of sshd that belong to none of its host keys. */
  async listOrphanedCertificates(): Promise<Certificate[]> {
    const printed = await this.#run("find its host certificates", scripts.LIST_CERTIFICATES, []);
    return printed
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [keyFingerprint = ""] = line.split(" ", 1);
        return { keyFingerprint, path: line.slice(keyFingerprint.length + 1) };
      });
  }

  async writeRecord(record: string): Promise<void> {
    const args = [this.#inputs.directory, String(Buffer.byteLength(record))];
    await this.#run("write the record of rotations", scripts.WRITE_RECORD, args, record);
  }

  /** Makes a new key beside a key file and returns its public half. */
  async generate(path: string, algorithm: string, bits: number | undefined): Promise<string> {
    const args = [path, algorithm, bits === undefined ? "" : String(bits)];
    return (await this.#run("make a new host key", scripts.GENERATE, args)).trim();
  }

  sign(path: string, statement: string): Promise<string> {
    return this.#run("sign with its host key", scripts.SIGN, [path, NAMESPACE], statement);
  }

  /** Starts an sshd for one connection, with the key beside a key file as its first host key. */
  serveNewKey(path: string, said: string[]): Promise<Duplex> {
    return this.#open(
      "start an sshd with its new key",
      scripts.SERVE_NEW_KEY,
      [path],
      said,
      this.#inputs.timeoutSeconds,
    );
  }

  async swap({ path, key, newKey }: KeyFile): Promise<void> {
    await this.#run("put its new host key in place", scripts.SWAP, [path, key, newKey]);
  }

  async swapBack(path: string): Promise<void> {
    await this.#run("put its old host key back", scripts.SWAP_BACK, [path]);
  }

  async reload(): Promise<void> {
    const { unit, command } = this.#inputs.reload ?? {};
    const how =
      unit !== undefined ? ["unit", unit] : command !== undefined ? ["command", command] : ["signal"];
    await this.#run("reload sshd", scripts.RELOAD, how);
  }

  async startSshd(commandLine: string): Promise<void> {
    await this.#run("start sshd again", scripts.START_SSHD, [commandLine]);
  }

  async finish(path: string, remove: readonly string[]): Promise<void> {
    await this.#run("clean up after the rotation", scripts.FINISH, [path, ...remove]);
  }

  /** Starts a script that runs beside others; its standard error goes to `said`. */
  #open(
    doing: string,
    script: string,
    args: readonly string[],
    said: string[],
    timeoutSeconds: number,
  ): Promise<Duplex> {
    const { sudo } = this.#inputs;
    const onStderrLine = (line: string) => void (said.length < MAX_SAID_LINES && said.push(line));
    return openScript(this.ssh, { script, args, sudo, timeoutSeconds, doing, onStderrLine });
  }

  async #run(doing: string, script: string, args: readonly string[], stdin?: string): Promise<string> {
    const { sudo, timeoutSeconds } = this.#inputs;
    const { stdout } = await runScript(this.ssh, { script, args, stdin, sudo, timeoutSeconds, doing });
    return stdout.toString("utf8");
  }
}
