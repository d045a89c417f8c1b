import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { userInfo } from "node:os";
import ssh2, { type AuthContext, type Connection, type ParsedKey, type ServerChannel } from "ssh2";
import type { Sshd, SshdOptions } from "./sshd.ts";

/** The common interface of OpenSSH's server and this one. */
export type SshServer = Pick<Sshd, "host" | "port" | "user" | "log" | "stop">;

export type SshServerOptions = Pick<SshdOptions, "hostKeyFiles" | "authorizedKeys"> & { port: number };

/**
 * Starts an SSH server in this process, for systems without OpenSSH's server. Like that one, it accepts only the user
 * who started it, by public key, and refuses a host key file that others can read. It only runs commands.
 */
export async function startInProcessSshd(options: SshServerOptions): Promise<SshServer> {
  const server = new InProcessSshd(options);
  await server.listen();
  return server;
}

class InProcessSshd implements SshServer {
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly user = userInfo().username;
  readonly #server: ssh2.Server;
  readonly #connections = new Set<Connection>();
  readonly #commands = new Set<ChildProcess>();
  readonly #authorizedKeys: ParsedKey[];
  #log = "";

  constructor({ port, hostKeyFiles, authorizedKeys }: SshServerOptions) {
    this.port = port;
    this.#authorizedKeys = authorizedKeys.map(parsePublicKey);
    this.#server = new ssh2.Server({ hostKeys: hostKeyFiles.map(readHostKey) }, (connection) =>
      this.#serve(connection),
    );
  }

  log(): string {
    return this.#log;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.on("error", reject);
      this.#server.listen(this.port, this.host, resolve);
    });
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const command of this.#commands) killGroup(command);
    for (const connection of this.#connections) connection.end();
    await closed;
  }

  #serve(connection: Connection): void {
    this.#connections.add(connection);
    connection
      .on("close", () => this.#connections.delete(connection))
      .on("error", ({ message }) => this.#note(`connection: ${message}`))
      .on("authentication", (context) => this.#authenticate(context))
      // Requests without a listener are refused: terminals, shells, subsystems, forwarding, variables.
      .on("session", (accept) => {
        accept().on("exec", (start, _, { command }) => this.#run(command, start()));
      });
  }

  #authenticate(context: AuthContext): void {
    const accepted =
      context.username === this.user &&
      context.method === "publickey" &&
      this.#authorizedKeys.some((key) => hasSigned(key, context));
    this.#note(`${accepted ? "Accepted" : "Refused"} ${context.method} for ${context.username}`);
    if (accepted) context.accept();
    else context.reject(["publickey"]);
  }

  #run(command: string, channel: ServerChannel): void {
    const { shell, homedir, username } = userInfo();
    const { PATH } = process.env;
    const login = shell ?? "/bin/sh";
    const env = { PATH, HOME: homedir, USER: username, LOGNAME: username, SHELL: login };
    // Detached, so that the command leads a process group, as with OpenSSH.
    const child = spawn(login, ["-c", command], { cwd: "/", env, detached: true });
    this.#commands.add(child);
    channel.pipe(child.stdin);
    child.stdout.pipe(channel, { end: false });
    child.stderr.pipe(channel.stderr, { end: false });
    for (const stream of [channel, child.stdin, child.stdout, child.stderr]) stream.on("error", () => {});
    child.on("error", ({ message }) => this.#note(`cannot run a command: ${message}`));
    child.on("close", (code, signal) => {
      this.#commands.delete(child);
      if (signal === null) channel.exit(code ?? 127);
      else channel.exit(signal.slice("SIG".length));
      channel.end();
    });
  }

  #note(line: string): void {
    this.#log += `${line.replaceAll(/[^ -~]/g, "?")}\n`;
  }
}

/** Returns whether a login request uses this key. Only the second of the two requests of a login has a signature. */
function hasSigned(key: ParsedKey, context: AuthContext): boolean {
  if (context.method !== "publickey") return false;
  if (key.type !== context.key.algo || !key.getPublicSSH().equals(context.key.data)) return false;
  if (context.signature === undefined) return true;
  const verdict: unknown = key.verify(context.blob!, context.signature, context.hashAlgo);
  // The result is an error when the signature has another type.
  return verdict === true;
}

function parsePublicKey(line: string): ParsedKey {
  const key = ssh2.utils.parseKey(line);
  if (key instanceof Error) throw key;
  return key;
}

function readHostKey(file: string): Buffer {
  if ((statSync(file).mode & 0o077) !== 0) throw new Error(`${file} is a host key that others can read`);
  return readFileSync(file);
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // The process has exited already.
  }
}
