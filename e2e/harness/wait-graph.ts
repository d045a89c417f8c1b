/** Records which member waits for which, so that a cycle is an error and not a deadlock. */
export class WaitGraph {
  readonly #waits = new Map<string, Set<string>>();

  /** Records a wait, and returns whether it is new. Throws an error with the path of the cycle that it would close. */
  add(from: string, to: string): boolean {
    const waits = this.#waits.get(from) ?? new Set();
    if (waits.has(to)) return false;
    const back = this.#path(to, from);
    if (back !== undefined) throw new Error(`Cycle detected: ${[from, ...back].join(" -> ")}`);
    this.#waits.set(from, waits.add(to));
    return true;
  }

  #path(from: string, to: string, seen = new Set<string>()): string[] | undefined {
    if (from === to) return [to];
    if (seen.has(from)) return undefined;
    seen.add(from);
    for (const next of this.#waits.get(from) ?? []) {
      const rest = this.#path(next, to, seen);
      if (rest !== undefined) return [from, ...rest];
    }
    return undefined;
  }
}
