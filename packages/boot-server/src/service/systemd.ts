import { readFileSync, readlinkSync } from "node:fs";
import { runProcess } from "@nixops4-providers/provider-sdk";

/** The descriptors of sockets from systemd, by name (sd_listen_fds_with_names(3)). */
export interface HandedSockets {
  tftp?: number;
  http?: number;
  grpc?: number;
}

const FIRST_DESCRIPTOR = 3;
const NAMES = ["tftp", "http", "grpc"] as const;

/** Returns the sockets from systemd. Removes their variables from the environment, so that children do not use them. */
export function takeHandedSockets(env: NodeJS.ProcessEnv, pid: number): HandedSockets {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = "" } = env;
  delete env["LISTEN_PID"];
  delete env["LISTEN_FDS"];
  delete env["LISTEN_FDNAMES"];
  if (LISTEN_PID !== String(pid)) return {};
  const names = LISTEN_FDNAMES.split(":");
  const sockets: HandedSockets = {};
  for (let index = 0; index < Number(LISTEN_FDS); index++) {
    const name = NAMES.find((known) => known === names[index]);
    if (name === undefined) {
      throw new Error(
        `systemd handed over a socket named ${JSON.stringify(names[index] ?? "")}: ` +
          `set FileDescriptorName= of its .socket unit to one of ${NAMES.join(", ")}`,
      );
    }
    sockets[name] = FIRST_DESCRIPTOR + index;
  }
  return sockets;
}

/** Returns whether a UDP socket is IPv6. Node cannot find out itself. */
export function isUdp6(fd: number): boolean {
  const inode = /\d+/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[0];
  const inodes = readFileSync("/proc/self/net/udp6", "latin1")
    .split("\n")
    .map((line) => line.trim().split(/\s+/)[9]);
  return inodes.includes(inode);
}

/** Notifies the service manager if NOTIFY_SOCKET is set. Uses systemd-notify(1), because Node has no unix datagram sockets. */
export async function notifyServiceManager(...state: string[]): Promise<void> {
  if (process.env["NOTIFY_SOCKET"] === undefined) return;
  await runProcess("systemd-notify", state, { timeoutSeconds: 10 });
}
