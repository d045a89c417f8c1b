import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  makeSshKey,
  startSshd,
  startSshLab,
  type SshKey,
  type Sshd,
  type SshLab,
} from "@nixops4-providers/test-servers";
import { create, type Result } from "./lab.ts";

/** An sshd whose host key can be rotated: all that belongs to it is in one folder. */
export class HostKeyLab {
  readonly lab: SshLab;
  readonly record: string;
  /** The key that the host was installed with, without comment. */
  readonly temporaryKey: string;

  private constructor(lab: SshLab) {
    this.lab = lab;
    this.record = join(lab.folder, "ssh_host_key_rotations");
    this.temporaryKey = plain(lab.hostKey);
  }

  static async start(options: Parameters<typeof startSshLab>[0] = {}): Promise<HostKeyLab> {
    return new HostKeyLab(await startSshLab(options));
  }

  inputs(changes: object = {}): object {
    return { connection: this.lab.connection, directory: this.lab.folder, timeoutSeconds: 20, ...changes };
  }

  /** As a deployer that knows nothing but the temporary key. */
  create(changes: object = {}): Promise<Result> {
    return create("host_key", this.inputs(changes), true);
  }

  path(name: string): string {
    return join(this.lab.folder, name);
  }

  /** What the host has on its disk, with modes. */
  files(): Record<string, string> {
    const names = readdirSync(this.lab.folder).filter((name) => !/^(sshd_|user)/.test(name));
    const mode = (name: string) => (statSync(this.path(name)).mode & 0o7777).toString(8);
    return Object.fromEntries(names.toSorted().map((name) => [name, mode(name)]));
  }

  /** The public half of a private key file on the host. */
  keyIn(name: string): string {
    return execFileSync("ssh-keygen", ["-y", "-f", this.path(name)], { encoding: "utf8" })
      .split(" ", 2)
      .join(" ")
      .trim();
  }

  /** What any client is presented, by the real ssh-keyscan. */
  presented(type = "ed25519"): string {
    const { host, port } = this.lab.sshd;
    const args = ["-T", "5", "-t", type, "-p", String(port), host];
    return execFileSync("ssh-keyscan", args, { encoding: "utf8", stdio: "pipe" })
      .trim()
      .split(" ")
      .slice(1)
      .join(" ");
  }

  /** Another server takes the host's place at its address, with its own key and with the record as it is left. */
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

  async stop(): Promise<void> {
    await this.lab.stop();
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

  /** Writes the record that a host with this key would show. */
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

  /** What was run on it. */
  log(): string {
    return this.#sshd.log();
  }

  async stop(): Promise<void> {
    await this.#sshd.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

interface Claim {
  /** A private key file. */
  signWith: string;
  namespace?: string;
  host?: string;
  oldFingerprint?: string;
  newFingerprint?: string;
  newPublicKey?: string;
  version?: number;
}

export function plain({ publicKey }: SshKey): string {
  return publicKey.split(" ", 2).join(" ");
}

/** By the real ssh-keygen. */
export function fingerprintOf(key: string): string {
  return execFileSync("ssh-keygen", ["-l", "-f", "-"], { input: key, encoding: "utf8" }).split(" ")[1]!;
}

export function privateLines(file: string): string[] {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(1, -2) : [];
}
