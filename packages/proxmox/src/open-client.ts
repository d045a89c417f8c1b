import type { Context } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "./client/client.ts";
import type { Connection } from "./connection.ts";

export async function openClient(connection: Connection, context: Context): Promise<PveClient> {
  const [{ PveClient }, secret] = await Promise.all([
    import("./client/client.ts"),
    context.key(connection.tokenSecret, "the secret of the API token"),
  ]);
  return new PveClient(connection, secret.trim(), context);
}
