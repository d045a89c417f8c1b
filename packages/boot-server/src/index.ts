export type { BootCore } from "./core/api.ts";
export { type BootCoreOptions, openBootCore } from "./service/open-boot-core.ts";
export { type GrpcEdge, type GrpcEdgeOptions, startGrpcEdge } from "./grpc/server.ts";
export { filesUnder } from "./tftp/files-under.ts";
export {
  startTftpServer,
  type TftpEvent,
  type TftpLimits,
  type TftpServer,
  type TftpServerOptions,
  type TftpStats,
} from "./tftp/server.ts";
export { initTls, type InitTlsOptions, type InitTlsResult } from "./tls/init-tls.ts";
