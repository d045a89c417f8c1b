// Checks whether a task can run, before anything is installed. Plain JavaScript, because tsx is not installed yet.
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

/** Returns why a task cannot run here, and what to do; `undefined` when it can. */
export function findObstacle(root, task, args) {
  return (isMachineDemo(task, args) ? machineDemo() : undefined) ?? temporaryFolder() ?? otherOwner(root);
}

/** Returns why npm and pnpm cannot install here, and what to do; `undefined` when they can. */
export function findInstallObstacle() {
  const home = homedir();
  if (isWritable(home)) return undefined;
  return `your home folder ${home} cannot be written to, and npm keeps its cache there: set HOME to a folder that you can write to`;
}

function temporaryFolder() {
  const folder = tmpdir();
  if (isWritable(folder)) return undefined;
  const what = existsSync(folder) ? "cannot be written to" : "does not exist";
  return `the folder for temporary files, ${folder}, ${what}: create it, or set TMPDIR to one that you can write to`;
}

/** Finds a folder that the user cannot write to, for example after a build as root. */
function otherOwner(root) {
  const folders = [".", "node_modules", "dist", "dist/bin", ".cache"].map((name) => join(root, name));
  const folder = folders.find((name) => existsSync(name) && !isWritable(name));
  if (folder === undefined) return undefined;
  const why = `${folder} belongs to user ${statSync(folder).uid}, and you cannot write to it`;
  return `${why}: run \`sudo chown -R ${process.getuid()} '${root}'\`, or use a clone of your own`;
}

function isMachineDemo(task, args) {
  const wanted = args.includes("--machine") || process.env.npm_config_machine === "true";
  return task === "demo" && wanted && !args.includes("--help");
}

function machineDemo() {
  const { platform, arch } = process;
  if (platform !== "linux" || arch !== "x64" || !existsSync("/etc/debian_version")) {
    return "--machine runs on Debian 12 on x86_64 only: run the demo without it";
  }
  if (process.getuid() === 0) return undefined;
  return "--machine makes network namespaces and installs Debian packages: run it as root";
}

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}
