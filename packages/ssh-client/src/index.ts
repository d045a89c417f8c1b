export { ConnectError, type ConnectFailure } from "./connect-error.ts";
export { connect, withConnection } from "./connect.ts";
export { connectOver } from "./connect-over.ts";
export { connectToUnverifiedHost } from "./connect-to-unverified-host.ts";
export { checkConnection, type ConnectionSettings, connectionSchema } from "./connection-schema.ts";
export { plainHostKey } from "./known-hosts.ts";
export { readBootId } from "./read-boot-id.ts";
export {
  type FiniteScript,
  openScript,
  runScript,
  type Script,
  type ScriptResult,
} from "./script/run-script.ts";
export { ScriptError, type ScriptFailure } from "./script/script-error.ts";
export { SshConnection } from "./ssh-connection.ts";
export { waitForSsh } from "./wait-for-ssh.ts";
