import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Duplex } from "node:stream";
import { describeError, ProviderError, runProcess } from "@nixops4-providers/provider-sdk";

const SOCKET = "socket";
/** The limit of macOS; Linux allows four bytes more. */
const LONGEST_SOCKET_PATH = 103;
/** Folders for temporary files, besides TMPDIR and XDG_RUNTIME_DIR. */
const TEMPORARY_FOLDERS = ["/tmp", "/var/tmp", "/dev/shm"];

/** Connects Nix, which always runs a program called `ssh`, through an existing connection. */
export interface Relay {
  /** Variables for the environment of Nix. */
  env: Record<string, string>;
  close(): Promise<void>;
}

/**
 * Nix runs `ssh HOST ... nix-daemon --stdio`. Newer versions (SSHMaster::startCommand) also set a LocalCommand and
 * wait for its output, and look for a shared connection with `-O check`, of which there is none.
 */
const SHIM = `
const args = process.argv.slice(2);
if (args.includes("-O")) process.exit(255);
const socket = require("node:net").connect(process.env.NIXOPS4_RELAY_SOCKET, () => {
  if (args.includes("-oLocalCommand=echo started")) process.stdout.write("started\\n");
  // From now on, an error only ends the program: the relay reports it.
  socket.removeAllListeners("error").on("error", () => process.exit());
  process.stdin.pipe(socket).pipe(process.stdout);
});
socket.on("error", (error) => {
  process.stderr.write(error.message + "\\n");
  process.exit(255);
});
socket.on("close", () => process.exit());
process.stdout.on("error", () => process.exit());
`;

const PROBE = "can-you-be-run";
const SSH = `#!/bin/sh
[ "$1" != ${PROBE} ] || exit 0
exec "$NIXOPS4_RELAY_NODE" "\${0%/*}/shim.cjs" "$@"
`;

function temporaryFolders(): string[] {
  return [tmpdir(), process.env["XDG_RUNTIME_DIR"] ?? "/tmp", ...TEMPORARY_FOLDERS];
}

/** Makes a folder with the program `ssh`, in the first usable folder for temporary files. */
export async function makeProgramFolder(parents = temporaryFolders()): Promise<string> {
  const problems: string[] = [];
  for (const parent of new Set(parents)) {
    try {
      return await makeProgram(resolve(parent));
    } catch (error) {
      problems.push(`${parent}: ${describeError(error)}`);
    }
  }
  throw new ProviderError(`no folder for temporary files can be used:\n${problems.join("\n")}`, {
    hint: "Set TMPDIR to a folder with a short path, on a file system that is not mounted with noexec.",
  });
}

async function makeProgram(parent: string): Promise<string> {
  if (parent.includes(":")) throw new Error("its path has a colon, which PATH cannot contain");
  const prefix = join(parent, "nixops4-relay-");
  // The system truncates a longer path, and would make the socket elsewhere.
  if (Buffer.byteLength(`${prefix}XXXXXX/${SOCKET}`) > LONGEST_SOCKET_PATH) {
    throw new Error("its path is too long for a socket");
  }
  await refuseExposed(parent);
  // mkdtemp makes the folder with mode 0700, so other users cannot enter it.
  const folder = await mkdtemp(prefix);
  try {
    const program = join(folder, "ssh");
    await writeFile(join(folder, "shim.cjs"), SHIM);
    await writeFile(program, SSH, { mode: 0o700 });
    // If this program cannot be executed, Nix would run the next `ssh` on its PATH.
    await runProcess(program, [PROBE], { timeoutSeconds: 60 });
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Refuses a folder where another user could replace the program, such as that user's TMPDIR, which `sudo -E` keeps. */
async function refuseExposed(folder: string): Promise<void> {
  const { uid, mode } = await stat(folder);
  const isOwn = uid === 0 || uid === process.getuid?.();
  if (!isOwn || ((mode & 0o022) !== 0 && (mode & 0o1000) === 0))
    throw new Error("another user can change it");
}

/** Starts a relay. `open` is called for the stream of each run of the shim. */
export async function startRelay(
  open: () => Promise<Duplex>,
  onError: (error: unknown) => void,
): Promise<Relay> {
  const folder = await makeProgramFolder();
  const socketPath = join(folder, SOCKET);
  const streams = new Set<Duplex>();
  const keep = <T extends Duplex>(stream: T): T => {
    streams.add(stream);
    stream.on("close", () => streams.delete(stream));
    return stream;
  };
  const connectThrough = async (local: Duplex) => {
    keep(local).on("error", () => {});
    try {
      const remote = keep(await open());
      remote.on("error", () => local.destroy()).on("close", () => local.end());
      local.on("close", () => remote.end());
      local.pipe(remote).pipe(local);
    } catch (error) {
      onError(error);
      local.destroy();
    }
  };
  const server = createServer((local) => void connectThrough(local));
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(socketPath, resolve);
    });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    env: {
      PATH: `${folder}:${process.env["PATH"] ?? ""}`,
      NIX_SSHOPTS: "",
      NODE_OPTIONS: "",
      NIXOPS4_RELAY_NODE: process.execPath,
      NIXOPS4_RELAY_SOCKET: socketPath,
    },
    async close() {
      for (const stream of streams) stream.destroy();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
