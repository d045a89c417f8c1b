import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  findSshd,
  makeSshKey,
  startSshd,
  startSshLab,
  type SshKey,
  type Sshd,
  type SshLab,
} from "@nixops4-providers/test-servers";
import { runOperation } from "@nixops4-providers/e2e";
import { create, executable, type Result } from "./lab.ts";

type Outputs = Result["outputs"];

export interface LabOptions {
  /** A folder that is put first on the host's PATH. */
  extraPath?: string;
  /**
   * Whether sshd only reads host keys when it is reloaded, like OpenSSH 9.8 and later. Earlier versions read them for
   * each connection.
   */
  keysInMemory?: boolean;
}

/** An sshd whose host key can be rotated. All its files are in one folder. */
export class HostKeyLab {
  readonly lab: SshLab;
  readonly record: string;
  /** The initial public key of the host, without comment. */
  readonly temporaryKey: string;

  readonly extraConfig: string[];

  private constructor(lab: SshLab, extraConfig: string[]) {
    this.lab = lab;
    this.record = join(lab.folder, "ssh_host_key_rotations");
    this.temporaryKey = plain(lab.hostKey);
    this.extraConfig = extraConfig;
  }

  static async start({ extraPath, keysInMemory = false }: LabOptions = {}): Promise<HostKeyLab> {
    const path = [...(extraPath === undefined ? [] : [extraPath]), "/usr/local/bin", "/usr/bin", "/bin"];
    // With another HOME, a login shell does not read the slow start files of the user.
    const extraConfig = [`SetEnv HOME=/nonexistent PATH=${path.join(":")}`];
    const start = async () => new HostKeyLab(await startSshLab({ extraConfig }), extraConfig);
    return keysInMemory ? withSshdThatDoesNotReexecute(start) : start();
  }

  inputs(changes: object = {}): object {
    return { connection: this.lab.connection, directory: this.lab.folder, timeoutSeconds: 20, ...changes };
  }

  /** Runs a create without state, which only knows the temporary key. */
  create(changes: object = {}): Promise<Result> {
    return create("host_key", this.inputs(changes), true);
  }

  /** Runs an update with these outputs in the state. */
  update(outputs: Outputs, changes: object = {}, previousChanges: object = changes): Promise<Outputs> {
    const inputs = this.inputs(changes);
    const request = { inputs, previousInputs: this.inputs(previousChanges), previousOutputs: outputs };
    return runOperation(executable, (provider) => provider.update("host_key", request), {
      onStderr: () => {},
    });
  }

  path(name: string): string {
    return join(this.lab.folder, name);
  }

  /** Returns the files of the host, with their modes. */
  files(): Record<string, string> {
    const names = readdirSync(this.lab.folder).filter((name) => !/^(sshd_|user)/.test(name));
    const mode = (name: string) => (statSync(this.path(name)).mode & 0o7777).toString(8);
    return Object.fromEntries(names.toSorted().map((name) => [name, mode(name)]));
  }

  /** Returns the public key of a private key file on the host. */
  keyIn(name: string): string {
    return execFileSync("ssh-keygen", ["-y", "-f", this.path(name)], { encoding: "utf8", stdio: "pipe" })
      .split(" ", 2)
      .join(" ")
      .trim();
  }

  /** Like {@link keyIn}, but returns `undefined` when the file has no complete key. */
  tryKeyIn(name: string): string | undefined {
    try {
      return this.keyIn(name);
    } catch {
      return undefined;
    }
  }

  /** Returns the public key in a `.pub` file, without comment. */
  publicFile(name: string): string {
    return plain({ publicKey: readFileSync(this.path(`${name}.pub`), "utf8") });
  }

  /** Returns the key that the server presents, according to the real ssh-keyscan. */
  presented(type = "ed25519"): string {
    const { host, port } = this.lab.sshd;
    const args = ["-T", "5", "-t", type, "-p", String(port), host];
    const { stdout } = spawnSync("ssh-keyscan", args, { encoding: "utf8" });
    return stdout.trim().split(" ").slice(1).join(" ");
  }

  /** Starts another server at the address of the host, with its own key and the existing record. */
  async replaceServer(): Promise<Impostor> {
    await this.lab.sshd.stop();
    const folder = mkdtempSync(join(tmpdir(), "impostor-"));
    const key = await makeSshKey(folder, "host");
    const sshd = await startSshd({
      folder,
      port: this.lab.sshd.port,
      hostKeyFiles: [key.file],
      authorizedKeys: [this.lab.userKey.publicKey],
    });
    return new Impostor(folder, sshd, key, this);
  }

