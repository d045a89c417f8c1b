/** Inputs that are one value or a list of values. */
export function asList(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : value;
}

/** Returns the path of one of the values in the inputs. */
export function pathOf(field: string, value: string | readonly string[], index: number): string {
  return typeof value === "string" ? field : `${field}[${index}]`;
}
