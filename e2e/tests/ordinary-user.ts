import { spawnSync } from "node:child_process";

const user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
const reads = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"];
const command = ["setpriv", ...user, ...reads];

/**
 * A command that runs another one as an ordinary user who can read root's files, since the clone may be in /root, but
 * cannot write them. Empty when this process cannot become another user.
 */
export const asNobody = spawnSync(command[0]!, [...command.slice(1), "true"]).status === 0 ? command : [];
