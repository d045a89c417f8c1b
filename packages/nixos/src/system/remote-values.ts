/** Reads lines of the form `name=value`; a missing name has the empty string. */
export function parseValues(text: string): (name: string) => string {
  const values = new Map(
    text.split("\n").flatMap((line) => {
      const at = line.indexOf("=");
      return at === -1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
  return (name) => values.get(name) ?? "";
}
