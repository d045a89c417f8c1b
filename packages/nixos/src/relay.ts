import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";

/** Lets Nix, which insists on running a program called `ssh`, talk through a connection that is there already. */
export interface Relay {
  /** For the environment of Nix. */
  env: Record<string, string>;
  close(): Promise<void>;
}

/**
 * Nix runs `ssh HOST ... nix-daemon --stdio`. Newer versions (SSHMaster::startCommand) also ask for a LocalCommand and
 * wait for its word, and ask by \`-O check\` for a shared connection, which there is none of.
 */
const SHIM = `
const args = process.argv.slice(2);
if (args.includes("-O")) process.exit(255);
const socket = require("node:net").connect(process.env.NIXOPS4_RELAY_SOCKET, () => {
  if (args.includes("-oLocalCommand=echo started")) process.stdout.write("started\\n");
  // From now on an error is an end: who listens there knows more of it.
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

/** Each run of the shim gets a stream of its own from `open`. */
export async function startRelay(
  open: () => Promise<Duplex>,
  onError: (error: unknown) => void,
): Promise<Relay> {
  // Others cannot enter a folder from mkdtemp: it has mode 0700.
  const folder = await mkdtemp(join(tmpdir(), "nixops4-relay-"));
  const socketPath = join(folder, "socket");
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
    await writeFile(join(folder, "shim.cjs"), SHIM);
    await writeFile(join(folder, "ssh"), '#!/bin/sh\nexec "$NIXOPS4_RELAY_NODE" "${0%/*}/shim.cjs" "$@"\n');
    await chmod(join(folder, "ssh"), 0o700);
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
