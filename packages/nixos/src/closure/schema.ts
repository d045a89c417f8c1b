import { fields, sudoField, Type, type Static, type Violation } from "@nixops4-providers/provider-sdk";
import { checkConnection, connectionSchema } from "@nixops4-providers/ssh-client";
import { copyTimeoutField, substituteField } from "../common-fields.ts";
import { checkStorePath } from "../store-path.ts";

export const inputs = fields({
  connection: connectionSchema,
  path: Type.String({ description: "The store path to copy, with its closure." }),
  sudo: sudoField("the Nix daemon that receives the closure runs"),
  substituteOnDestination: substituteField,
  timeoutSeconds: copyTimeoutField,
});

export const outputs = fields({
  path: Type.String({ description: "The copied store path." }),
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

/** What the schema cannot say. */
export function check({ connection, path }: Inputs): Violation[] {
  return [...checkConnection(connection), ...checkStorePath(path, "path")];
}
