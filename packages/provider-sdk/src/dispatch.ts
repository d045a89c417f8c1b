import { contractsOf, type Contract } from "./contracts.ts";
import { createContext } from "./context.ts";
import { describeError, ProviderError } from "./errors.ts";
import { debugging } from "./log.ts";
import { eachSensitive, normalize } from "./normalize.ts";
import { printable } from "./printable.ts";
import { parseRequest, type Request, type Response } from "./protocol.ts";
import { Redactor } from "./redactor.ts";
import { completeOutputs, outputViolations } from "./release.ts";
import type { Provider, ResourceType } from "./resource.ts";
import { pathViolations, refuse, violationsOf } from "./violations.ts";

type Properties = Record<string, unknown>;

/** Answers one line of input. Never throws: an error becomes an `errorResponse`. */
export async function answer(provider: Provider, line: string, signal: AbortSignal): Promise<Response> {
  const redactor = new Redactor();
  try {
    return await handle(provider, parseRequest(line), signal, redactor);
  } catch (error) {
    const text = redactor.redact(describeError(error, { stack: debugging }));
    return { errorResponse: { message: printable(text) } };
  }
}

async function handle(
  provider: Provider,
  request: Request,
  signal: AbortSignal,
  redactor: Redactor,
): Promise<Response> {
  const type = request.kind === "create" ? request.type : request.resource.type;
  const resource = provider.resources.find((candidate) => candidate.type === type);
  if (resource === undefined) {
    const known = provider.resources.map((candidate) => candidate.type).join(", ");
    throw new ProviderError(`unknown resource type "${type}": the ${provider.name} provider has ${known}`);
  }
  const isStateful = request.kind === "create" ? request.isStateful : request.kind === "update";
  const context = createContext({ provider: provider.name, type, isStateful, signal, redactor });
  const { inputs: inputContract, outputs: outputContract } = await contractsOf(resource);
  const accept = (given: Properties) => acceptInputs(resource, inputContract, given, redactor);
  const release = (outputs: Properties) => releaseOutputs(resource, outputContract, outputs, redactor);
  const alone = async (inputs: Properties, work: () => Promise<Properties>) => {
    if (resource.waitsForOrphans !== true) return work();
    const { afterOrphans } = await import("./orphans.ts");
    return afterOrphans([provider.name, type, inputs], context, work);
  };
  context.log.debug(`${request.kind} request`);

  switch (request.kind) {
    case "create": {
      if (resource.stateful && !isStateful) {
        throw new ProviderError(`${type} resources require state (isStateful must be true)`, {
          hint: "Set the member's `state` to a resource that stores state, such as local.state_file.",
        });
      }
      const inputs = accept(request.inputProperties);
      const outputs = await alone(inputs, () => resource.create({ inputs, previous: undefined }, context));
      return { createResourceResponse: { outputProperties: release(outputs) } };
    }
    case "update": {
      const { update } = resource;
      if (update === undefined) {
        throw new ProviderError(`Internal error: update called on stateless ${type} resource`, {
          hint: "Remove `state` from this member: its type keeps none.",
        });
      }
      const previous = {
        inputs: normalize(inputContract.schema, request.resource.inputProperties) as Properties,
        outputs: normalize(outputContract.schema, request.resource.outputProperties ?? {}) as Properties,
      };
      eachSensitive(inputContract.schema, previous.inputs, (secret) => redactor.add(secret));
      eachSensitive(outputContract.schema, previous.outputs, (secret) => redactor.add(secret));
      const inputs = accept(request.inputProperties);
      const outputs = await alone(inputs, () => update({ inputs, previous }, context));
      return { updateResourceResponse: { outputProperties: release(outputs) } };
    }
    case "stateRead": {
      const inputs = accept(request.resource.inputProperties);
      return { stateResourceReadResponse: { state: await stateOf(resource).read(inputs, context) } };
    }
    case "stateEvent": {
      const inputs = accept(request.resource.inputProperties);
      await stateOf(resource).event(inputs, request.event, context);
      return { stateResourceEventResponse: {} };
    }
  }
}

function acceptInputs(resource: ResourceType, contract: Contract, given: Properties, redactor: Redactor) {
  const inputs = normalize(contract.schema, given) as Properties;
  eachSensitive(contract.schema, inputs, (secret) => redactor.add(secret));
  let violations = violationsOf(contract, inputs);
  if (violations.length === 0) violations = resource.check?.(inputs) ?? [];
  violations = [...violations, ...pathViolations(contract.schema, inputs)];
  if (violations.length > 0) throw refuse(`invalid inputs for resource type ${resource.type}`, violations);
  return inputs;
}

function releaseOutputs({ type }: ResourceType, contract: Contract, given: Properties, redactor: Redactor) {
  const outputs = completeOutputs(contract, given);
  eachSensitive(contract.schema, outputs, (secret) => redactor.add(secret));
  const violations = outputViolations(contract, outputs);
  if (violations.length === 0) return outputs;
  throw refuse(`the outputs of the ${type} resource cannot be returned to nixops4`, violations);
}

function stateOf(resource: ResourceType): NonNullable<ResourceType["state"]> {
  if (resource.state !== undefined) return resource.state;
  throw new ProviderError(`a ${resource.type} resource does not store state`, {
    hint: "Point the `state` of other members at a resource that does, such as local.state_file.",
  });
}
