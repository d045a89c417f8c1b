import { readFile, stat } from "node:fs/promises";
import type { BootCore } from "../core/api.ts";
import {
  startTftpServer,
  type OpenFile,
  type TftpEvent,
  type TftpListen,
  type TftpServer,
} from "@nixops4-providers/tftp-server";

export interface TftpEdgeOptions {
  core: Pick<BootCore, "sighted">;
  listen: TftpListen;
  /** The network boot programs: files by the name under which they are asked for. */
  nbps: ReadonlyMap<string, string>;
  /** What iPXE gets as `boot.ipxe` and `autoexec.ipxe`, for the machine at an address. */
  script: (address: string) => Promise<string>;
  maxTransfers?: number | undefined;
  onEvent?: ((event: TftpEvent) => void) | undefined;
  /** Told of what the operator should know and no client is told. */
  log?: ((message: string) => void) | undefined;
}

type Content = () => Promise<Buffer>;

/** Firmware has given up by then. */
const OPEN_TIMEOUT_MS = 10_000;
const SCRIPT_NAMES = ["boot.ipxe", "autoexec.ipxe"];
const MAX_SHOWN_NAME = 80;

/** Serves the boot programs and iPXE's first script by TFTP, and tells the core what machines fetch. */
export async function startTftpEdge(options: TftpEdgeOptions): Promise<TftpServer> {
  const { core, listen, nbps, script, maxTransfers, onEvent, log } = options;
  const programs = new Map([...nbps].map(([name, file]) => [name.toLowerCase(), cachedFile(file)]));
  return startTftpServer({
    ...listen,
    limits: maxTransfers === undefined ? {} : { maxTransfers },
    open: async (filename, { address }) => {
      const name = plainName(filename);
      const isScript = SCRIPT_NAMES.includes(name);
      const content = isScript ? async () => Buffer.from(await script(address)) : programs.get(name);
      return content && inMemory(await withDeadline(content()));
    },
    onEvent: (event) => {
      const sighting = sightingOf(event);
      if (sighting !== undefined) core.sighted({ address: withoutMapping(event.peer.address), ...sighting });
      onEvent?.(event);
    },
    log,
  });
}

/** Firmware asks with and without a slash in front, and some with backslashes or in capitals. */
function plainName(filename: string): string {
  return filename.replaceAll("\\", "/").replace(/^\/+/, "").toLowerCase();
}

/** The file as it is now: read again when it has changed, and shared by all who fetch it meanwhile. */
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

/** A file system that hangs must not keep a session for ever. */
async function withDeadline<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const error = new Error(`nothing could be read within ${OPEN_TIMEOUT_MS / 1000} s`);
    timer = setTimeout(() => reject(error), OPEN_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function sightingOf(event: TftpEvent) {
  // Not even a request: no firmware sends that.
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

function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
