export { filesUnder } from "./tftp/files-under.ts";
export {
  startTftpServer,
  type TftpEvent,
  type TftpLimits,
  type TftpServer,
  type TftpServerOptions,
  type TftpStats,
} from "./tftp/server.ts";
