import { isDeepStrictEqual } from "node:util";
import { isObject } from "@nixops4-providers/json";

/** Returns the RFC 6902 operations that change one value into another. A changed list is replaced as a whole. */
export function diff(before: unknown, after: unknown, path = ""): object[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (!isObject(before) || !isObject(after)) return [{ op: "replace", path, value: after }];
  const removed = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  return [
    ...removed.map((name) => ({ op: "remove", path: join(path, name) })),
    ...Object.entries(after).flatMap(([name, value]): object[] =>
      Object.hasOwn(before, name)
        ? diff(before[name], value, join(path, name))
        : [{ op: "add", path: join(path, name), value }],
    ),
  ];
}

function join(path: string, name: string): string {
  return `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
