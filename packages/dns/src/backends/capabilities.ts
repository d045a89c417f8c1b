import type { Capabilities } from "./backend.ts";

const MAX_TTL = 2 ** 31 - 1;

export const RFC2136_CAPABILITIES: Capabilities = {
  compareAndSet: true,
  atomicBatch: true,
  ttl: { min: 0, max: MAX_TTL },
  marker: "record",
  lagSeconds: 1,
};

export const POWERDNS_CAPABILITIES: Capabilities = {
  compareAndSet: false,
  atomicBatch: true,
  ttl: { min: 0, max: MAX_TTL },
  marker: "comment",
  lagSeconds: 2,
};

/** What all of the cloud APIs take. */
const COMMON = ["A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NS", "PTR", "SRV", "SVCB", "TLSA", "TXT"];

export const HETZNER_CAPABILITIES: Capabilities = {
  compareAndSet: false,
  atomicBatch: false,
  ttl: { min: 60, max: MAX_TTL },
  marker: "comment",
  owner: {
    pattern: /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    rule: "must be a label of Hetzner: at most 63 letters, digits and `._-`, the first and the last a letter or digit",
  },
  types: COMMON,
  lagSeconds: 30,
};

export const DESEC_CAPABILITIES: Capabilities = {
  compareAndSet: false,
  atomicBatch: true,
  ttl: { min: 1, max: 86_400 },
  marker: "record",
  types: [...COMMON, "CDS", "LOC", "NAPTR", "SSHFP"],
  lagSeconds: 30,
};

export const CLOUDFLARE_CAPABILITIES: Capabilities = {
  compareAndSet: false,
  atomicBatch: true,
  ttl: { min: 60, max: 86_400 },
  marker: "comment",
  // A comment has at most 100 characters.
  owner: { pattern: /^.{1,80}$/, rule: "must have at most 80 characters" },
  types: [...COMMON, "LOC", "NAPTR", "SSHFP"],
  fixedNameServers: true,
  lagSeconds: 30,
};

export const CLOUDFLARE_PROXIED_CAPABILITIES: Capabilities = {
  ...CLOUDFLARE_CAPABILITIES,
  proxiedTypes: ["A", "AAAA", "CNAME"],
};

export const GANDI_CAPABILITIES: Capabilities = {
  compareAndSet: false,
  atomicBatch: false,
  // The API answers `60 is less than minimum value 300` (octodns/octodns#1234). DNSControl's provider GANDI_V5 has the
  // same minimum and this maximum.
  ttl: { min: 300, max: 2_592_000 },
  marker: "record",
  types: [...COMMON, "CDS", "DNAME", "LOC", "NAPTR", "SSHFP"],
  lagSeconds: 30,
};
