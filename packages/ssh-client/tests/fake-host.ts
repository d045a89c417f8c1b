import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, connect, type Server, type Socket } from "node:net";
import { encodePrivateKey, formatPublicKey, generateKeyPair } from "@nixops4-providers/ssh-keys";
import ssh2, { type AuthContext, type Connection, type ServerChannel } from "ssh2";
import type { ConnectionSettings } from "../src/index.ts";

interface Key {
  public: string;
  private: string;
}

/** What a host does instead of what a good one does. */
export interface Behaviour {
  /** Is called with each new connection. With `true`, it was taken and gets no SSH server. */
  takeSocket?: (socket: Socket) => boolean;
  /** Presents this key instead of `hostKey`. */
  presents?: Key;
  authenticate?: (context: AuthContext) => void;
  /** Answers the request for a session, before its command. Default: accepts. */
  session?: (accept: () => void, reject: () => void) => void;
  /** Runs a command. Default: {@link runInShell}. */
  exec?: (command: string, channel: ServerChannel) => void;
  /** Opens a connection to another host for the client. Default: connects. */
  forward?: (accept: () => ServerChannel, reject: () => void, port: number) => void;
}

export async function makeKey(algorithm: "ed25519" | "ecdsa" = "ed25519"): Promise<Key> {
  const pair = await generateKeyPair({ algorithm, bits: 256, comment: "" });
  return { public: formatPublicKey(pair.publicKey), private: await encodePrivateKey(pair) };
}

/** An SSH server in this process that can be told to misbehave. */
export class FakeHost {
  readonly hostKey: Key;
  readonly userKey: Key;
  behaviour: Behaviour = {};
  /** The connections so far, and those of them that logged in. */
  sockets = 0;
  logins = 0;
  readonly #connections = new Set<Connection>();
  readonly #open = new Set<Socket>();
  readonly #server: Server;

  private constructor(hostKey: Key, userKey: Key) {
    this.hostKey = hostKey;
    this.userKey = userKey;
    this.#server = createServer((socket) => this.#take(socket));
  }

  static async start(port = 0): Promise<FakeHost> {
    const host = new FakeHost(await makeKey(), await makeKey());
    host.#server.listen(port, "127.0.0.1");
    await once(host.#server, "listening");
    return host;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get label(): string {
    return `127.0.0.1:${this.port}`;
  }

  connection(changes: Partial<ConnectionSettings> = {}): ConnectionSettings {
    return {
      host: "127.0.0.1",
      port: this.port,
      user: "bob",
      hostPublicKeys: [this.hostKey.public],
      privateKey: { value: this.userKey.private },
      agent: true,
      jump: [],
      connectTimeoutSeconds: 10,
      ...changes,
    };
  }

  /** Ends all connections at once. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  stop(): void {
    this.#server.close();
    this.cut();
  }

  #take(socket: Socket): void {
    this.sockets += 1;
    this.#open.add(socket);
    socket.on("error", () => {}).on("close", () => this.#open.delete(socket));
    if (this.behaviour.takeSocket?.(socket) === true) return;
    const hostKeys = [(this.behaviour.presents ?? this.hostKey).private];
    new ssh2.Server({ hostKeys }, (connection) => this.#serve(connection)).injectSocket(socket);
  }

  #serve(connection: Connection): void {
    const { authenticate, session, exec, forward } = this.behaviour;
    this.#connections.add(connection);
    connection
      .on("error", () => {})
      .on("authentication", authenticate ?? ((context) => this.#authenticate(context)))
      .on("ready", () => (this.logins += 1))
      .on("session", (accept, reject) => {
        const acceptSession = () =>
          accept().on("exec", (start, _, { command }) => (exec ?? runInShell)(command, start()));
        (session ?? acceptSession)(acceptSession, reject);
      });
    if (forward !== undefined) {
      connection.on("tcpip", (accept, reject, { destPort }) => forward(accept, reject, destPort));
    }
  }

  #authenticate(context: AuthContext): void {
    const isOurs =
      context.method === "publickey" && this.userKey.public.includes(context.key.data.toString("base64"));
    if (isOurs) context.accept();
    else context.reject(["publickey"]);
  }
}

/** Runs a command as a login shell does. */
export function runInShell(command: string, channel: ServerChannel): void {
  runProgram(["sh", "-c", command], channel);
}

/** Runs a program with the streams of a channel. */
export function runProgram([program, ...args]: [string, ...string[]], channel: ServerChannel): void {
  const child = spawn(program, args, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  for (const stream of [channel, child.stdin, child.stdout, child.stderr]) stream.on("error", () => {});
  child.on("close", (code, signal) => {
    if (signal === null) channel.exit(code ?? 127);
    else channel.exit(signal.slice("SIG".length));
    channel.end();
  });
}

/** Forwards to a port, as sshd does. */
export function forwardTo(accept: () => ServerChannel, _reject: () => void, port: number): void {
  const socket = connect(port, "127.0.0.1");
  socket
    .on("error", () => {})
    .on("connect", () => {
      const channel = accept();
      channel.on("error", () => {});
      channel.pipe(socket).pipe(channel);
    });
}
