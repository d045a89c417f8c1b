import { runScript } from "./script/run-script.ts";
import type { SshConnection } from "./ssh-connection.ts";

/** Returns the boot id, which changes with each boot of the host; `null` when the system has none. */
export async function readBootId(ssh: SshConnection, timeoutSeconds: number): Promise<string | null> {
  const { default: script } = await import("./read-boot-id.sh");
  const { stdout } = await runScript(ssh, { script, timeoutSeconds, doing: "read the boot id" });
  const bootId = stdout.toString("utf8").trim();
  return bootId === "" ? null : bootId;
}
