/**
 * What has changed from one system to another that `switch-to-configuration` refuses to change while the system runs,
 * each as `dbus-implementation: dbus -> broker`. Compares the contents of `switch-inhibitors` as NixOS does since
 * 26.05: only what both name counts. An empty text is a system that has no such file.
 */
export function changedInhibitors(before: string, after: string): string[] {
  if (before === "" || after === "") return [];
  const old = parse(before);
  const next = parse(after);
  // A development version of NixOS had a list of store paths, and compared it as a whole.
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
