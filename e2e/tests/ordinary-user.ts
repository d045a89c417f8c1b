import { spawnSync } from "node:child_process";

const user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
const reads = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"];
const command = ["setpriv", ...user, ...reads];

/**
 * What runs a command as an ordinary user who may read, but not write, what is root's: the clone may be in /root. Empty
 * where we cannot become one.
 */
export const asNobody = spawnSync(command[0]!, [...command.slice(1), "true"]).status === 0 ? command : [];
