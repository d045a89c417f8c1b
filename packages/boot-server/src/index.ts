export type { BootCore } from "./core/api.ts";
export { type BootCoreOptions, openBootCore } from "./service/open-boot-core.ts";
export { type GrpcEdge, type GrpcEdgeOptions, startGrpcEdge } from "./grpc/server.ts";
export { initTls, type InitTlsOptions, type InitTlsResult } from "./tls/init-tls.ts";
