const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;

/** Encodes Unix text as netascii (RFC 764): LF becomes CR LF, CR becomes CR NUL. Chunks can be encoded separately. */
export function encodeNetascii(text: Buffer): Buffer {
  const encoded = Buffer.allocUnsafe(text.length * 2);
  let length = 0;
  for (const byte of text) {
    if (byte === LF) encoded[length++] = CR;
    encoded[length++] = byte;
    if (byte === CR) encoded[length++] = NUL;
  }
  return encoded.subarray(0, length);
}
