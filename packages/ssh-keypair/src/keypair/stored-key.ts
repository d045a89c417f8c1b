import {
  decodePrivateKey,
  encodePrivateKey,
  type KeyPair,
  PrivateKeyError,
} from "@nixops4-providers/ssh-keys";

export interface Passphrases {
  /** The passphrase to encrypt with; `undefined` for none. */
  readonly wanted: string | undefined;
  /** Reads the passphrase of the last run. Called only if needed, since its source may no longer exist. */
  previous(): Promise<string | undefined>;
}

/** A stored private key. */
export interface StoredKey {
  keyPair: KeyPair;
  text: string;
  /** The passphrase of `text`; `undefined` if it is not encrypted. */
  passphrase: string | undefined;
  /** The check number in `text`. */
  check: number;
}

/** Reads a private key with the wanted passphrase or the previous one. Throws PrivateKeyError. */
export async function openKey(text: string, passphrases: Passphrases): Promise<StoredKey> {
  try {
    return await openWith(passphrases.wanted, text);
  } catch (error) {
    if (!(error instanceof PrivateKeyError) || error.reason !== "passphrase") throw error;
    const previous = await passphrases.previous();
    if (previous === undefined || previous === passphrases.wanted) throw error;
    return openWith(previous, text);
  }
}

/** Returns the text to store: the existing one if its comment and passphrase match, else a new one. */
export async function storedAs(
  key: Pick<StoredKey, "keyPair"> & Partial<StoredKey>,
  wanted: { comment: string; passphrase: string | undefined; check: number | undefined },
): Promise<string> {
  const { publicKey } = key.keyPair;
  const { comment, passphrase, check } = wanted;
  if (key.text !== undefined && publicKey.comment === comment && key.passphrase === passphrase)
    return key.text;
  return encodePrivateKey({ ...key.keyPair, publicKey: { ...publicKey, comment } }, { passphrase, check });
}

async function openWith(passphrase: string | undefined, text: string): Promise<StoredKey> {
  const { keyPair, encrypted, check } = await decodePrivateKey(text, passphrase);
  return { keyPair, text, passphrase: encrypted ? passphrase : undefined, check };
}
