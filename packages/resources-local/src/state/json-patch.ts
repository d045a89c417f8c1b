// RFC 6902 for documents with any names and numbers. The libraries refuse `__proto__`, `constructor` and `prototype`.
import { isObject, JsonNumber, sameJson } from "@nixops4-providers/json";

/** Applies one operation to the document in `box`, in place. Throws if it is not valid or does not apply. */
export function applyOperation(box: { root: unknown }, operation: unknown): void {
  if (!isObject(operation)) throw new PatchError("is not valid");
  const { op, value } = operation;
  const target = locate(box, operation["path"]);
  switch (op) {
    case "add":
      return add(target, copyOf(value));
    case "remove":
      return void remove(target);
    case "replace":
      read(target);
      return write(target, copyOf(value));
    case "copy":
      return add(target, copyOf(read(locate(box, operation["from"]))));
    case "move": {
      const from = operation["from"];
      const source = locate(box, from);
      if (String(operation["path"]).startsWith(`${String(from)}/`)) throw new PatchError("does not apply");
      const moved = remove(source);
      // The removal may have changed the container.
      return add(locate(box, operation["path"]), moved);
    }
    case "test":
      if (value === undefined || !sameJson(read(target), value)) throw new PatchError("does not apply");
      return undefined;
    default:
      throw new PatchError("is not valid");
  }
}

export class PatchError extends Error {
  override readonly name = "PatchError";
}

/** A place in a document, which may have a value. */
type Place = { in: Record<string, unknown>; key: string } | { in: unknown[]; key: string };

const ROOT = "root";

function locate(box: { root: unknown }, pointer: unknown): Place {
  if (typeof pointer !== "string" || !/^(?:$|\/)/.test(pointer) || /~(?![01])/.test(pointer)) {
    throw new PatchError("is not valid");
  }
  const keys = pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  let place: Place = { in: box, key: ROOT };
  for (const key of keys) {
    const container = read(place);
    if (!isObject(container) && !Array.isArray(container)) throw new PatchError("does not apply");
    place = { in: container, key } as Place;
  }
  return place;
}

function read(place: Place): unknown {
  if (Array.isArray(place.in)) return place.in[indexUpTo(place.in.length - 1, place.key)];
  if (!Object.hasOwn(place.in, place.key)) throw new PatchError("does not apply");
  return place.in[place.key];
}

function write(place: Place, value: unknown): void {
  if (Array.isArray(place.in)) place.in[Number(place.key)] = value;
  else setField(place.in, place.key, value);
}

function add(place: Place, value: unknown): void {
  if (!Array.isArray(place.in)) return setField(place.in, place.key, value);
  const { length } = place.in;
  place.in.splice(place.key === "-" ? length : indexUpTo(length, place.key), 0, value);
}

function remove(place: Place): unknown {
  const removed = read(place);
  if (Array.isArray(place.in)) place.in.splice(Number(place.key), 1);
  else delete place.in[place.key];
  return removed;
}

function indexUpTo(last: number, key: string): number {
  const index = Number(key);
  if (!/^(?:0|[1-9]\d*)$/.test(key) || index > last) throw new PatchError("does not apply");
  return index;
}

function setField(object: Record<string, unknown>, name: string, value: unknown): void {
  // An assignment to `__proto__` would change the object's prototype.
  if (name === "__proto__")
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  else object[name] = value;
}

/** Returns a copy of a value, because later operations may change it, and must not change the patch. */
function copyOf(value: unknown): unknown {
  if (value === undefined) throw new PatchError("does not apply");
  return copy(value);
}

function copy(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof JsonNumber) return value;
  if (Array.isArray(value)) return value.map(copy);
  const copied: Record<string, unknown> = {};
  for (const name of Object.keys(value))
    setField(copied, name, copy((value as Record<string, unknown>)[name]));
  return copied;
}
