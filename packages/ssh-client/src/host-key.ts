import { fingerprint, formatPublicKey, type PublicKey, publicKeyFromBlob } from "@nixops4-providers/ssh-keys";
import type { ServerHostKeyAlgorithm } from "ssh2";
import { ConnectError } from "./connect-error.ts";
import type { Endpoint } from "./endpoint.ts";

/** The signature algorithms of host keys, without the one that uses SHA-1 (`ssh-rsa`). */
export const ALL_HOST_KEY_ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

/** Returns the signature algorithms that make the host present a key of a pinned type, in the order of the pinned keys. */
export function pinnedAlgorithms(pins: readonly PublicKey[]): ServerHostKeyAlgorithm[] {
  const algorithms = pins.flatMap(({ type }) =>
    // The SHA-2 signatures of ssh-rsa keys have these names (RFC 8332).
    type === "ssh-rsa" ? (["rsa-sha2-512", "rsa-sha2-256"] as const) : [type as ServerHostKeyAlgorithm],
  );
  return [...new Set(algorithms)];
}

/** Creates the error for a host key that is not pinned. `presented` is `undefined` when the host has no key of a pinned type. */
export function hostKeyMismatch({ label, pins }: Endpoint, presented: Buffer | undefined): ConnectError {
  const expected = pins.map((pin) => `${fingerprint(pin.blob)} (${pin.type})`).join(" or ");
  const found = presented === undefined ? "no key of that type" : describe(presented);
  return new ConnectError(
    "host-key",
    `the host key of ${label} is not the expected one: expected ${expected}, presented ${found}`,
    {
      hint:
        "Nothing was sent to it. Either something else answers at this address, or the host was given a new key: " +
        "then compare with `ssh-keygen -lf /etc/ssh/ssh_host_…_key.pub` on its console and correct `hostPublicKeys`.",
    },
  );
}

/** Returns the line for `hostPublicKeys`. */
export function formatHostKey(blob: Buffer): string {
  return formatPublicKey(publicKeyFromBlob(blob));
}

function describe(blob: Buffer): string {
  const type = blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1");
  return `${fingerprint(blob)} (${type})`;
}
