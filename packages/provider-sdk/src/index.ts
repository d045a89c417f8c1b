export type { Static } from "typebox/type";
export { commandFields, commandOperations, jsonOutput } from "./command-type.ts";
export type { Context } from "./context.ts";
export { describeError, ProviderError } from "./errors.ts";
export { refuseExposedFile } from "./exposed-file.ts";
export { bareHost, hostProblem } from "./host-address.ts";
export { type JsonSchema, takesExactlyOne } from "./json-schema.ts";
export { LineTail } from "./line-tail.ts";
export { warnOfStoreCopy } from "./nix-store-copy.ts";
export type { Log } from "./log.ts";
export { normalize } from "./normalize.ts";
export { addressesOf, NEXT_ADDRESS_SECONDS, openTcp } from "./open-tcp.ts";
export { privateFolder } from "./private-folder.ts";
export type { Progress } from "./progress.ts";
export { Redactor } from "./redactor.ts";
export { runProcess, startProcess, type RunOptions, type RunResult } from "./process.ts";
export {
  converge,
  defineProvider,
  defineResource,
  type ConvergeRequest,
  type Provider,
  type ResourceType,
  type StateEvent,
  type StateStore,
  type Violation,
} from "./resource.ts";
export { retryUntil } from "./retry.ts";
export {
  ensureField,
  exactlyOne,
  fields,
  nullable,
  secondsField,
  secretRef,
  type SecretRef,
  sensitive,
  sudoField,
} from "./schema.ts";
export { answer } from "./dispatch.ts";
export { serve } from "./serve.ts";
export { sleep, startTimer, timeoutSignal, timerMs, withDeadline } from "./timers.ts";
export { Type } from "./type.ts";
export { pathViolations, refuse, violationsOf } from "./violations.ts";
