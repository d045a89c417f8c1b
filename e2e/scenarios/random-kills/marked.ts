import { processFile, processIds } from "../../lab/processes.ts";

const NAME = "NIXOPS4_RANDOM_KILLS";

/** An environment by which processes are recognized, whatever has started them. */
export const mark: Readonly<Record<string, string>> = { [NAME]: String(process.pid) };

/** Whether a process runs and has the mark. One that has ended, and was not waited for, has no environment any more. */
function isMarked(pid: number): boolean {
  return processFile(pid, "environ").split("\0").includes(`${NAME}=${mark[NAME]}`);
}

/** The command lines of all processes with the mark, by process ID. */
export function markedProcesses(): Map<number, string> {
  return new Map(
    processIds()
      .filter(isMarked)
      .map((pid) => [pid, processFile(pid, "cmdline").replaceAll("\0", " ").trim()]),
  );
}

/** Sends a signal to a process with the mark. Returns whether the process still existed. */
export function signalMarked(pid: number, signal: NodeJS.Signals): boolean {
  if (!isMarked(pid)) return false;
  try {
    return process.kill(pid, signal);
  } catch (error) {
    // The process may end between the check and the signal.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
