export { type BootClient, type BootTarget, type CallOptions, connectBootService } from "./client.ts";
export { BootServiceError, type StatusName } from "./errors.ts";
export type * from "./generated/messages.js";
export { bootServiceDefinition } from "./generated/service.ts";
