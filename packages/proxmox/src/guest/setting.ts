import type { GuestInputs } from "./guest-run.ts";
import type { Uses } from "./uses.ts";
import { readMarker, withMarker, withoutMarker } from "./marker.ts";
import { parseProps, printProps, type Props } from "../client/property-string.ts";

/** The wanted value of one key of a guest's configuration. */
export interface Setting {
  key: string;
  /** The input that sets it. */
  path: string;
  /** The value for a guest without the key. */
  initial: string;
  /** The value for a guest with the key. Keeps properties that the inputs do not manage. */
  merge(existing: string): string;
  isSame(existing: string): boolean;
  /** What must exist on the node when the key is written. */
  uses?: Uses;
  /** What Proxmox VE assumes for a guest without the key. */
  absent?: string;
  /** The properties of a value that has some. */
  props?: PropsOptions;
}

/** A key with one value. */
export function scalar(key: string, path: string, value: string | number | boolean): Setting {
  const text = typeof value === "boolean" ? (value ? "1" : "0") : String(value);
  return { key, path, initial: text, merge: () => text, isSame: (existing) => isSameValue(existing, text) };
}

/** A key with one value; `undefined` if the input is not set. */
export function optional(
  key: string,
  path: string,
  value: string | number | boolean | undefined,
): Setting | undefined {
  return value === undefined ? undefined : scalar(key, path, value);
}

/** Adds what Proxmox VE assumes for a guest without the key, so that it is not written. */
export function isAssumed(absent: string, setting: Setting | undefined): Setting | undefined {
  return setting === undefined ? undefined : { ...setting, absent };
}

/** Proxmox VE returns some numbers as text and some text as numbers, and adds a newline to notes. */
function isSameValue(a: string, b: string): boolean {
  if (a.trimEnd() === b.trimEnd()) return true;
  return a.trim() !== "" && b.trim() !== "" && Number(a) === Number(b);
}

export interface PropsOptions {
  key: string;
  path: string;
  defaultKey: string;
  /** The properties that the inputs set; `undefined` removes one. */
  managed: Readonly<Record<string, string | undefined>>;
  /** The values of properties that are not set. */
  defaults?: Props;
  /** The properties that stay when they are no longer inputs. */
  kept?: readonly string[];
  /** Parses an existing value into the names of `managed`. */
  read?: (text: string) => Props;
}

/** A key with named properties. Those that are not managed stay as they are. */
export function propsSetting(props: PropsOptions): Setting {
  const { key, path, defaultKey, managed, defaults = {}, read } = props;
  const parse = read ?? ((text: string) => parseProps(text, defaultKey));
  const merged = (existing: string) => ({ ...parse(existing), ...managed });
  return {
    key,
    path,
    props,
    initial: printProps(managed, defaultKey),
    merge: (existing) => printProps(merged(existing), defaultKey),
    isSame: (existing) => canonical(merged(existing), defaults) === canonical(parse(existing), defaults),
  };
}

/** Also removes the properties that only the previous inputs set. */
export function withoutDropped(setting: Setting, previous: Setting | undefined): Setting {
  const { props } = setting;
  if (props === undefined || previous?.props === undefined) return setting;
  const dropped = Object.keys(previous.props.managed).filter((name) => props.kept?.includes(name) !== true);
  const gone = Object.fromEntries(dropped.map((name) => [name, undefined]));
  return { ...setting, ...propsSetting({ ...props, managed: { ...gone, ...props.managed } }) };
}

function canonical(props: Readonly<Record<string, string | undefined>>, defaults: Props): string {
  const entries = Object.entries(props)
    .filter(([name, value]) => value !== undefined && value !== defaults[name])
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(entries);
}

/** The tags. Proxmox VE returns them sorted and in lower case. */
export function tagsSetting(tags: readonly string[]): Setting | undefined {
  if (tags.length === 0) return undefined;
  const canonicalTags = (text: string) =>
    [...new Set(text.toLowerCase().split(/[;, ]+/))]
      .filter((tag) => tag !== "")
      .toSorted()
      .join(";");
  const text = canonicalTags(tags.join(";"));
  return {
    key: "tags",
    path: "tags",
    initial: text,
    merge: () => text,
    isSame: (existing) => canonicalTags(existing) === text,
  };
}

/** The notes with the marker. Existing notes stay if the inputs never set any. */
export function descriptionSetting(
  { description, owner, name }: GuestInputs,
  previous: Partial<GuestInputs>,
): Setting {
  const marker = { owner, name };
  const isDropped = description === undefined && (previous.description ?? undefined) !== undefined;
  const text = (existing: string) =>
    withMarker(description ?? (isDropped ? "" : withoutMarker(existing)), marker);
  return {
    key: "description",
    path: "description",
    initial: text(""),
    merge: text,
    isSame: (existing) => readMarker(existing) !== undefined && text(existing) === existing.trimEnd(),
  };
}
