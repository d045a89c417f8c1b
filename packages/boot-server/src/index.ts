export type { BootCore } from "./core/api.ts";
export { type BootCoreOptions, openBootCore } from "./service/open-boot-core.ts";
export { type GrpcServer, type GrpcServerOptions, startGrpcServer } from "./grpc/server.ts";
export { initTls, type InitTlsOptions, type InitTlsResult } from "./tls/init-tls.ts";
