export type { OpenFile } from "./block-reader.ts";
export { filesUnder } from "./files-under.ts";
export {
  startTftpServer,
  type TftpEvent,
  type TftpLimits,
  type TftpListen,
  type TftpServer,
  type TftpServerOptions,
  type TftpStats,
} from "./tftp-server.ts";
export type { TftpPeer } from "./transfer.ts";
