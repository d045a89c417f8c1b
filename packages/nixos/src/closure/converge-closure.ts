import type { ConvergeRequest, Context } from "@nixops4-providers/provider-sdk";
import { runScript, withConnection } from "@nixops4-providers/ssh-client";
import { copyClosure } from "../copy/copy.ts";
import { withoutNix } from "../without-nix.ts";
import isValid from "./is-valid.sh";
import type { Inputs, Outputs } from "./schema.ts";

export async function convergeClosure(
  { inputs }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const { connection, path, sudo } = inputs;
  return withConnection(connection, context, async (ssh) => {
    const doing = `look for ${path}`;
    const script = { script: isValid, args: [path], sudo, timeoutSeconds: 60, doing };
    const answer = (await runScript(ssh, script)).stdout.toString().trim();
    if (answer === "no-nix") throw withoutNix(ssh.label);
    if (answer !== "yes") await copyClosure(ssh, path, inputs, context);
    return { path };
  });
}
