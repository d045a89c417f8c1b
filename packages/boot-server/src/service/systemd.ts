import { readFileSync, readlinkSync } from "node:fs";
import { runProcess } from "@nixops4-providers/provider-sdk";

/** Sockets that systemd has opened for us: descriptors by name (sd_listen_fds_with_names(3)). */
export interface HandedSockets {
  tftp?: number;
  http?: number;
  grpc?: number;
}

const FIRST_DESCRIPTOR = 3;
const NAMES = ["tftp", "http", "grpc"] as const;

/** Takes the sockets out of the environment, so that no child believes they are for it. */
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

/** Whether a UDP socket is of IPv6, which Node has to be told. */
export function isUdp6(fd: number): boolean {
  const inode = /\d+/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[0];
  const inodes = readFileSync("/proc/self/net/udp6", "latin1")
    .split("\n")
    .map((line) => line.trim().split(/\s+/)[9]);
  return inodes.includes(inode);
}

/** Tells the service manager, where there is one that wants to know. Node cannot send to its kind of socket. */
export async function notifyServiceManager(...state: string[]): Promise<void> {
  if (process.env["NOTIFY_SOCKET"] === undefined) return;
  await runProcess("systemd-notify", state, { timeoutSeconds: 10 });
}
