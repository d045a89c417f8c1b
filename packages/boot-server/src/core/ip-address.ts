/** Returns an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) as an IPv4 address, any other address unchanged. */
export function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
