import type { ConvergeRequest, Context } from "@nixops4-providers/provider-sdk";
import { shellQuote, withConnection } from "@nixops4-providers/ssh-client";
import { copyClosure } from "./copy.ts";
import type { Inputs, Outputs } from "./resources/closure.ts";

export async function convergeClosure(
  inputs: ConvergeRequest<Inputs, Outputs>["inputs"],
  context: Context,
): Promise<Outputs> {
  const { connection, path, sudo } = inputs;
  return withConnection(connection, context, async (ssh) => {
    const check = shellQuote(["nix-store", "--check-validity", path]);
    const { exitCode } = await ssh.exec(check, { sudo, timeoutSeconds: 60 });
    if (exitCode !== 0) await copyClosure(ssh, path, inputs, context);
    return { path };
  });
}
