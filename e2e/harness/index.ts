export { binFolder, builtProvider } from "./built-provider.ts";
export { runCli, type CliOutput } from "./cli.ts";
export { applyDeployment, type ApplyOptions } from "./deployment.ts";
export type { Evaluator, KnownOutputs, MemberPath, ResourceInfo, Step } from "./evaluator.ts";
export {
  graph,
  type Input,
  type Json,
  type Member,
  type Members,
  type MemberView,
  type View,
} from "./graph.ts";
export { nixEvaluator, type NixEvaluatorOptions } from "./nix-evaluator.ts";
export type { ExtantResource, Properties, StateEvent, UpdateRequest } from "./protocol.ts";
export { ProviderProcess, type ProviderProcessOptions } from "./provider-process.ts";
export { ApplyError, type Action, type ApplyEvent, type MemberResult } from "./results.ts";
export { evaluateNix, NixError, toNix, type NixOptions } from "./run-nix.ts";
export { createResource, runOperation } from "./run-operation.ts";
export { timeSince } from "@nixops4-providers/test-servers";
export { refusedInputs } from "./violations.ts";
