export { ConnectError, type ConnectFailure } from "./connect-error.ts";
export { connect, withConnection } from "./connect.ts";
export { connectOver } from "./connect-over.ts";
export { connectToStranger } from "./connect-to-stranger.ts";
export { checkConnection, type Connection, connectionSchema } from "./connection-schema.ts";
export { type ExecOptions, type ExecResult, RemoteCommandError } from "./exec.ts";
export { shellQuote } from "./shell-quote.ts";
export { SshConnection } from "./ssh-connection.ts";
export { waitForSsh } from "./wait-for-ssh.ts";
