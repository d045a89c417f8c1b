/** Inputs that are one thing or a list of them. */
export function asList(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : value;
}

/** Where one of them stands in the inputs. */
export function pathOf(field: string, value: string | readonly string[], index: number): string {
  return typeof value === "string" ? field : `${field}[${index}]`;
}
