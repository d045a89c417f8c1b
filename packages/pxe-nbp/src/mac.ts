import { Type, type Violation } from "@nixops4-providers/provider-sdk";

/** The input `macs` of the types that concern one machine. */
export const macsField = Type.Array(Type.String(), {
  minItems: 1,
  maxItems: 16,
  description:
    "The MAC addresses of the machine's network cards, such as `52:54:00:12:34:56` or `52-54-00-12-34-56`. One is enough " +
    "if the machine boots from that card.",
});

/** Checks what the schema cannot express, for the `check` of a resource. */
export function checkMacs(macs: readonly string[]): Violation[] {
  return macs.flatMap((mac, index) => {
    const message = refuseMac(mac) ?? (isRepeated(macs, index) ? "is listed twice" : undefined);
    return message === undefined ? [] : [{ path: `macs[${index}]`, message }];
  });
}

/** Returns the address in lower case with colons. */
export function normalizeMac(mac: string): string {
  return mac.toLowerCase().replaceAll("-", ":");
}

/** Returns the address in lower case with hyphens, as in file names. */
export function hyphenated(mac: string): string {
  return normalizeMac(mac).replaceAll(":", "-");
}

function refuseMac(mac: string): string | undefined {
  if (!/^[0-9a-f]{2}([:-])[0-9a-f]{2}(\1[0-9a-f]{2}){4}$/i.test(mac)) {
    return "must be a MAC address: six pairs of hexadecimal digits with colons or hyphens between them";
  }
  if (Number.parseInt(mac.slice(0, 2), 16) & 1) return "is the address of a group, not of a network card";
  return normalizeMac(mac) === "00:00:00:00:00:00" ? "is no network card's address" : undefined;
}

function isRepeated(macs: readonly string[], index: number): boolean {
  return macs.slice(0, index).some((earlier) => normalizeMac(earlier) === normalizeMac(macs[index]!));
}
