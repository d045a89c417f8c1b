import { HttpError } from "./answers.ts";

/** Returns the MAC address in a path, in lower case with colons. */
export function macOf({ mac = "" }: Readonly<Record<string, string>>): string {
  if (!/^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/i.test(mac)) {
    throw new HttpError(400, "the path must contain a MAC address with hyphens, such as 52-54-00-12-34-56");
  }
  return mac.toLowerCase().replaceAll("-", ":");
}
