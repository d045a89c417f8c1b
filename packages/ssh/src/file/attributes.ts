/** An existing file. */
export interface Observed {
  /** Of the contents, in hex. */
  sha256: string;
  mode: number;
  uid: string;
  gid: string;
  owner: string;
  group: string;
}

/** The wanted mode in octal, and the names or numbers of the owner and the group; empty for those of a new file. */
export interface Attributes {
  mode: string;
  owner: string;
  group: string;
}

/** Reads the output of scripts/observe.sh; `undefined` when there is no file. */
export function parseObserved(text: string): Observed | undefined {
  if (text === "") return undefined;
  const [facts = "", owner = "", group = ""] = text.split("\n");
  const [sha256 = "", mode = "", uid = "", gid = ""] = facts.split(" ");
  return { sha256, mode: Number.parseInt(mode, 8), uid, gid, owner, group };
}

/** Returns the attributes that a file should have. What is not set stays as it is. */
export function wantedAttributes(
  { mode, owner, group, secret }: Partial<Attributes> & { secret?: unknown },
  existing: Observed | undefined,
): Attributes {
  return {
    mode: mode ?? (secret === undefined ? "0644" : "0600"),
    owner: owner ?? existing?.uid ?? "",
    group: group ?? existing?.gid ?? "",
  };
}

export function hasAttributes(existing: Observed, { mode, owner, group }: Attributes): boolean {
  return (
    existing.mode === Number.parseInt(mode, 8) &&
    [existing.uid, existing.owner].includes(owner) &&
    [existing.gid, existing.group].includes(group)
  );
}
