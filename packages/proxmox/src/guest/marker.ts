/** The owner and the name of a guest, kept in its notes as a Markdown comment, which is not shown. */
export interface Marker {
  owner: string;
  name: string;
}

const PATTERN = /<!-- nixops4: owner=(\S+) name=(\S+) -->/;

export function readMarker(description: string | undefined): Marker | undefined {
  const [, owner, name] = PATTERN.exec(description ?? "") ?? [];
  return owner === undefined ? undefined : { owner, name: name! };
}

/** Appends the marker to notes. */
export function withMarker(description: string, { owner, name }: Marker): string {
  const marker = `<!-- nixops4: owner=${owner} name=${name} -->`;
  return description === "" ? marker : `${description.trimEnd()}\n\n${marker}`;
}

export function withoutMarker(description: string): string {
  return description.replace(PATTERN, "").trimEnd();
}
