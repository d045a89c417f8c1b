/**
 * Returns the switch inhibitors that differ between two systems, such as `dbus-implementation: dbus -> broker`:
 * `switch-to-configuration` refuses to change them while the system runs. Compares the files `switch-inhibitors` in the
 * same way as NixOS 26.05: only names in both files count. An empty text stands for a system without such a file.
 */
export function changedInhibitors(before: string, after: string): string[] {
  if (before === "" || after === "") return [];
  const old = parse(before);
  const next = parse(after);
  // A development version of NixOS had a list of store paths, which was compared as a whole.
  if (old === undefined || next === undefined)
    return before === after ? [] : ["the switch inhibitors differ"];
  return [...old].flatMap(([name, value]) =>
    next.has(name) && next.get(name) !== value ? [`${name}: ${value} -> ${next.get(name)}`] : [],
  );
}

function parse(text: string): Map<string, string> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return new Map(Object.entries(value).map(([name, item]) => [name, asText(item)]));
  } catch {
    return undefined;
  }
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
