export { generateKeyPair, type KeyPairOptions } from "./generate.ts";
export type { KeyPair } from "./key-pair.ts";
export { convertPkcs8, isPkcs8 } from "./pkcs8.ts";
export {
  decodePrivateKey,
  type DecodedPrivateKey,
  encodePrivateKey,
  type EncodeOptions,
  inspectPrivateKey,
  PrivateKeyError,
  type PrivateKeyInfo,
} from "./private-key.ts";
export {
  type Algorithm,
  fingerprint,
  formatPublicKey,
  keySpec,
  parsePublicKey,
  type PublicKey,
  publicKeyFromBlob,
  sshfp,
} from "./public-key.ts";
export { type SignatureUse, verifySignature } from "./sshsig.ts";