  /** Kills the servers that were started in place of the lab's own. */
  killStrayServers(): void {
    const lines = execFileSync("ps", ["-eww", "-o", "pid=,args="], { encoding: "utf8" }).split("\n");
    for (const line of lines.filter(
      (one) => one.includes(this.path("sshd_config")) && one.includes("[listener]"),
    )) {
      process.kill(Number(line.trim().split(" ", 1)[0]), "SIGKILL");
    }
  }

  async stop(): Promise<void> {
    await this.lab.stop();
  }
}

/** Files of a host that are stored in another folder and bind-mounted, as by NixOS's impermanence. */
export class BoundKeys {
  readonly #kept: string;
  readonly #places: string[];

  static async bind(host: HostKeyLab, names: string[]): Promise<BoundKeys> {
    const kept = mkdtempSync(join(tmpdir(), "persistent-"));
    for (const name of names) {
      copyFileSync(host.path(name), join(kept, name));
      execFileSync("mount", ["--bind", join(kept, name), host.path(name)]);
    }
    return new BoundKeys(
      kept,
      names.map((name) => host.path(name)),
    );
  }

  private constructor(kept: string, places: string[]) {
    this.#kept = kept;
    this.#places = places;
  }

  read(name: string): string {
    return readFileSync(join(this.#kept, name), "utf8");
  }

  keyIn(name: string): string {
    const args = ["-y", "-P", "", "-f", join(this.#kept, name)];
    return execFileSync("ssh-keygen", args, { encoding: "utf8" }).split(" ", 2).join(" ").trim();
  }

  release(): void {
    execFileSync("umount", ["--lazy", ...this.#places]);
    rmSync(this.#kept, { recursive: true });
  }
}

export class Impostor {
  readonly key: SshKey;
  readonly publicKey: string;
  readonly #folder: string;
  readonly #sshd: Sshd;
  readonly #lab: HostKeyLab;

  constructor(folder: string, sshd: Sshd, key: SshKey, lab: HostKeyLab) {
    this.key = key;
    this.publicKey = plain(key);
    this.#folder = folder;
    this.#sshd = sshd;
    this.#lab = lab;
  }

  /** Writes a record that appears to prove this server's key. */
  claim({ signWith, namespace, ...changes }: Claim): void {
    const { host, port } = this.#lab.lab.sshd;
    const statement = JSON.stringify({
      host: `${host}:${port}`,
      newFingerprint: fingerprintOf(this.publicKey),
      newPublicKey: this.publicKey,
      oldFingerprint: fingerprintOf(this.#lab.temporaryKey),
      operationId: "0",
      version: 1,
      ...changes,
    });
    const args = ["-Y", "sign", "-n", namespace ?? "nixops4-host-key@nixops4-providers", "-f", signWith];
    const signature = execFileSync("ssh-keygen", args, { input: statement, encoding: "utf8", stdio: "pipe" });
    writeFileSync(this.#lab.record, `${JSON.stringify({ statement, signature })}\n`);
  }

  /** Returns the log so far, which shows logins and commands. */
  log(): string {
    return this.#sshd.log();
  }

  async stop(): Promise<void> {
    await this.#sshd.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

interface Claim {
  /** The path of a private key. */
  signWith: string;
  namespace?: string;
  host?: string;
  oldFingerprint?: string;
  newFingerprint?: string;
  newPublicKey?: string;
  version?: number;
}

export function plain({ publicKey }: Pick<SshKey, "publicKey">): string {
  return publicKey.split(" ", 2).join(" ");
}

/** Returns the fingerprint according to the real ssh-keygen. */
export function fingerprintOf(key: string): string {
  return execFileSync("ssh-keygen", ["-l", "-f", "-"], { input: key, encoding: "utf8" }).split(" ")[1]!;
}

export function privateLines(file: string): string[] {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(1, -2) : [];
}

async function withSshdThatDoesNotReexecute<T>(start: () => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "sshd-"));
  const path = process.env["PATH"];
  writeFileSync(join(folder, "sshd"), `#!/bin/sh\nexec ${findSshd()} -r "$@"\n`, { mode: 0o755 });
  try {
    process.env["PATH"] = `${folder}:${path}`;
    return await start();
  } finally {
    process.env["PATH"] = path;
    rmSync(folder, { recursive: true });
  }
}
