import type { Context } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "./client/client.ts";
import type { ApiAccess } from "./api-access.ts";

/** Reads the secret of the token and returns a client, which the caller closes. */
export async function openClient(access: ApiAccess, context: Context): Promise<PveClient> {
  const [{ PveClient }, secret] = await Promise.all([
    import("./client/client.ts"),
    context.key(access.tokenSecret, "the secret of the API token"),
  ]);
  return new PveClient(access, secret.trim(), context);
}
