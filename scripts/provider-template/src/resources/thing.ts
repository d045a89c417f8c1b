import { converge, defineResource, fields, Type, type Static } from "@nixops4-providers/provider-sdk";
import docs from "./thing.md";

const inputs = fields({
  name: Type.String({ minLength: 1, description: "The name of the thing." }),
  sizeGiB: Type.Integer({ minimum: 1, default: 1, description: "Its size in GiB." }),
});

const outputs = fields({
  id: Type.String({ description: "The ID by which the service knows the thing." }),
});

export const thing = defineResource({
  type: "thing",
  description: "A thing of the template service.",
  docs,
  stateful: false,
  inputs,
  outputs,
  ...converge<Static<typeof inputs>, Static<typeof outputs>>(async ({ inputs }, context) => {
    // Observe the current state, ensure the wanted one, sync, return the outputs.
    context.log.debug(`a thing of ${inputs.sizeGiB} GiB`);
    return { id: `thing-${inputs.name}` };
  }),
});
