/** The properties of a value such as `local:8,discard=on`, by name. */
export type Props = Readonly<Record<string, string>>;

/** Parses comma-separated properties. A value without a name belongs to `defaultKey`. */
export function parseProps(text: string, defaultKey: string): Props {
  const pairs = text
    .split(",")
    .filter((part) => part !== "")
    .map((part) => {
      const equals = part.indexOf("=");
      return equals === -1 ? [defaultKey, part] : [part.slice(0, equals), part.slice(equals + 1)];
    });
  return Object.fromEntries(pairs) as Props;
}

/** Formats properties: that of `defaultKey` first and without its name, `undefined` left out. */
export function printProps(props: Readonly<Record<string, string | undefined>>, defaultKey: string): string {
  const { [defaultKey]: first, ...rest } = props;
  const named = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
  return [...(first === undefined ? [] : [first]), ...named].join(",");
}

/** Formats a boolean as Proxmox VE does; `undefined` stays. */
export function flag(value: boolean | undefined): string | undefined {
  return value === undefined ? undefined : value ? "1" : "0";
}
