/** Returns the problem with the size of a key in bits, or `undefined`. OpenSSH also supports larger RSA keys, which are slow. */
export function refuseKeySize(algorithm: "ed25519" | "ecdsa" | "rsa", bits: number): string | undefined {
  switch (algorithm) {
    case "ed25519":
      return "must not be set: an ed25519 key has one size";
    case "ecdsa":
      return [256, 384, 521].includes(bits) ? undefined : "must be 256, 384 or 521 for an ecdsa key";
    case "rsa":
      return bits >= 2048 && bits <= 8192 ? undefined : "must be 2048 to 8192 for an rsa key";
  }
}
