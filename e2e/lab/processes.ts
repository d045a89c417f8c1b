import { readdirSync, readFileSync } from "node:fs";

export function processIds(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Returns the contents of a file in `/proc/<pid>`; an empty string when the process has exited. */
export function processFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch {
    return "";
  }
}

/** Returns the current descendants of a process. */
export function descendantsOf(pid: number): number[] {
  const parents = new Map(processIds().map((id) => [id, parentOf(id)]));
  const childrenOf = (parent: number): number[] =>
    [...parents].flatMap(([id, of]) => (of === parent ? [id, ...childrenOf(id)] : []));
  return childrenOf(pid);
}

function parentOf(pid: number): number {
  // The state and the parent follow the name, which may contain spaces.
  return Number(/^.*\) \S (\d+)/s.exec(processFile(pid, "stat"))?.[1]);
}
