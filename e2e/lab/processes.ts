import { readdirSync, readFileSync } from "node:fs";

export function processIds(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** A file below `/proc/<pid>`; empty when the process has ended. */
export function processFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch {
    return "";
  }
}

/** The processes that a process has started, and those that they have, at this moment. */
export function descendantsOf(pid: number): number[] {
  const parents = new Map(processIds().map((id) => [id, parentOf(id)]));
  const childrenOf = (parent: number): number[] =>
    [...parents].flatMap(([id, of]) => (of === parent ? [id, ...childrenOf(id)] : []));
  return childrenOf(pid);
}

function parentOf(pid: number): number {
  // After the name, which may have spaces in it: the state, and the parent.
  return Number(/^.*\) \S (\d+)/s.exec(processFile(pid, "stat"))?.[1]);
}
