import type { ConvergeRequest, Context } from "@nixops4-providers/provider-sdk";
import { runScript, withConnection } from "@nixops4-providers/ssh-client";
import { copyClosure } from "./copy.ts";
import { withoutNix } from "./observe.ts";
import { IS_VALID } from "./scripts.ts";
import type { Inputs, Outputs } from "./resources/closure.ts";

export async function convergeClosure(
  inputs: ConvergeRequest<Inputs, Outputs>["inputs"],
  context: Context,
): Promise<Outputs> {
  const { connection, path, sudo } = inputs;
  return withConnection(connection, context, async (ssh) => {
    const doing = `look for ${path}`;
    const script = { script: IS_VALID, args: [path], sudo, timeoutSeconds: 60, doing };
    const answer = (await runScript(ssh, script)).stdout.toString().trim();
    if (answer === "no-nix") throw withoutNix(ssh.label);
    if (answer !== "yes") await copyClosure(ssh, path, inputs, context);
    return { path };
  });
}
