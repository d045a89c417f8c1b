import { readFile, stat } from "node:fs/promises";
import { withDeadline } from "@nixops4-providers/provider-sdk";
import type { BootCore } from "../core/api.ts";
import { withoutMapping } from "../core/ip-address.ts";
import {
  startTftpServer,
  type OpenFile,
  type TftpEvent,
  type TftpListen,
  type TftpServer,
} from "@nixops4-providers/tftp-server";

export interface BootFileServerOptions {
  core: Pick<BootCore, "sighted">;
  listen: TftpListen;
  /** The paths of the network boot programs, by the name that machines request. */
  nbps: ReadonlyMap<string, string>;
  /** Returns the script for the machine at an IP address. iPXE requests it as `boot.ipxe` or `autoexec.ipxe`. */
  script: (address: string) => Promise<string>;
  maxTransfers?: number | undefined;
  onEvent?: ((event: TftpEvent) => void) | undefined;
  /** Receives messages for the operator that no client gets. */
  log?: ((message: string) => void) | undefined;
}

type Content = () => Promise<Buffer>;

/** Firmware gives up sooner. A file system that hangs must not hold a transfer forever. */
const READ_TIMEOUT_SECONDS = 10;
const SCRIPT_NAMES = ["boot.ipxe", "autoexec.ipxe"];
const MAX_SHOWN_NAME = 80;

/** Starts a TFTP server for the boot programs and iPXE's first script. Reports to the core what machines download. */
export async function startBootFileServer(options: BootFileServerOptions): Promise<TftpServer> {
  const { core, listen, nbps, script, maxTransfers, onEvent, log } = options;
  const programs = new Map([...nbps].map(([name, file]) => [name.toLowerCase(), cachedFile(file)]));
  return startTftpServer({
    ...listen,
    limits: maxTransfers === undefined ? {} : { maxTransfers },
    open: async (filename, { address }) => {
      const name = plainName(filename);
      const isScript = SCRIPT_NAMES.includes(name);
      const content = isScript ? async () => Buffer.from(await script(address)) : programs.get(name);
      return (
        content && inMemory(await withDeadline(content(), READ_TIMEOUT_SECONDS, "nothing could be read"))
      );
    },
    onEvent: (event) => {
      const sighting = sightingOf(event);
      if (sighting !== undefined) core.sighted({ address: withoutMapping(event.peer.address), ...sighting });
      onEvent?.(event);
    },
    log,
  });
}

/** Returns the name without leading slashes and in lower case. Some firmware sends backslashes or capitals. */
function plainName(filename: string): string {
  return filename.replaceAll("\\", "/").replace(/^\/+/, "").toLowerCase();
}

/** Returns a function that reads a file, and reads it again only after it has changed. Concurrent transfers share it. */
function cachedFile(path: string): Content {
  let version = "";
  let content: Promise<Buffer>;
  return async () => {
    const { mtimeMs, size, ino } = await stat(path);
    const current = [mtimeMs, size, ino].join(" ");
    if (current !== version) {
      content = readFile(path);
      version = current;
      content.catch(() => (version = ""));
    }
    return content;
  };
}

function inMemory(bytes: Buffer): OpenFile {
  return {
    size: bytes.length,
    read: async (offset) => bytes.subarray(offset),
    close: async () => {},
  };
}

function sightingOf(event: TftpEvent) {
  // The packet was no TFTP request, so it did not come from firmware.
  if (event.filename === undefined) return undefined;
  const name = shownName(event.filename);
  const download = (sent: number, size: number) => ({ name, sent, size });
  switch (event.kind) {
    case "request":
      return { text: `Asks for ${name} by TFTP` };
    case "size-probe":
      return { text: `Asked for the size of ${name} by TFTP`, problem: "size-probe" as const };
    case "progress":
      return { text: `Fetches ${name} by TFTP`, download: download(event.bytes, event.size) };
    case "finished":
      return { text: `Has fetched ${name} by TFTP`, download: download(event.bytes, event.bytes) };
    case "failed":
      return { text: `Did not get ${name} by TFTP: ${event.reason}` };
  }
}

function shownName(filename: string): string {
  const printable = filename.replaceAll(/[^\x20-\x7e]/g, "?");
  return printable.length > MAX_SHOWN_NAME ? `${printable.slice(0, MAX_SHOWN_NAME)}…` : printable;
}
