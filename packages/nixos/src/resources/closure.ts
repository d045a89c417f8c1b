import { converge, defineResource, fields, Type, type Static } from "@nixops4-providers/provider-sdk";
import { checkConnection, connectionSchema } from "@nixops4-providers/ssh-client";
import { checkStorePath } from "../store-path.ts";
import { copyTimeoutField, substituteField, sudoField } from "./common-fields.ts";
import docs from "./closure.md";

const inputs = fields({
  connection: connectionSchema,
  path: Type.String({ description: "The store path. It and all that it refers to is copied." }),
  sudo: sudoField("the Nix daemon that receives the closure"),
  substituteOnDestination: substituteField,
  timeoutSeconds: copyTimeoutField,
});

const outputs = fields({
  path: Type.String({ description: "The store path, which the host now has." }),
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

export const closure = defineResource({
  type: "closure",
  description:
    "Copies a store path, and all that it refers to, from the deploying machine to the Nix store of a host. What is " +
    "there already is not sent again. Nothing keeps the path from being garbage collected.",
  docs,
  stateful: false,
  inputs,
  outputs,
  check: ({ connection, path }: Inputs) => [...checkConnection(connection), ...checkStorePath(path, "path")],
  ...converge<Inputs, Outputs>(async ({ inputs }, context) => {
    const { convergeClosure } = await import("../converge-closure.ts");
    return convergeClosure(inputs, context);
  }),
});
